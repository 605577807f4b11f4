"""The B-route id and password: their type, their form, where they come from, and how they are kept out of every text.

The id is 32 characters (skstack-ip §2.3, SKSETRBID), the password 1 to 32 characters, 12 in practice (SKSETPWD). Secret
are the id, the password, the id's last eight characters (PairID, register S0A) and the hex forms of all three.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from gettext import gettext as _
from pathlib import Path
from typing import Final

from hems_data_collector.errors import ConfigError

MASK: Final = "****"
ROUTE_B_ID_LENGTH: Final = 32
PAIR_ID_LENGTH: Final = 8
PASSWORD_MAX_LENGTH: Final = 32
UNSET_ID: Final = "0" * ROUTE_B_ID_LENGTH
"""32 zeros mean "not configured" (docs/configuration.md); the emulator accepts them."""

_PRINTABLE = re.compile(r"[\x21-\x7e]+\Z")
_MIN_MASKED_LENGTH: Final = 4  # masking shorter ones would blot out ordinary text


class Secret:
    """A text that never shows itself: `str`, `repr` and formatting give `****`; `reveal()` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself, for the one place that must send it."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A checked pair of B-route id and password."""

    route_b_id: Secret
    password: Secret

    @property
    def configured(self) -> bool:
        """False for the 32 zeros that mean "not set"."""
        return self.route_b_id.reveal() != UNSET_ID

    @property
    def pair_id(self) -> Secret:
        """The last eight characters of the id, which the beacon filter uses (register S0A)."""
        return Secret(self.route_b_id.reveal()[-PAIR_ID_LENGTH:])

    def secrets(self) -> tuple[Secret, ...]:
        """Everything that must not appear in any text; nothing for the public 32 zeros."""
        if not self.configured:
            return (self.password,) if self.password.reveal() != UNSET_ID else ()
        return (self.route_b_id, self.password, self.pair_id)


def checked_credentials(route_b_id: str, password: str) -> Credentials:
    """Check the form of both; raises ConfigError naming the setting, never its value."""
    route_b_id = route_b_id.replace(" ", "").strip()
    if len(route_b_id) != ROUTE_B_ID_LENGTH or not _PRINTABLE.match(route_b_id):
        raise ConfigError(
            _("B_ROUTE_ID has {count} characters; a B-route id has exactly {wanted}.").format(
                count=len(route_b_id), wanted=ROUTE_B_ID_LENGTH
            ),
            setting="B_ROUTE_ID",
            cause=_("The id was cut, or something else was pasted."),
            remedy=_("Copy the 32 letters and digits from the letter of your power company."),
        )
    if not 1 <= len(password) <= PASSWORD_MAX_LENGTH or not _PRINTABLE.match(password):
        raise ConfigError(
            _(
                "B_ROUTE_PASSWORD has {count} characters or holds a space or a control character; 1 to"
                " {longest} printable ASCII characters are allowed."
            ).format(count=len(password), longest=PASSWORD_MAX_LENGTH),
            setting="B_ROUTE_PASSWORD",
            cause=_("The password was cut, or something else was pasted."),
            remedy=_("Copy the password (normally 12 characters) from the notice of your power company."),
        )
    return Credentials(route_b_id=Secret(route_b_id), password=Secret(password))


def credential_text(name: str, environ: Mapping[str, str]) -> str | None:
    """One credential as text: variable `name`, file `name`_FILE, or a systemd credential of that name in lower case.

    Raises ConfigError when a named file cannot be read.
    """
    found = find_credential(name, environ)
    return found[0] if found else None


def find_credential(name: str, environ: Mapping[str, str]) -> tuple[str, Path | None] | None:
    """The same, and the file that it came from (None: the variable itself)."""
    if value := environ.get(name):
        return value.strip(), None
    if named := environ.get(f"{name}_FILE"):
        return read_credential(Path(named), f"{name}_FILE"), Path(named)
    if directory := environ.get("CREDENTIALS_DIRECTORY"):
        path = Path(directory) / name.lower()
        if path.exists():
            return read_credential(path, "CREDENTIALS_DIRECTORY"), path
    return None


def read_credential(path: Path, setting: str) -> str:
    """The text in the file `path`, which `setting` names; raises ConfigError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            _("The file that {setting} names cannot be read: {path} ({reason}).").format(
                setting=setting, path=path, reason=type(error).__name__
            ),
            setting=setting,
            cause=_("The path is wrong, or this user may not read it."),
            remedy=_("Correct the path or the permissions (owner read is enough)."),
        ) from error


class Masker:
    """Replaces every known secret, in plain and in hex form, whatever the case, by `****`."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        forms: set[str] = set()
        for secret in secrets:
            text = secret.reveal()
            if len(text) >= _MIN_MASKED_LENGTH:
                forms |= {text, text.encode().hex()}
        ordered = sorted(forms, key=len, reverse=True)  # the id before its own last eight characters
        self._pattern = re.compile("|".join(re.escape(form) for form in ordered), re.IGNORECASE) if ordered else None

    def __call__(self, text: str) -> str:
        """`text` without any secret."""
        return self._pattern.sub(MASK, text) if self._pattern else text
