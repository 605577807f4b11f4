"""Each record as one POST to a web address, optionally signed."""

from __future__ import annotations

import logging
import re
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from gettext import gettext as _
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from hems_data_collector.clock import Clock
from hems_data_collector.credentials import MASK, Masker, Secret
from hems_data_collector.errors import ConfigError, OutputError, OutputPaused, OutputRejected, OutputUnavailable
from hems_data_collector.language import N_, os_text
from hems_data_collector.outputs.base import Output, Setting
from hems_data_collector.outputs.endpoint import Endpoint
from hems_data_collector.outputs.formats import Format, json_object
from hems_data_collector.outputs.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, Signer, signing_key
from hems_data_collector.outputs.signing import webhook_id as id_of
from hems_data_collector.readings import RECORD_KEYS, Record

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S: Final = 10.0
READ_TIMEOUT_S: Final = 15.0
REQUEST_TIMEOUT_S: Final = 30.0
"""For one record as a whole, redirects included: a server that sends a byte now and then must not hold us."""
MAX_REDIRECTS: Final = 3
MAX_ANSWER_BYTES: Final = 65_536
"""More than this of an answer is not read; the connection is closed instead."""
QUOTED_ANSWER_CHARACTERS: Final = 200
_NO_TLS: Final = re.compile("WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE")  # what OpenSSL calls an answer in plain
MAX_RETRY_AFTER_S: Final = 3600.0
"""A far end that names a later time is asked after an hour all the same: its clock or ours may be wrong."""

RETRIED: Final = frozenset({408, 425, 429})
PAUSING: Final = frozenset({401, 403, 404})
UNCERTAIN: Final = frozenset({404, 410, 500})
"""Answers to a HEAD that a POST need not get: servers may know a path by its method, or stumble over its lack."""
CHECK_ID: Final = "diagnosis"
"""In place of a record's id."""
METHOD_KEEPING_REDIRECTS: Final = frozenset({307, 308})

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\Z")
_OUR_HEADERS: Final = frozenset(
    {"host", "content-type", "content-length", "transfer-encoding", "connection", "accept-encoding"}
    | {ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER}
)


def header_pair(text: str) -> tuple[str, str]:
    """`Name: value` as a pair; raises ValueError, which shows the name at most."""
    name, colon, value = text.partition(":")
    name, value = name.strip(" \t"), value.strip(" \t")
    if not colon or not _HEADER_NAME.match(name):
        raise ValueError(_("a header is written 'Name: value'"))
    if not _HEADER_VALUE.match(value):
        raise ValueError(
            _("the value of header {name} is empty or has other characters than printable ASCII").format(name=name)
        )
    if name.lower() in _OUR_HEADERS:
        raise ValueError(_("header {name} is set by the program itself").format(name=name))
    return name, value


