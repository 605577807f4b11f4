"""The command line: the first argument is a verb, or there is none and the collector runs.

A new verb is one file in this folder and one word in `VERBS`; its file has `HELP`, `add_arguments(parser)` and
`run(arguments) -> int`.
"""

from __future__ import annotations

import errno
import gc
import logging
import os
import sys
from collections.abc import Sequence
from gettext import gettext as _
from importlib import import_module
from io import TextIOWrapper
from types import ModuleType
from typing import Final

from hems_data_collector import language
from hems_data_collector.cli.messages import PROGRAM, say, show_bug, show_error
from hems_data_collector.errors import EXIT_BUG, EXIT_CONFIG, EXIT_OK, EXIT_USAGE, ConfigError, HemsError
from hems_data_collector.language import os_text

DEFAULT_VERB: Final = "run"
VERBS: Final = (
    DEFAULT_VERB,
    "setup",
    "ports",
    "config",
    "read",
    "emulate",
    "decode",
    "record",
    "history",
    "export",
    "backfill",
    "status",
    "outputs",
    "replay",
    "dead-letters",
    "check",
    "doctor",
    "scan",
    "completion",
)
"""Each is a module of this folder (with `_` for `-`), imported only when it is asked for."""

GARBAGE_THRESHOLD: Final = 20_000  # objects; importing makes so many that Python's 700 costs a tenth of the start
EXIT_INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it
_STDOUT_ERRORS: Final = frozenset((errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code and never raises."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    _hold_standard_descriptors()
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr has it: a terminal may lack characters of ours
    unknown = language.bind()
    if unknown is not None:
        say(_unknown_language(unknown))
    return _flushed(_run(list(sys.argv[1:] if argv is None else argv)))


def _run(words: Sequence[str]) -> int:
    """The exit code of one command line, whatever happens in it; errors have been shown."""
    try:
        return _dispatch(words)
    except SystemExit as end:  # argparse: help, version, usage errors
        return end.code if isinstance(end.code, int) else EXIT_OK
    except HemsError as error:
        show_error(error)
        return error.exit_code
    except BrokenPipeError:  # the reader of a pipe has seen enough
        _forget_stdout()
        return EXIT_OK
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _STDOUT_ERRORS and error.filename is None:
            return _stdout_lost(error)
        debug = "--debug" in words or logging.getLogger(__package__).isEnabledFor(logging.DEBUG)
        show_bug(error, debug=debug)
        return EXIT_BUG


def _dispatch(words: Sequence[str]) -> int:
    """Find the verb, read its arguments, run it."""
    from hems_data_collector.cli.arguments import Parser

    named = bool(words) and not words[0].startswith("-")
    verb = words[0] if named else DEFAULT_VERB
    if verb not in VERBS:
        return _unknown_verb(verb)
    module = module_of(verb)
    is_default = verb == DEFAULT_VERB
    parser = Parser(PROGRAM if is_default else f"{PROGRAM} {verb}", tail=_verbs_help if is_default else None)
    module.add_arguments(parser)
    arguments = parser.parse(words[1:] if named else words, VERBS if is_default else ())
    code = module.run(arguments)
    assert isinstance(code, int)
    return code


def module_of(verb: str) -> ModuleType:
    """The file of a verb."""
    return import_module(f"{__name__}.{verb.replace('-', '_')}")


def _verbs_help() -> str:
    rows = "".join(f"\n  {verb:<14}{_(module_of(verb).HELP)}" for verb in VERBS)
    more = _("{program} VERB --help tells more about one.").format(program=PROGRAM)
    return "\n" + _("verbs:") + rows + "\n\n" + more + "\n"


def _unknown_verb(word: str) -> int:
    from hems_data_collector.settings_values import did_you_mean

    hint = did_you_mean(word, VERBS)
    say(_('{program}: unknown verb "{word}". {hint}').format(program=PROGRAM, word=word, hint=hint))
    say(_("For all verbs and flags: {program} --help").format(program=PROGRAM))
    return EXIT_USAGE


def _unknown_language(word: str) -> str:
    return _('{program}: {variable}="{word}" names no language with texts here. Possible are: {languages}.').format(
        program=PROGRAM, variable=language.VARIABLE, word=word, languages=", ".join(language.LANGUAGES)
    )


def _flushed(code: int) -> int:
    """`code`, once everything printed has left this process; a configuration error where it cannot."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
    except OSError as error:
        return code or _stdout_lost(error)
    return code


def _stdout_lost(error: OSError) -> int:
    """Say that standard output takes no more; the exit code of that."""
    _forget_stdout()
    show_error(
        ConfigError(
            _("Standard output cannot be written: {reason}.").format(reason=os_text(error)),
            cause=_("The disk that it goes to is full, or the device is gone."),
            remedy=_("Make room, or send the output somewhere else."),
        )
    )
    return EXIT_CONFIG


def _hold_standard_descriptors() -> None:
    """Give those of standard input, output and error that the caller closed to nobody: no file of ours may get one.

    Whoever prints then prints to nowhere. The descriptor of standard output refuses, so that its output ends.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # takes the lowest number that is free
            if number:
                setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))


def _forget_stdout() -> None:
    """Let the interpreter's own last flush go to nowhere, so that it has nothing to complain about."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
