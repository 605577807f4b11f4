"""What the service has below /etc/hems-data-collector: config.toml without any secret, and a folder with those."""

from __future__ import annotations

import shutil
from gettext import gettext as _
from pathlib import Path
from typing import Final

from hems_data_collector.credentials import UNSET_ID
from hems_data_collector.errors import ConfigError
from hems_data_collector.language import os_text
from hems_data_collector.settings_file import ROWS, SECRETS, Values, merged
from hems_data_collector.settings_table import CREDENTIAL_SETTINGS

STATE: Final = Path("/var/lib/hems-data-collector")
DATABASE: Final = STATE / "hems.db"
LOADED: Final = "/run/credentials/hems-data-collector.service/hems_"
"""Where the service finds what LoadCredential= of its unit loads: this, and the name of the file."""
SECRET_FILES: Final = ("gcp_credentials",)
"""Settings that name a file which only root may read: the service gets it as a credential."""
HEAD: Final = """\
# Settings of the service hems-data-collector; after a change: systemctl reload hems-data-collector
# Every key stands in docs/configuration.md. Secrets stand in credentials/ beside this file, one each.
"""


def kept_secrets(folder: Path) -> Values:
    """The secrets that the service has already."""
    found: Values = {}
    for name in SECRETS:
        path = folder / name
        if path.is_file() and (text := path.read_text(encoding="utf-8").strip()) and text != UNSET_ID:
            found[name] = ROWS[name].split(text)
    return found


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
    (stage / "config.toml").write_text(merged(text or HEAD, public), encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise ConfigError(
            _("{path} cannot be read: {reason}.").format(path=source, reason=os_text(error)),
            remedy=_("Give the whole path."),
        ) from error
