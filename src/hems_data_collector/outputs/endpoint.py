"""The address of a webhook: checked, shown without its secrets, and followed only where a redirect stays at home."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from gettext import gettext as _
from typing import Final, Self
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from hems_data_collector.credentials import Secret

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NOT_IN_A_URL: Final = re.compile(r"[\s\x00-\x1f\x7f\\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to post. Path, query and user of a webhook are often secrets: `str` and `repr` show the origin only."""

    scheme: str
    host: str
    port: int
    url: Secret
    """The whole address, without user and password."""
    authorization: Secret | None
    """The value of the header that user and password of the address ask for."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check an `http` or `https` address; raises ValueError, which never repeats it."""
        if _NOT_IN_A_URL.search(text):
            raise ValueError(_("a web address has no spaces, control characters or backslashes"))
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError(_("the host or the port of the address is malformed")) from None
        if parts.scheme not in _DEFAULT_PORTS:
            raise ValueError(_("the address must begin with http:// or https://"))
        if not host or port == 0:
            raise ValueError(_("the address names no host, or port 0"))
        return cls(
            scheme=parts.scheme,
            host=host,
            port=port or _DEFAULT_PORTS[parts.scheme],
            url=Secret(urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))),
            authorization=_basic(parts),
        )

    @property
    def origin(self) -> str:
        """Scheme, host and port: all that a message needs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    def redirected(self, location: str) -> Self:
        """The address after a redirect. Raises ValueError unless it is the same host and port, or that host by TLS."""
        there = type(self).parse(urljoin(self.url.reveal(), location))
        same = (there.scheme, there.host, there.port) == (self.scheme, self.host, self.port)
        upgraded = (self.scheme, there.scheme) == ("http", "https") and there.host == self.host
        if not (same or upgraded):
            raise ValueError(_("redirected to {origin}").format(origin=there.origin))
        return there

    def __str__(self) -> str:
        return self.origin

    def __repr__(self) -> str:
        return f"Endpoint({self.origin})"


def _basic(parts: SplitResult) -> Secret | None:
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Secret("Basic " + base64.b64encode(pair.encode()).decode("ascii"))
