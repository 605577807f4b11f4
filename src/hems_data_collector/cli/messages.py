"""What a person sees on stderr outside the log: errors in three parts, and nothing secret."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable
from gettext import gettext as _

from hems_data_collector.credentials import Masker, Secret
from hems_data_collector.errors import HemsError, unspaced

PROGRAM = "hems-data-collector"


class _Shield:
    """The secrets of this process; until the settings are read there are none to know."""

    masker = Masker()


def hide(secrets: Iterable[Secret]) -> None:
    """From now on no text of the log or of an error shows `secrets`."""
    _Shield.masker = Masker(secrets)


def masked(text: str) -> str:
    """`text` without the secrets known by now."""
    return _Shield.masker(text)


def show_error(error: HemsError) -> None:
    """What happened, the likely cause, what to do: three lines on a terminal, one line elsewhere."""
    if sys.stderr is not None and sys.stderr.isatty():
        parts = [f"{PROGRAM}: {error.what}"]
        parts += [f"  {_('cause: ')} {error.cause}"] if error.cause else []
        parts += [f"  {_('remedy:')} {error.remedy}"] if error.remedy else []
        say("\n".join(parts))
    else:
        say(f"{PROGRAM}: {error}")


def show_bug(error: BaseException, *, debug: bool) -> None:
    """One line on an exception that nobody foresaw, and how to report it; its traceback with `debug`."""
    if debug:
        say("".join(traceback.format_exception(error)).rstrip())
    ask = (
        _("Please report it with the lines above.")
        if debug
        else _("Please run the same command with --debug, and report what it prints.")
    )
    text = f"{type(error).__name__}: {error}".replace("\n", " ").rstrip(" .")
    say(_("{program}: a bug in the program: {text}. {ask}").format(program=PROGRAM, text=text, ask=ask))


def say(text: str) -> None:
    """Write lines to stderr, masked; a stderr that is gone is nobody's loss."""
    if sys.stderr is None:
        return
    try:
        print(masked(unspaced(text)), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return
