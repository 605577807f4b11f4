"""A test that boots a whole system is asked for by name: `make test-long`, or `make test-service`."""

from __future__ import annotations

import os

collect_ignore = [] if os.environ.get("HEMS_TEST_NSPAWN") else ["test_service_nspawn.py"]
