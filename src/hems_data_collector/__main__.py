"""`python -m hems_data_collector`: the same as the command `hems-data-collector`."""

import sys

from hems_data_collector.cli import main

if __name__ == "__main__":
    sys.exit(main())
