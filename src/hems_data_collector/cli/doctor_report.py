"""The report of `doctor` for somebody else's eyes: everything that helps, and nothing that is the owner's own.

Secrets, radio addresses, serial numbers, host names and the home folder are made up or left out; the same stays the
same, so that the report can still be read.
"""

from __future__ import annotations

import os
import platform
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hems_data_collector.cli.messages import PROGRAM, masked
from hems_data_collector.clock import SystemClock
from hems_data_collector.credentials import Credentials, Secret
from hems_data_collector.diagnosis import Finding
from hems_data_collector.link.anonymous import Anonymizer
from hems_data_collector.settings_shown import Shown, ShownSettings
from hems_data_collector.settings_sources import Origin
from hems_data_collector.settings_table import CORE_SETTINGS, METER_SETTINGS

if TYPE_CHECKING:
    from hems_data_collector.config import Settings

_PACKAGES: Final = ("serialx", "httpx", "msgspec", "rich", "cronsim", "google-cloud-pubsub", "aioesphomeapi")
_HOST: Final = re.compile(
    r"(\b[a-z][a-z0-9+.-]*://)(?:[^\s/@]+@)?(?P<host>\[[^\]\s]*\]|[^\s/:,)\]'\"]+)", re.IGNORECASE
)
_HOME: Final = re.compile(r"/home/[^\s/:,)\]'\"]+")
"""Of whoever: root may look at the settings of another user."""
_SERIALS: Final = (
    re.compile(r"[?&]meter=([^&\s,)\]'\"]+)"),  # which one a port means
    re.compile(r"/by-id/\S*_([^_\s/]+)-if\d"),  # that of a stick, which need not be plugged in
    # In prose, of meters that answered too; letters of Japanese are no part of it.
    re.compile(r"(?<![\w=.-])(?=(?:[A-Z]*\d){4})([0-9A-Z]{8,12})(?![\w.]\w)", re.ASCII),
)
"""Serial numbers that no finding tells of, by the form or the place that they have."""
_NOBODY: Final = Credentials(route_b_id=Secret("0" * 32), password=Secret("0" * 32))


def report_of(
    findings: Sequence[Finding], settings: Settings | None, shown: ShownSettings | None, log: Iterable[str]
) -> str:
    """The whole report, in Markdown; `shown` is None where the settings could not even be read."""
    hidden = Hidden(findings, settings)
    lines = [
        f"# {PROGRAM} doctor",
        "",
        "Secrets, numbers and addresses of the meter, and host names are made up or left out.",
        "",
        "## Versions",
        "",
        *(f"- {name}: {text}" for name, text in _versions()),
        "",
        "## Findings",
        "",
        *_findings(findings),
        "## Settings",
        "",
        *(["(they could not be read)"] if shown is None else _settings(shown)),
        "",
        "## Log",
        "",
        "```text",
        *log,
        "```",
    ]
    return hidden("\n".join(lines)) + "\n"


class Hidden:
    """Takes out of a text what is the owner's own."""

    def __init__(self, findings: Sequence[Finding], settings: Settings | None) -> None:
        meters = () if settings is None else settings.meters
        self._anonymizers = [Anonymizer(meter.credentials) for meter in meters] or [Anonymizer(_NOBODY)]
        self._private = tuple(dict.fromkeys(text for finding in findings for text in finding.private))

    def __call__(self, text: str) -> str:
        """`text` for everybody."""
        text = masked(text)
        private = (*self._private, *_serials_in(text))
        for anonymizer in self._anonymizers:
            text = anonymizer.told(text, private)
        text = _without_hosts(text)
        home = str(Path.home())
        return _HOME.sub("~", text.replace(home, "~") if len(home) > 1 else text)


def _serials_in(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(number for form in _SERIALS for number in form.findall(text)))


def _without_hosts(text: str) -> str:
    """Without the hosts of all URLs, which errors of the network name without a URL too."""
    hosts = sorted({found["host"].strip("[]") for found in _HOST.finditer(text)} - {""}, key=len, reverse=True)
    text = _HOST.sub(r"\1HOST", text)
    if not hosts:
        return text
    names = "|".join(re.escape(host) for host in hosts)
    return re.sub(rf"(?<![\w.-])(?:{names})(?![\w-])", "HOST", text, flags=re.IGNORECASE)


def _versions() -> Iterator[tuple[str, str]]:
    yield PROGRAM, _version_of(PROGRAM)
    yield "Python", platform.python_version()
    yield "SQLite", sqlite3.sqlite_version
    yield "system", platform.platform()
    yield "machine", platform.machine()
    for package in _PACKAGES:
        yield package, _version_of(package)
    yield "root", "yes" if os.geteuid() == 0 else "no"
    yield "made at", SystemClock().now().astimezone(UTC).isoformat(timespec="seconds")


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        about = "" if finding.meter is None else f" ({finding.meter})"
        yield f"- **{finding.state.value}** `{finding.key}`{about}: {finding.what}"
        if finding.cause:
            yield f"  - cause: {finding.cause}"
        if finding.remedy:
            yield f"  - remedy: {finding.remedy}"
        if finding.details:
            told = ", ".join(f"{name}={_plain(value)}" for name, value in finding.details.items())
            yield f"  - {told}"
    yield ""


def _plain(value: object) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value)


def _settings(shown: ShownSettings) -> Iterator[str]:
    """What was set, and where; of what belongs to outputs only that it was set."""
    for each in shown.general:
        if each.origin is not Origin.DEFAULT:
            yield f"- {each.row.name}: {_value(each)} ({each.source})"
    for label, own in shown.meters:
        yield f"- {label}"
        for each in own:
            if each.origin is not Origin.DEFAULT:
                yield f"  - {each.row.name}: {_value(each)} ({each.source})"


def _value(each: Shown) -> str:
    own = {row.name for row in (*CORE_SETTINGS, *METER_SETTINGS)}
    return ", ".join(each.values) if each.row.name in own else "set"
