"""The webhook output against a real HTTP server, with and without TLS, well-behaved and not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trustme

from hems_data_collector.clock import Clock, LoopClock, SystemClock
from hems_data_collector.collector.delivery import Delivery, Health
from hems_data_collector.credentials import Secret
from hems_data_collector.errors import OutputError, OutputPaused, OutputRejected, OutputUnavailable
from hems_data_collector.outputs import webhook
from hems_data_collector.outputs.endpoint import Endpoint
from hems_data_collector.outputs.formats import JSON, YAML
from hems_data_collector.outputs.webhook import WebhookOutput
from support.records import FIRST_AS_JSON, HALF_HOUR_AS_JSON, half_hour, record, records
from support.waiting import until
from support.web_server import Answer, Received, WebServer, server_tls

pytestmark = pytest.mark.services

KEY = b"0123456789abcdef0123456789abcdef"
SIGNING_SECRET = "whsec_" + base64.b64encode(KEY).decode()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer().running() as running:
        yield running


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine trusts the test's authority and nobody else."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.fixture
def tls_server(authority: trustme.CA) -> Iterator[WebServer]:
    with WebServer(server_tls(authority)).running() as running:
        yield running


async def opened(url: str, clock: Clock | None = None, **values: Any) -> WebhookOutput:
    given = {"webhook_url": Endpoint.parse(url), **values}
    output = WebhookOutput.build(given, YAML, clock=clock or SystemClock())
    await output.open()
    return output


async def attempt(url: str, clock: Clock | None = None, **values: Any) -> OutputError | None:
    """What comes of one record: None, or the error."""
    output = await opened(url, clock, **values)
    try:
        await output.deliver([record()], None)
    except OutputError as error:
        return error
    finally:
        await output.close()
    return None


def answering(server: WebServer, status: int, **headers: str) -> None:
    server.answer = lambda _received: Answer(status, {name.replace("_", "-"): text for name, text in headers.items()})


async def test_the_body_is_exactly_the_record_and_the_key_goes_along(server: WebServer) -> None:
    assert await attempt(server.url("/hook?token=T")) is None
    (received,) = server.requests
    assert (received.method, received.target, received.body) == ("POST", "/hook?token=T", FIRST_AS_JSON)
    headers = dict(received.headers)
    assert headers.pop("user-agent").startswith("hems-data-collector/")
    assert headers == {
        "host": f"localhost:{server.port}",
        "content-type": "application/json",
        "content-length": str(len(FIRST_AS_JSON)),
        "webhook-id": "000016-A1B2C3/2025-04-01T03:00:00%2E123456+00:00",
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "keep-alive",
    }


async def test_a_half_hour_is_a_record_like_any_other(server: WebServer) -> None:
    output = await opened(server.url("/hook"))
    await output.deliver([half_hour()], None)
    await output.close()
    (received,) = server.requests
    assert (received.method, received.target, received.body) == ("POST", "/hook", HALF_HOUR_AS_JSON)
    assert received.headers["webhook-id"] == "000016-A1B2C3/2025-04-01T03:00:00+00:00/half-hour"


async def test_one_record_a_request_in_order(server: WebServer) -> None:
    output = await opened(server.url())
    assert await output.deliver(records(3), b"position") == b"position"
    await output.close()
    assert [received.body + b"\n" for received in server.requests] == [JSON.encode(item) for item in records(3)]


async def test_headers_for_authentication(server: WebServer) -> None:
    headers = (Secret("X-Api-Key: k"), Secret("Authorization: Bearer b"))
    assert await attempt(server.url().replace("//", "//user:pass@"), webhook_headers=headers) is None
    assert await attempt(server.url().replace("//", "//user:pass@")) is None
    first, second = server.requests
    # a header of its own wins over the user in the address
    assert (first.headers["x-api-key"], first.headers["authorization"]) == ("k", "Bearer b")
    assert second.headers["authorization"] == "Basic " + base64.b64encode(b"user:pass").decode()
    assert "user" not in first.headers["host"]


async def test_the_signature_is_what_the_convention_says(server: WebServer) -> None:
    clock = LoopClock(datetime(2025, 4, 1, 3, 0, 5, 900_000, tzinfo=UTC))
    assert await attempt(server.url(), clock, webhook_secret=Secret(SIGNING_SECRET)) is None
    (received,) = server.requests
    identifier, stamp = received.headers["webhook-id"], received.headers["webhook-timestamp"]
    assert stamp == "1743476405"
    assert "." not in identifier + stamp
    expected = hmac.digest(KEY, f"{identifier}.{stamp}.".encode() + received.body, hashlib.sha256)
    assert received.headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()


async def test_a_retry_has_the_same_id_and_its_own_time(server: WebServer) -> None:
    clock = LoopClock(datetime(2025, 4, 1, 3, 0, tzinfo=UTC))
    output = await opened(server.url(), clock, webhook_secret=Secret(SIGNING_SECRET))
    answering(server, 503)
    with pytest.raises(OutputUnavailable):
        await output.deliver([record()], None)
    clock._start += timedelta(days=7)
    answering(server, 200)
    await output.deliver([record()], None)
    await output.close()
    first, second = server.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 7 * 86_400
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_every_success_is_an_acknowledgement(server: WebServer, status: int) -> None:
    answering(server, status)
    assert await attempt(server.url()) is None


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, OutputUnavailable) for status in (408, 425, 429, 500, 502, 503, 504, 599)),
        *((status, OutputPaused) for status in (401, 403, 404)),
        *((status, OutputRejected) for status in (400, 405, 409, 410, 413, 415, 418, 422, 451)),
    ],
)
async def test_a_status_says_what_to_do_next(server: WebServer, status: int, error: type[OutputError]) -> None:
    server.answer = lambda _received: Answer(status, body=b" the \x1b[31m\r\nreason ")
    caught = await attempt(server.url())
    assert type(caught) is error
    assert caught.what == f"{server.url('')} answered {status} (the [31m reason)."


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (format_datetime(datetime(2025, 4, 1, 3, 2, tzinfo=UTC), usegmt=True), 120.0),
        ("86400", 3600.0),
        ("soon", None),
    ],
)
async def test_retry_after_is_passed_on(server: WebServer, status: int, value: str, seconds: float | None) -> None:
    answering(server, status, retry_after=value)
    caught = await attempt(server.url(), LoopClock(datetime(2025, 4, 1, 3, 0, tzinfo=UTC)))
    assert isinstance(caught, OutputUnavailable)
    assert caught.retry_after_s == pytest.approx(seconds, abs=1) if seconds else caught.retry_after_s is None


@pytest.mark.usefixtures("trusted")
async def test_tls_with_a_trusted_certificate(tls_server: WebServer) -> None:
    assert await attempt(tls_server.url()) is None
    assert [received.body for received in tls_server.requests] == [FIRST_AS_JSON]


async def test_tls_with_an_unknown_authority_is_never_accepted(tls_server: WebServer) -> None:
    caught = await attempt(tls_server.url())
    assert isinstance(caught, OutputUnavailable)
    assert "certificate" in caught.what
    assert caught.cause == "Its certificate is not trusted here."
    assert "SSL_CERT_FILE" in caught.remedy
    assert tls_server.requests == []


@pytest.mark.usefixtures("trusted")
async def test_tls_with_the_name_of_another_host_is_never_accepted(authority: trustme.CA) -> None:
    with WebServer(server_tls(authority, "other.example")).running() as server:
        caught = await attempt(server.url())
        assert isinstance(caught, OutputUnavailable)
        assert "certificate" in caught.cause
        assert server.requests == []


@pytest.mark.usefixtures("trusted")
async def test_tls_with_an_expired_certificate_is_never_accepted(authority: trustme.CA) -> None:
    context = server_tls(authority, not_after=datetime(2020, 1, 1, tzinfo=UTC))
    with WebServer(context).running() as server:
        caught = await attempt(server.url())
        assert isinstance(caught, OutputUnavailable)
        assert "expired" in caught.what
        assert server.requests == []


async def test_a_server_without_tls_is_never_spoken_to_in_plain_instead(server: WebServer) -> None:
    caught = await attempt(server.url().replace("http:", "https:"))
    assert isinstance(caught, OutputUnavailable)
    assert "speaks http" in caught.cause
    assert server.requests == []


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_on_the_same_host_is_followed_with_everything(server: WebServer, status: int) -> None:
    def answer(received: Received) -> Answer:
        return Answer(status, {"location": "/new"}) if received.target == "/hook" else Answer()

    server.answer = answer
    headers = (Secret("X-Api-Key: k"),)
    assert await attempt(server.url(), webhook_headers=headers, webhook_secret=Secret(SIGNING_SECRET)) is None
    first, second = server.requests
    assert (second.method, second.target, second.body) == ("POST", "/new", FIRST_AS_JSON)
    assert second.headers == first.headers


@pytest.mark.usefixtures("trusted")
async def test_a_redirect_to_tls_on_the_same_host_is_followed(server: WebServer, tls_server: WebServer) -> None:
    answering(server, 308, location=tls_server.url())
    assert await attempt(server.url()) is None
    assert [received.body for received in tls_server.requests] == [FIRST_AS_JSON]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_redirect_to_another_host_or_port_is_not_followed(server: WebServer, host: str) -> None:
    with WebServer().running() as other:
        answering(server, 307, location=other.url("/SECRET", host=host))
        caught = await attempt(server.url(), webhook_headers=(Secret("X-Api-Key: k"),))
        assert isinstance(caught, OutputPaused)
        assert caught.what == f"{server.url('')} redirects elsewhere: redirected to {other.url('', host=host)}."
        assert "--webhook-url" in caught.remedy
        assert other.requests == []


@pytest.mark.usefixtures("trusted")
async def test_a_redirect_from_tls_to_plain_is_not_followed(server: WebServer, tls_server: WebServer) -> None:
    answering(tls_server, 307, location=server.url())
    assert isinstance(await attempt(tls_server.url()), OutputPaused)
    assert server.requests == []


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305])
async def test_a_redirect_that_would_not_stay_a_post_is_not_followed(server: WebServer, status: int) -> None:
    answering(server, status, location="/new")
    caught = await attempt(server.url())
    assert isinstance(caught, OutputPaused)
    assert f"the answer is {status}" in caught.what
    assert [received.target for received in server.requests] == ["/hook"]


@pytest.mark.parametrize("headers", [{"location": "/hook"}, {}])
async def test_redirects_in_a_circle_end(server: WebServer, headers: dict[str, str]) -> None:
    answering(server, 307, **headers)
    caught = await attempt(server.url())
    assert isinstance(caught, OutputPaused)
    assert "more than 3 times" in caught.what
    assert len(server.requests) == 4


async def test_nobody_there_is_unavailable() -> None:
    with WebServer().running() as gone:
        url = gone.url()
    caught = await attempt(url)
    assert isinstance(caught, OutputUnavailable)
    assert caught.what.endswith(" cannot be reached: Connection refused.")
    assert caught.cause


@pytest.mark.parametrize("host", ["no-such-host.invalid", "...", "a" * 64 + ".example"])
async def test_a_host_that_cannot_be_found_is_unavailable(host: str) -> None:
    assert isinstance(await attempt(f"http://{host}/hook"), OutputUnavailable)


@pytest.mark.parametrize(
    "raw", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00" * 100]
)
async def test_an_answer_that_breaks_off_or_is_no_http_is_unavailable(server: WebServer, raw: bytes) -> None:
    server.answer = lambda _received: Answer(raw=raw)
    assert isinstance(await attempt(server.url()), OutputUnavailable)


async def test_a_server_that_never_answers_is_given_up_in_time(
    server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "READ_TIMEOUT_S", 0.1)
    server.answer = lambda _received: Answer() if server.stopping.wait(20) else Answer(500)
    begin = time.monotonic()
    caught = await attempt(server.url())
    assert isinstance(caught, OutputUnavailable)
    assert caught.what == f"{server.url('')} did not answer in time."
    assert time.monotonic() - begin < 2


async def test_a_server_that_sends_a_byte_now_and_then_is_given_up_in_time(
    server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "REQUEST_TIMEOUT_S", 0.3)
    server.answer = lambda _received: Answer(raw=b"HTTP/1.1 200 OK\r\nX-Drip: ", drip_s=0.02)
    begin = time.monotonic()
    caught = await attempt(server.url())
    assert isinstance(caught, OutputUnavailable)
    assert caught.what == f"{server.url('')} did not answer in time."
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize(("status", "error"), [(200, type(None)), (500, OutputUnavailable)])
async def test_an_endless_answer_is_not_read_to_its_end(server: WebServer, status: int, error: type) -> None:
    head = f"HTTP/1.1 {status} OK\r\nContent-Length: {10**12}\r\n\r\n".encode()
    server.answer = lambda _received: Answer(raw=head + b"x" * 100_000, drip_s=0.02)
    begin = time.monotonic()
    caught = await attempt(server.url())
    assert type(caught) is error
    assert len(str(caught)) < 600
    assert time.monotonic() - begin < 2


async def test_a_compressed_answer_is_not_unpacked(server: WebServer) -> None:
    bomb = b"\x1f\x8b" + b"\x00" * 1000
    server.answer = lambda _received: Answer(200, {"content-encoding": "gzip"}, bomb)
    assert await attempt(server.url()) is None


async def test_a_kept_connection_that_the_server_closed_costs_nothing(server: WebServer) -> None:
    output = await opened(server.url())
    await output.deliver([record(0)], None)
    server.answer = lambda _received: Answer(raw=b"HTTP/1.1 204 No Content\r\n\r\n")  # and hangs up without a word
    await output.deliver([record(1)], None)
    await output.deliver([record(2)], None)
    await output.close()
    assert len(server.requests) == 3


async def test_a_refusal_that_echoes_our_secrets_is_masked(server: WebServer) -> None:
    def echo(received: Received) -> Answer:
        headers = "; ".join(f"{name}={text}" for name, text in received.headers.items())
        return Answer(400, body=f"{received.target} {headers} alone: hunter33".encode())

    server.answer = echo
    monkey = server.url("/hook/PATHKEY").replace("//", "//user:hunter22@")
    caught = await attempt(monkey, webhook_headers=(Secret("X-A: Token hunter33"),))
    assert isinstance(caught, OutputRejected)
    for secret in ("hunter22", "hunter33", base64.b64encode(b"user:hunter22").decode()):
        assert secret not in str(caught) + repr(caught)


async def test_no_secret_in_any_log_at_debug(server: WebServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    url = server.url("/hook/PATHKEY?token=QUERYKEY").replace("//", "//user:hunter22@")
    headers = (Secret("X-Api-Key: hunter33"),)
    for status in (204, 500, 404, 422, 307):
        answering(server, status, location="/other/PATHKEY")
        await attempt(url, webhook_headers=headers, webhook_secret=Secret(SIGNING_SECRET))
    with WebServer().running() as gone:
        dead = gone.url("/hook/PATHKEY").replace("//", "//user:hunter22@")
    await attempt(dead, webhook_headers=headers)
    for secret in ("PATHKEY", "QUERYKEY", "hunter22", "hunter33", "whsec_", "v1,"):
        assert secret not in caplog.text


async def test_the_first_retry_comes_within_a_second_and_nothing_is_lost(server: WebServer) -> None:
    output = await opened(server.url())
    delivery = Delivery([output], None, SystemClock(), Random())
    delivery.start()
    answering(server, 500)
    begin = time.monotonic()
    for item in records(20):
        delivery.submit(item)
    await until(lambda: delivery.states()[0].health is Health.RETRYING)
    answering(server, 204)
    await until(lambda: len(server.requests) > 1)
    assert time.monotonic() - begin < 1.5
    await until(lambda: delivery.states()[0].waiting == 0)
    await delivery.close(1)
    bodies = [received.body + b"\n" for received in server.requests]
    assert bodies[0] == bodies[1]
    assert bodies[1:] == [JSON.encode(item) for item in records(20)]
