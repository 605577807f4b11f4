"""What the service has below /etc/hems-data-collector: config.toml without any secret, and a folder with those."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hems_data_collector.credentials import UNSET_ID
from hems_data_collector.errors import ConfigError
from hems_data_collector.settings_table import CREDENTIAL_SETTINGS, settings_table

STATE: Final = Path("/var/lib/hems-data-collector")
DATABASE: Final = STATE / "hems.db"
LOADED: Final = "/run/credentials/hems-data-collector.service/hems_"
"""Where the service finds what LoadCredential= of its unit loads: this, and the name of the file."""
ROWS: Final = {row.name: row for row in settings_table() if row.name != "config"}
SECRETS: Final = tuple(row.name for row in ROWS.values() if row.secret)
SECRET_FILES: Final = ("gcp_credentials",)
"""Settings that name a file which only root may read: the service gets it as a credential."""
HEAD: Final = """\
# Settings of the service hems-data-collector; after a change: systemctl reload hems-data-collector
# Every key stands in docs/configuration.md. Secrets stand in credentials/ beside this file, one each.
"""

Values = dict[str, tuple[str, ...]]


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
        raise ConfigError(
            f"{path} cannot be read: {error}.", setting="config", remedy="Correct it, then begin again."
        ) from error


def kept_secrets(folder: Path) -> Values:
    """The secrets that the service has already."""
    found: Values = {}
    for name in SECRETS:
        path = folder / name
        if path.is_file() and (text := path.read_text(encoding="utf-8").strip()) and text != UNSET_ID:
            found[name] = ROWS[name].split(text)
    return found


def merged(text: str, values: Mapping[str, Sequence[str]]) -> str:
    """`text`, a settings file, with `values` for the settings it had; comments and sections stay as they are."""
    lines = (text or HEAD).splitlines()
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
            kept += found if texts(tomllib.loads("\n".join(found))[name]) == value else [_line(name, value)]
        begin = end
    more = [_line(name, wanted[name]) for name in ROWS if name in wanted]
    if more and rest:
        while kept and not kept[-1].strip():
            kept.pop()
        more.append("")
    return "\n".join([*kept, *more, *rest]) + "\n"


def write(stage: Path, text: str, values: Values, existing: Path | None) -> None:
    """Write the settings of the service into the folder `stage`; `existing` is the settings file in force."""
    folder = stage / "credentials"
    folder.mkdir(mode=0o700, parents=True)
    if existing is not None and (existing.parent / "credentials").is_dir():
        for path in (existing.parent / "credentials").iterdir():
            if path.is_file():
                shutil.copyfile(path, folder / path.name)
    for name in SECRETS:
        if name in values:
            (folder / name).write_text("\n".join(values[name]) + "\n", encoding="utf-8")
    for (
        row
    ) in CREDENTIAL_SETTINGS:  # the unit loads both; zeros mean "not configured", which is enough for the emulator
        if not (folder / row.name).exists():
            (folder / row.name).write_text(f"{UNSET_ID}\n", encoding="utf-8")
    public = {name: found for name, found in values.items() if name not in SECRETS}
    for name in SECRET_FILES:
        source = public.get(name, ("",))[0]
        if source and not source.startswith(LOADED):
            _copy(Path(source), folder / name)
            public[name] = (LOADED + name,)
    public.setdefault("database", (str(DATABASE),))
    (stage / "config.toml").write_text(merged(text, public), encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise ConfigError(f"{source} cannot be read: {error.strerror}.", remedy="Give the whole path.") from error


def _complete(lines: Sequence[str]) -> bool:
    try:
        tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        return False
    return True


def _line(name: str, values: Sequence[str]) -> str:
    kind = getattr(ROWS[name], "toml", str)
    if name == "output" or ROWS[name].repeatable:
        return f"{name} = [{', '.join(_quoted(text) for text in values)}]"
    text = values[-1]
    is_switch = kind in (bool, bool | str) and text in ("true", "false")
    is_number = kind == int | str and text.isdecimal() and text == str(int(text))
    return f"{name} = {text}" if is_switch or is_number else f"{name} = {_quoted(text)}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
