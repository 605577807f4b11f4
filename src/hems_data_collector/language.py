"""The language that people are spoken to in: `HEMS_LANG`, else that of the locale.

Texts are looked up where they are shown, by gettext's own functions, so that argparse speaks the same language. What is
written down once for all, in a table, is marked with `N_` there and looked up with `_` where it is shown. The catalogs
are made by `make catalogs`; English is the language of the source and has none.
"""

from __future__ import annotations

import gettext
import os
from pathlib import Path
from typing import Final

DOMAIN: Final = "hems-data-collector"
CATALOGS: Final = Path(__file__).parent / "locale"
VARIABLE: Final = "HEMS_LANG"
ENGLISH: Final = "en"
LANGUAGES: Final = (ENGLISH, "ja")
"""English is what there is where no catalog fits."""

_OF_GETTEXT: Final = "LANGUAGE"
_LOCALE: Final = (_OF_GETTEXT, "LC_ALL", "LC_MESSAGES", "LANG")  # in the order of gettext
_NO_LOOKUP: Final = "C"  # at this word gettext stops before it looks for any file


def N_(text: str) -> str:
    """`text` itself: marks a text of a table, which `_` translates where it is shown."""
    return text


SYSTEM_TEXTS: Final = (
    N_("Address already in use"),
    N_("Connection refused"),
    N_("Connection reset by peer"),
    N_("Connection timed out"),
    N_("Device or resource busy"),
    N_("Directory not empty"),
    N_("Disk quota exceeded"),
    N_("File exists"),
    N_("File name too long"),
    N_("File too large"),
    N_("Input/output error"),
    N_("Is a directory"),
    N_("Name or service not known"),
    N_("Network is unreachable"),
    N_("No address associated with hostname"),
    N_("No route to host"),
    N_("No space left on device"),
    N_("No such device"),
    N_("No such device or address"),
    N_("No such file or directory"),
    N_("Not a directory"),
    N_("Operation not permitted"),
    N_("Permission denied"),
    N_("Read-only file system"),
    N_("Resource temporarily unavailable"),
    N_("Temporary failure in name resolution"),
    N_("Too many levels of symbolic links"),
    N_("Too many open files"),
)
"""What the system says most often."""
_OF_ASYNCIO: Final = "Connect call failed"  # followed by an address that the message has already


def os_text(error: OSError) -> str:
    """What the system says of an error, in the language in use where it is one of SYSTEM_TEXTS."""
    text = error.strerror or str(error)
    if error.errno and text.startswith(_OF_ASYNCIO):
        text = os.strerror(error.errno)
    return gettext.gettext(text) if text else text


def language_named(word: str) -> str | None:
    """The language that a word such as `ja`, `JA` or `ja_JP.UTF-8` means; None where there are no texts in it."""
    short = word.strip().lower().replace("-", "_").partition("_")[0].partition(".")[0]
    return short if short in LANGUAGES else None


class _Bound:
    """What the environment asked for at the start of this process."""

    language = ENGLISH


def bind() -> str | None:
    """Take the language of the environment; returns a word in HEMS_LANG that is no language of ours, else None.

    Such a word is taken out of the environment, so that it is complained of once.
    """
    wanted = os.environ.get(VARIABLE, "")
    chosen = language_named(wanted)
    _Bound.language = chosen or in_use()
    use(None)
    if chosen is not None or not wanted.strip():
        return None
    del os.environ[VARIABLE]
    return wanted


def use(language: str | None) -> None:
    """Speak `language`, one of LANGUAGES, from now on, as do the programs that this process starts; None: as `bind`."""
    gettext.bindtextdomain(DOMAIN, str(CATALOGS))
    gettext.textdomain(DOMAIN)
    wanted = language or _Bound.language
    os.environ[_OF_GETTEXT] = _NO_LOOKUP if wanted == ENGLISH else wanted


def in_use() -> str:
    """The language that was taken last; before that, the one of the locale."""
    named = next((text for name in _LOCALE if (text := os.environ.get(name))), "")
    known = (language_named(word) for word in named.split(":"))  # LANGUAGE may be a list
    return next((language for language in known if language), ENGLISH)
