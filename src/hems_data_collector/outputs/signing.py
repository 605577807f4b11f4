"""The Standard Webhooks convention (standardwebhooks.com, 1.0.0): a stable id, and a signature."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from gettext import gettext as _
from typing import Final
from urllib.parse import quote

from hems_data_collector.credentials import Secret

SECRET_PREFIX: Final = "whsec_"
RECOMMENDED_KEY_BYTES: Final = 24
"""The convention asks for 24 to 64 random bytes; a shorter key works and is weaker."""

ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"


def webhook_id(key: str) -> str:
    """The key of a record as `webhook-id`: ASCII, one to one, and without a full stop.

    The signed text is `id.timestamp.body`, and the convention forbids a full stop in the id: else it could be read
    in two ways.
    """
    return quote(key, safe="/:+").replace(".", "%2E")


def signing_key(text: str) -> bytes:
    """The key in `whsec_` plus base64 (the prefix may be missing); raises ValueError, which never repeats the text."""
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError(
            _("a signing secret is '{prefix}' followed by base64, normally of 24 to 64 random bytes").format(
                prefix=SECRET_PREFIX
            )
        )
    return key


class Signer:
    """Signs requests with one symmetric key."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        signing_key(secret.reveal())

    @property
    def weak(self) -> bool:
        """True where the key is shorter than the convention asks for."""
        return len(signing_key(self._secret.reveal())) < RECOMMENDED_KEY_BYTES

    def headers(self, identifier: str, at: datetime, body: bytes) -> dict[str, str]:
        """The time of this attempt and the signature that vouches for it, `identifier` and `body`."""
        stamp = str(int(at.timestamp()))
        signed = b".".join((identifier.encode("ascii"), stamp.encode("ascii"), body))
        digest = hmac.new(signing_key(self._secret.reveal()), signed, hashlib.sha256).digest()
        return {TIMESTAMP_HEADER: stamp, SIGNATURE_HEADER: f"v1,{base64.b64encode(digest).decode('ascii')}"}