class WebhookOutput(Output):
    """Posts the JSON record. Its key goes along in `webhook-id`, so that a record sent twice is known as one."""

    name: ClassVar[str] = "webhook"
    help: ClassVar[str] = N_("an HTTP POST of each record, as JSON, to a web address")
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            name="webhook_url",
            flag="--webhook-url",
            environment="WEBHOOK_URL",
            default="http://localhost:8000/webhook",
            metavar="URL",
            help=N_("where the output 'webhook' posts"),
            convert=Endpoint.parse,
        ),
        Setting(
            name="webhook_headers",
            flag="--webhook-header",
            environment="WEBHOOK_HEADERS",
            metavar="'NAME: VALUE'",
            help=N_(
                "one more header of each POST, such as 'Authorization: Bearer ...'; may be repeated"
                " (WEBHOOK_HEADERS: one a line, or separated by ';;')"
            ),
            secret=True,
            repeatable=True,
            convert=header_pair,
        ),
        Setting(
            name="webhook_secret",
            flag="--webhook-secret",
            environment="WEBHOOK_SECRET",
            metavar="WHSEC",
            help=N_(
                "sign each POST by the Standard Webhooks convention: 'whsec_' and base64 of 24 to 64 random bytes"
                " (better as variable: flags are visible to other users)"
            ),
            secret=True,
            convert=signing_key,
        ),
    )

    def __init__(
        self, endpoint: Endpoint, *, headers: Mapping[str, Secret], signer: Signer | None, masker: Masker, clock: Clock
    ) -> None:
        self._endpoint = endpoint
        self._headers = headers
        self._signer = signer
        self._masker = masker
        self._clock = clock
        self._client: httpx.AsyncClient | None = None

    @classmethod
    def build(
        cls,
        values: Mapping[str, Any],
        format: Format,
        *,
        clock: Clock,
        columns: Sequence[str] = RECORD_KEYS,
        half_hours: bool = False,
    ) -> Self:
        endpoint: Endpoint = values["webhook_url"]
        secret: Secret | None = values.get("webhook_secret")
        headers = {} if endpoint.authorization is None else {"authorization": endpoint.authorization}
        for text in values.get("webhook_headers") or ():
            name, value = header_pair(text.reveal())
            headers[name.lower()] = Secret(value)
        known = [*headers.values(), endpoint.url, *([secret] if secret else [])]
        words = [Secret(word) for value in known for word in value.reveal().split()]
        return cls(
            endpoint,
            headers=headers,
            signer=Signer(secret) if secret else None,
            masker=Masker([*known, *words]),
            clock=clock,
        )

    async def open(self) -> None:
        import httpx

        # Their own lines show addresses and headers, which are secrets here.
        for library in ("httpx", "httpcore"):
            logging.getLogger(library).setLevel(logging.WARNING)
        try:
            httpx.URL(self._endpoint.url.reveal())
        except httpx.InvalidURL:
            raise ConfigError(
                _("The address of the webhook at {endpoint} is malformed.").format(endpoint=self._endpoint),
                setting="--webhook-url",
                cause=_("It has characters that an address cannot have."),
                remedy=_("Correct --webhook-url."),
            ) from None
        try:
            self._client = httpx.AsyncClient(
                headers={"user-agent": _user_agent(), "accept-encoding": "identity"},
                timeout=httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
                follow_redirects=False,
            )
        except (OSError, ValueError, ImportError) as error:
            raise ConfigError(
                _("The webhook client cannot be set up: {reason}.").format(reason=type(error).__name__),
                setting="SSL_CERT_FILE",
                cause=_("SSL_CERT_FILE names no file of certificates, or a proxy variable (HTTPS_PROXY) is wrong."),
                remedy=_("Correct or remove these variables."),
            ) from error
        if self._signer is not None and self._signer.weak:
            logger.warning("webhook: the signing secret is shorter than 24 bytes; make a longer one")

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def deliver(self, batch: Sequence[Record], checkpoint: bytes | None) -> bytes | None:
        for record in batch:
            status, headers, text = await self._asked("POST", id_of(record.key), json_object(record))
            if not 200 <= status < 300:
                raise self._verdict(status, headers, text)
        return checkpoint

    async def check(self) -> str | None:
        """HEAD, which by HTTP changes nothing: it tells name, connection, certificate and authorization.

        Whether the path takes a POST it cannot tell for certain: many servers know their paths by the method too.
        """
        await self.open()
        status, headers, text = await self._asked("HEAD", CHECK_ID, b"")
        if status in UNCERTAIN:
            return _("{endpoint} is there, but says {status} to a question without a record.").format(
                endpoint=self._endpoint, status=status
            )
        if status in RETRIED or status in PAUSING or status > 501:
            raise self._verdict(status, headers, text)
        return None

    async def _asked(self, method: str, identifier: str, body: bytes) -> tuple[int, Mapping[str, str], str]:
        """Status, headers and the beginning of the answer in time; raises OutputUnavailable, OutputPaused."""
        import httpx

        try:
            return await self._clock.wait_for(self._exchange(method, identifier, body), REQUEST_TIMEOUT_S)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise OutputUnavailable(
                _("{endpoint} did not answer in time.").format(endpoint=self._endpoint),
                cause=_("The server or the network is slow or down."),
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise self._unreachable(error) from error

    async def _exchange(self, method: str, identifier: str, body: bytes) -> tuple[int, Mapping[str, str], str]:
        """The answer at the end of all redirects that may be followed; raises OutputPaused for one that may not."""
        endpoint = self._endpoint
        for _hop in range(1 + MAX_REDIRECTS):
            status, headers, text = await self._request(method, endpoint, identifier, body)
            if not 300 <= status < 400:
                return status, headers, text
            endpoint = self._followed(endpoint, status, headers)
        raise OutputPaused(
            _("{endpoint} redirects more than {limit} times.").format(endpoint=self._endpoint, limit=MAX_REDIRECTS),
            remedy=_("Set --webhook-url to the final address."),
        )

    async def _request(
        self, method: str, endpoint: Endpoint, identifier: str, body: bytes
    ) -> tuple[int, Mapping[str, str], str]:
        """Status, headers and the beginning of the answer to one request."""
        if self._client is None:
            raise RuntimeError("deliver() before open()")
        headers = {name: value.reveal() for name, value in self._headers.items()}
        headers |= {"content-type": "application/json", ID_HEADER: identifier}
        if self._signer is not None:
            headers |= self._signer.headers(identifier, self._clock.now(), body)
        async with self._client.stream(method, endpoint.url.reveal(), content=body, headers=headers) as answer:
            read = bytearray()
            async for chunk in answer.aiter_raw():
                read += chunk
                if len(read) > MAX_ANSWER_BYTES:
                    break
            return answer.status_code, answer.headers, self._quoted(bytes(read))

    def _followed(self, endpoint: Endpoint, status: int, headers: Mapping[str, str]) -> Endpoint:
        """The next address of a redirect that keeps the POST and the host; raises OutputPaused for any other."""
        try:
            if status not in METHOD_KEEPING_REDIRECTS:
                raise ValueError(_("the answer is {status}, which does not keep a POST a POST").format(status=status))
            return endpoint.redirected(headers.get("location", ""))
        except ValueError as error:
            raise OutputPaused(
                _("{endpoint} redirects elsewhere: {error}.").format(endpoint=self._endpoint, error=error),
                cause=_("The service has moved, or something on the way asks for a log-in."),
                remedy=_(
                    "Set --webhook-url to the final address; records are never sent to a host that was not chosen."
                ),
            ) from None

    def _verdict(self, status: int, headers: Mapping[str, str], text: str) -> OutputError:
        """What an answer without success means for the record and the output."""
        what = _("{endpoint} answered {status}{text}.").format(endpoint=self._endpoint, status=status, text=text)
        if status in RETRIED or status >= 500:
            return OutputUnavailable(what, retry_after_s=retry_after_s(headers.get("retry-after"), self._clock.now()))
        if status in PAUSING:
            return OutputPaused(
                what,
                cause=_("The server does not let us in, or does not know this path."),
                remedy=_("Check --webhook-url, --webhook-header and WEBHOOK_SECRET."),
            )
        return OutputRejected(what, cause=_("The server does not take this record."))

    def _unreachable(self, error: Exception) -> OutputUnavailable:
        roots = tuple(_roots(error))
        detail = self._masker(_one_line(_of_system(roots) or str(error))) or type(error).__name__
        what = _("{endpoint} cannot be reached: {detail}.").format(
            endpoint=self._endpoint, detail=detail[:QUOTED_ANSWER_CHARACTERS]
        )
        if _NO_TLS.search(str(error)):
            return OutputUnavailable(
                what,
                cause=_("The server speaks http at this port, without TLS."),
                remedy=_("Begin --webhook-url with http://, or give the port where the server speaks https."),
            )
        if isinstance(error, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
            return OutputUnavailable(
                what,
                cause=_("Its certificate is not trusted here."),
                remedy=_("Mend the certificate, or name the authority that signed it in SSL_CERT_FILE."),
            )
        if any(isinstance(root, socket.gaierror) for root in roots):
            return OutputUnavailable(
                what,
                cause=_("The name of the server is not known: it is misspelt, or this machine has no name service."),
                remedy=_("Check the spelling of --webhook-url, and that this machine reaches the network."),
            )
        if any(isinstance(root, ConnectionRefusedError) for root in roots):
            return OutputUnavailable(
                what,
                cause=_("The machine is there, but no server listens at this port."),
                remedy=_("Start the server, or correct the port number of --webhook-url."),
            )
        return OutputUnavailable(what, cause=_("The server or the network is down, or the address is wrong."))

    def _quoted(self, answer: bytes) -> str:
        """The beginning of an answer, fit for a message: masked before it is cut, so that no half secret stays."""
        text = self._masker(_one_line(answer[: 4 * QUOTED_ANSWER_CHARACTERS].decode("utf-8", "replace")))
        return f" ({text[:QUOTED_ANSWER_CHARACTERS]})" if text else ""

    def __repr__(self) -> str:
        return f"WebhookOutput({self._endpoint}, headers={dict.fromkeys(self._headers, MASK)})"


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """The seconds of a Retry-After header (RFC 9110 §10.2.3: seconds or a date), 0 to an hour; None without one."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        from email.utils import parsedate_to_datetime  # a server that is busy, and says until when, is rare

        try:
            at = parsedate_to_datetime(text)
        except (TypeError, ValueError, IndexError, OverflowError):
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        seconds = (at - now).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def _roots(error: BaseException) -> Iterator[BaseException]:
    """The error and everything that it came from: client libraries wrap what the system said."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]


def _of_system(roots: Sequence[BaseException]) -> str:
    """What the system said, in the language in use; empty where it was something else that failed."""
    of_network = (each for each in roots if isinstance(each, (socket.gaierror, ConnectionError)))
    return next((os_text(each) for each in of_network if each.errno), "")


def _one_line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _user_agent() -> str:
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and only this output needs it

    try:
        return f"hems-data-collector/{version('hems-data-collector')}"
    except PackageNotFoundError:
        return "hems-data-collector"
