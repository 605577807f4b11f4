"""What a webhook is built from, and what it makes of answers; real servers are in tests/services."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hems_data_collector.clock import SystemClock
from hems_data_collector.credentials import Secret
from hems_data_collector.errors import ConfigError
from hems_data_collector.outputs.endpoint import Endpoint
from hems_data_collector.outputs.formats import YAML
from hems_data_collector.outputs.webhook import WebhookOutput, header_pair, retry_after_s

NOW = datetime(2025, 4, 1, 3, 0, 0, tzinfo=UTC)


def output(url: str = "https://user:hunter22@home.example/hook/PATHKEY", **values: Any) -> WebhookOutput:
    return WebhookOutput.build({"webhook_url": Endpoint.parse(url), **values}, YAML, clock=SystemClock())


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("Authorization: Bearer abc", ("Authorization", "Bearer abc")),
        ("x-key:v", ("x-key", "v")),
        ("  X-Key :  a: b ; c  ", ("X-Key", "a: b ; c")),
    ],
)
def test_a_header_is_a_name_and_a_value(text: str, pair: tuple[str, str]) -> None:
    assert header_pair(text) == pair


@pytest.mark.parametrize(
    "text",
    [
        "hunter22",
        ": hunter22",
        "bad name: hunter22",
        "X-Key:",
        "X-Key: \r\nInjected: hunter22",
        "X-Key: hunter22\nInjected: x",
        "X-Key: hünter22",
        "Content-Length: 22",
        "content-type: hunter22",
        "Host: hunter22",
        "Webhook-Id: hunter22",
        "WEBHOOK-SIGNATURE: hunter22",
    ],
)
def test_what_is_no_header_of_the_user_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="header") as caught:
        header_pair(text)
    assert "nter22" not in str(caught.value)


def test_settings_of_several_headers_in_one_variable() -> None:
    (setting,) = [setting for setting in WebhookOutput.settings if setting.name == "webhook_headers"]
    assert setting.split("A: 1\nB: x;;C: y; z\n\n") == ("A: 1", "B: x", "C: y; z")
    assert setting.value("A: 1") == Secret("A: 1")
    with pytest.raises(ValueError, match="'Name: value'"):
        setting.value("nonsense")


@pytest.mark.parametrize("name", ["webhook_headers", "webhook_secret"])
def test_secrets_arrive_as_secrets(name: str) -> None:
    (setting,) = [setting for setting in WebhookOutput.settings if setting.name == name]
    text = {"webhook_headers": "X: hunter22", "webhook_secret": "whsec_aHVudGVyMjI="}[name]
    assert isinstance(setting.value(text), Secret)
    assert "unter22" not in repr(setting.value(text))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Tue, 01 Apr 2025 03:02:00 GMT", 120.0),
        ("Tue, 01 Apr 2025 02:00:00 GMT", 0.0),
        ("Tuesday, 01-Apr-25 03:01:00 GMT", 60.0),
        ("Tue Apr  1 03:00:30 2025", 30.0),
        ("99999999999999999999", 3600.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 3600.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("Tue, 99 Apr 2025 03:02:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_bounds(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


@pytest.mark.parametrize(
    "url", ["http://ä..example/SECRET", "http://1.2.3.999/SECRET", f"http://h/{'x' * 70_000}SECRET"]
)
async def test_an_address_that_only_the_client_refuses_is_a_setting_to_mend(url: str) -> None:
    with pytest.raises(ConfigError, match="malformed") as caught:
        await output(url).open()
    assert caught.value.setting == "--webhook-url"
    assert "SECRET" not in str(caught.value)


def test_an_output_does_not_show_its_secrets() -> None:
    out = output(webhook_headers=(Secret("X-Api-Key: hunter33"),), webhook_secret=Secret("whsec_aHVudGVyNDQ="))
    assert repr(out) == "WebhookOutput(https://home.example, headers={'authorization': '****', 'x-api-key': '****'})"


async def test_a_short_signing_secret_is_mentioned_once(caplog: pytest.LogCaptureFixture) -> None:
    out = output(webhook_secret=Secret("whsec_aHVudGVyNDQ="))
    await out.open()
    await out.close()
    assert caplog.messages == ["webhook: the signing secret is shorter than 24 bytes; make a longer one"]


async def test_a_wrong_certificate_file_is_a_setting_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(ConfigError, match="SSL_CERT_FILE") as caught:
        await output().open()
    assert caught.value.remedy


async def test_a_wrong_proxy_is_a_setting_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://proxy")
    with pytest.raises(ConfigError, match="proxy"):
        await output().open()
