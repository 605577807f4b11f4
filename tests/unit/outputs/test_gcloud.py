"""The settings of the Pub/Sub output, and what may be missing on a machine; tests/services publishes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from hems_data_collector.clock import SystemClock
from hems_data_collector.errors import ConfigError
from hems_data_collector.outputs.formats import JSON
from hems_data_collector.outputs.gcloud import GcloudOutput, emulator_host, project_id, topic_id

SETTINGS = {setting.name: setting for setting in GcloudOutput.settings}


def output(**values: Any) -> GcloudOutput:
    return GcloudOutput.build(
        {"gcp_project": "home-1234", "gcp_topic": "hems-data", **values}, JSON, clock=SystemClock()
    )


@pytest.mark.parametrize("text", ["your-project-id", "home-1234", "abcdef", "example.com:my-project", "123456789012"])
def test_a_project_id(text: str) -> None:
    assert project_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "UPPER-case",
        "1home-project",
        "home-project-",
        "a" * 31,
        "home project",
        "projects/home",
        "home-1234\n",
        "...",
    ],
)
def test_no_project_id(text: str) -> None:
    with pytest.raises(ValueError, match="6 to 30"):
        project_id(text)


@pytest.mark.parametrize("text", ["hems-data", "abc", "A.b_c~d+e%f", "a" * 255])
def test_a_topic_id(text: str) -> None:
    assert topic_id(text) == text


@pytest.mark.parametrize(
    "text", ["", "ab", "1topic", "google-topic", "a" * 256, "hems data", "projects/p/topics/t", "実家", "topic\n"]
)
def test_no_topic_id(text: str) -> None:
    with pytest.raises(ValueError, match="3 to 255"):
        topic_id(text)


@pytest.mark.parametrize("text", ["localhost:8085", "127.0.0.1:8085", "[::1]:8085", "pub-sub.local:1"])
def test_an_emulator_host(text: str) -> None:
    assert emulator_host(text) == text


@pytest.mark.parametrize("text", ["", "localhost", "http://localhost:8085", "localhost:", "::1:80", "a b:80"])
def test_no_emulator_host(text: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        emulator_host(text)


def test_the_settings_users_have() -> None:
    known = {setting.flag: (setting.environment, setting.default) for setting in GcloudOutput.settings}
    assert known["--gcp-project"] == ("GCP_PROJECT_ID", "your-project-id")
    assert known["--gcp-topic"] == ("GCP_TOPIC_NAME", "hems-data")
    assert SETTINGS["gcp_emulator_host"].environment == "PUBSUB_EMULATOR_HOST"


def test_the_placeholder_project_needs_an_emulator() -> None:
    with pytest.raises(ConfigError, match="your-project-id") as caught:
        output(gcp_project="your-project-id")
    assert caught.value.setting == "--gcp-project"
    assert "GCP_PROJECT_ID" in caught.value.cause
    assert "PUBSUB_EMULATOR_HOST" in caught.value.remedy
    output(gcp_project="your-project-id", gcp_emulator_host="localhost:8085")


async def test_a_missing_extra_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.pubsub_v1", None)  # as if it were not installed
    with pytest.raises(ConfigError, match=r"which is not installed") as caught:
        await output().open()
    assert caught.value.remedy == (
        "pip install 'hems-data-collector[gcloud]' (in a clone: pip install -e '.[gcloud]')."
    )


@pytest.mark.parametrize("content", [None, "", "no json", "{}", '{"type": "service_account"}', '{"type": "magic"}'])
async def test_a_key_file_that_is_none(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        await output(gcp_credentials=str(path)).open()
    assert caught.value.setting == "GOOGLE_APPLICATION_CREDENTIALS"
    assert caught.value.what.startswith(f"The key file {path} of Google Cloud cannot be used (")
    assert "gcloud auth application-default login" in caught.value.remedy


async def test_a_key_file_that_is_one(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "key.json"
    account = {
        "type": "service_account",
        "client_email": "meter@home-1234.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
        "private_key": key.decode(),
    }
    path.write_text(json.dumps(account))
    out = output(gcp_credentials=str(path))
    await out.open()
    assert "PRIVATE KEY" not in repr(out) + repr(vars(out))
    await out.close()


@pytest.mark.parametrize(("before", "after"), [(None, "NONE"), ("DEBUG", "DEBUG")])
async def test_grpc_prints_nothing_unless_somebody_wants_it(
    monkeypatch: pytest.MonkeyPatch, before: str | None, after: str
) -> None:
    monkeypatch.setenv("GRPC_VERBOSITY", before or "")  # so that it is put back in any case
    if before is None:
        monkeypatch.delenv("GRPC_VERBOSITY")
    out = output(gcp_emulator_host="localhost:8085")
    await out.open()
    assert os.environ["GRPC_VERBOSITY"] == after
    await out.close()


async def test_nobody_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # nor are we on a machine of Google
    with pytest.raises(ConfigError, match="No credentials for Google Cloud were found") as caught:
        await output().open()
    assert caught.value.cause == "Nobody is logged in on this machine."
