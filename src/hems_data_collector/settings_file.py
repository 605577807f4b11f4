"""The settings file as it is read, changed and written: its comments and its order stay, and it is never half there."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from gettext import gettext as _
from pathlib import Path
from typing import Any, Final

from hems_data_collector.credentials import credential_text
from hems_data_collector.errors import ConfigError
from hems_data_collector.language import os_text
from hems_data_collector.settings_table import CREDENTIAL_SETTINGS, settings_table

ROWS: Final = {row.name: row for row in settings_table() if row.name != "config"}
"""Every setting that may stand in the file, by its key."""
SECRETS: Final = tuple(row.name for row in ROWS.values() if row.secret)

Values = dict[str, tuple[str, ...]]
"""Settings by name, each as the texts that its row checks."""


def texts(value: object) -> tuple[str, ...]:
    """A value of TOML as the texts that the program's own table checks."""
    if isinstance(value, list):
        return tuple(str(item) for item in value)
    return (str(value).lower() if isinstance(value, bool) else str(value),)


def read(path: Path) -> tuple[str, dict[str, Any]]:
    """A settings file as text and as TOML; raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        return text, tomllib.loads(text)
    except (OSError, ValueError) as error:
        reason = os_text(error) if isinstance(error, OSError) else error
        raise ConfigError(
            _("{path} cannot be read: {reason}.").format(path=path, reason=reason),
            setting="config",
            remedy=_("Correct it, then begin again."),
        ) from error


def of_environment(environ: Mapping[str, str]) -> Values:
    """What variables say; of id and password also what the files say that variables name. Raises ConfigError."""
    found: Values = {}
    for row in ROWS.values():
        name = row.environment or ""
        text = (credential_text(name, environ) if row in CREDENTIAL_SETTINGS else environ.get(name)) or ""
        if text.strip():
            found[row.name] = row.split(text.strip())
    return found


def merged(text: str, values: Mapping[str, Sequence[str]]) -> str:
    """`text`, a settings file, with `values` for the settings it had; comments and sections stay as they are."""
    lines = text.splitlines()
    sections = next((number for number, line in enumerate(lines) if re.match(r"\s*\[", line)), len(lines))
    top, rest = lines[:sections], lines[sections:]
    wanted = dict(values)
    kept: list[str] = []
    begin = 0
    while begin < len(top):
        key = re.match(r'\s*"?([A-Za-z0-9_-]+)"?\s*=', top[begin])
        end = begin + 1
        while key and end < len(top) and not _complete(top[begin:end]):
            end += 1
        name, found = (key[1] if key else ""), top[begin:end]
        if name not in ROWS:
            kept += found
        elif name in wanted:
            value = tuple(wanted.pop(name))
            kept += found if texts(tomllib.loads("\n".join(found))[name]) == value else [line_of(name, value)]
        begin = end
    more = [line_of(name, wanted[name]) for name in ROWS if name in wanted]
    if more and rest:
        while kept and not kept[-1].strip():
            kept.pop()
        more.append("")
    return "\n".join([*kept, *more, *rest]) + "\n"


def line_of(name: str, values: Sequence[str]) -> str:
    """One setting as a line of the file."""
    row = ROWS.get(name)  # the name of a meter is in no row
    kind = getattr(row, "toml", str)
    if row is not None and row.repeatable:
        return f"{name} = [{', '.join(_quoted(text) for text in values)}]"
    text = values[-1]
    is_switch = kind in (bool, bool | str) and text in ("true", "false")
    is_number = kind == int | str and text.isdecimal() and text == str(int(text))
    return f"{name} = {text}" if is_switch or is_number else f"{name} = {_quoted(text)}"


def must_be_writable(path: Path) -> None:
    """Raises ConfigError where `put` could not write to `path`, as far as that can be told without writing."""
    target = path.resolve()
    if target.is_dir():
        raise _unwritable(path, os_text(OSError(errno.EISDIR, os.strerror(errno.EISDIR))))
    folder = next(each for each in target.parents if os.path.lexists(each))
    if not folder.is_dir():
        raise _unwritable(path, os_text(OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(path, os_text(OSError(errno.EACCES, os.strerror(errno.EACCES))))


def put(path: Path, text: str) -> None:
    """Write the file in one step, for this user only: whatever ends this, it is the old one or the new one.

    Makes its folder. A link stays a link. Raises ConfigError.
    """
    target = path.resolve()
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # with mode 0600
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            os.replace(name, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        raise _unwritable(path, os_text(error)) from error


def _unwritable(path: Path, reason: str) -> ConfigError:
    return ConfigError(
        _("The settings file {path} cannot be written: {reason}.").format(path=path, reason=reason),
        setting="config",
        cause=_("This user may not write there, or the disk is full or read-only."),
        remedy=_("Name another file with --config, or correct the permissions of the folder."),
    )


def _complete(lines: Sequence[str]) -> bool:
    try:
        tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        return False
    return True


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
