"""Is the port there, may this user open it, and who has it open."""

from __future__ import annotations

import getpass
import os
from collections.abc import AsyncGenerator
from gettext import gettext as _
from pathlib import Path
from typing import Any, Final

from hems_data_collector.diagnosis.context import Context
from hems_data_collector.diagnosis.finding import Finding
from hems_data_collector.diagnosis.kinds import found
from hems_data_collector.link.plugged import Access, AccessState, Holder, Plugged, access, holders, plugged_in
from hems_data_collector.link.port import scheme_of
from hems_data_collector.link.replay_port import REPLAY_SCHEME
from hems_data_collector.link.wifi_port import WIFI_SCHEME
from hems_data_collector.settings_values import EMULATOR_SCHEME

_BUILT_IN: Final = frozenset({EMULATOR_SCHEME, REPLAY_SCHEME})
_GROUP: Final = "dialout"
"""Owns serial ports on Debian and Raspberry Pi OS."""


async def look_at_port(context: Context) -> AsyncGenerator[Finding, None]:
    """The port, as far as it can be judged without opening it."""
    own, shown = context.own, context.own.shown_port
    if (told := _of_collector(context)) is not None:
        context.asked = told
        process = context.around.owner
        yield found("port-collector", meter=own.name, port=shown, process=process, details={"port": shown})
    elif context.scheme in _BUILT_IN:
        yield found("port-built-in", meter=own.name, port=shown, details={"port": shown})
    elif context.scheme == WIFI_SCHEME:
        yield found("port-wifi", meter=own.name, port=shown, details={"port": shown})
    elif context.scheme:
        yield found("port-network", meter=own.name, port=shown, details={"port": shown})
    else:
        yield _device(context)


def _of_collector(context: Context) -> dict[str, object] | None:
    """What the running collector says of the meter on this port; None where it has none there, or none runs."""
    for told in (context.around.live or {}).get("meters", ()):
        if told["name"] == context.own.name and _same(told["port"], context.own.shown_port):
            return dict(told)
    return None


def _same(one: str, other: str) -> bool:
    """Whether both name the same port; a device has several names."""
    return one == other or (not scheme_of(one) + scheme_of(other) and Path(one).resolve() == Path(other).resolve())


def _device(context: Context) -> Finding:
    port = context.own.shown_port
    may = access(port)
    if may.state is not AccessState.OK:
        return closed(may, port, context.own.name)
    using = holders(port)
    owner = context.around.owner
    if owner is not None and any(str(holder.pid) == owner for holder in using):
        return found("collector-mute", meter=context.own.name, port=port, process=owner)
    if using:
        return busy(port, context.own.name, using)
    device = next((each for each in plugged_in() if _same(each.path, port)), None)
    said = "" if device is None else device.stick or device.description
    return found(
        "port",
        meter=context.own.name,
        port=f"{port} ({said})" if said else port,
        details={"port": port, "device": said},
        private=_private(device),
    )


def closed(may: Access, port: str, meter: str | None) -> Finding:
    """Why this user cannot open it."""
    devices = plugged_in()
    listed = _(", ").join(each.name for each in devices) or _("nothing")
    words: dict[str, Any] = {"port": port, "devices": listed, "group": may.group or _GROUP, "user": _user()}
    key = {AccessState.MISSING: "port-missing", AccessState.NOT_SERIAL: "port-not-serial"}.get(may.state)
    if key is None:
        key = "port-denied" if may.group else "port-closed-to-all"
        key = "port-denied-until-login" if may.joined else key
    private = [text for each in devices for text in _private(each)]
    return found(key, meter=meter, private=private, details={"port": port, "devices": listed}, **words)


def busy(port: str, meter: str | None, using: tuple[Holder, ...]) -> Finding:
    """Somebody else has it open; who, where this user may see that."""
    who = _(", ").join(_("{command} (process {pid})").format(command=each.command, pid=each.pid) for each in using)
    hidden = _("a program of another user; its name is shown by: sudo fuser -v {port}").format(port=port)
    return found("port-busy", meter=meter, port=port, holder=who or hidden, details={"port": port, "holder": who})


def _private(device: Plugged | None) -> tuple[str, ...]:
    return (device.serial_number,) if device is not None and device.serial_number else ()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without an entry in the password file, as in a container
        return str(os.getuid())
