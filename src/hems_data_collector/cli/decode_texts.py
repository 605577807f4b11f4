"""What the numbers and words of SKSTACK-IP mean to people."""

from __future__ import annotations

from collections.abc import Mapping
from gettext import gettext as _
from typing import Final

from hems_data_collector.language import N_
from hems_data_collector.skstack import EventNumber

MEANINGS: Final[Mapping[int, str]] = {
    EventNumber.NEIGHBOR_SOLICITATION: N_("neighbour solicitation received"),
    EventNumber.NEIGHBOR_ADVERTISEMENT: N_("neighbour advertisement received"),
    EventNumber.ECHO_REQUEST: N_("echo request received"),
    EventNumber.ENERGY_SCAN_DONE: N_("energy scan finished"),
    EventNumber.BEACON: N_("beacon received: a meter answers the scan"),
    EventNumber.UDP_SENT: N_("datagram sent"),
    EventNumber.SCAN_DONE: N_("scan finished"),
    EventNumber.JOIN_FAILED: N_("authentication failed: wrong password, or the meter does not answer"),
    EventNumber.JOINED: N_("authentication succeeded: the session is up"),
    EventNumber.PEER_ENDED_SESSION: N_("the meter ended the session"),
    EventNumber.TERMINATED: N_("session ended"),
    EventNumber.TERMINATE_TIMED_OUT: N_("session ended without an answer of the meter"),
    EventNumber.SESSION_EXPIRED: N_("the session's lifetime is over"),
    EventNumber.SEND_LIMIT_REACHED: N_("the legal air time is used up: sending is suspended"),
    EventNumber.SEND_LIMIT_RELEASED: N_("sending is allowed again"),
    EventNumber.PAC_KEY_REQUEST_SENT: N_("HAN: key request sent"),
    EventNumber.PAC_KEY_RESPONSE: N_("HAN: key response"),
    EventNumber.PAC_KEY_NO_RESPONSE: N_("HAN: no response to the key request"),
    EventNumber.PAC_KEY_DISTRIBUTION: N_("HAN: key distribution"),
    EventNumber.PAC_KEY_SWITCH: N_("HAN: key switch"),
    EventNumber.PAC_KEY_INDEX_MISMATCH: N_("HAN: key index mismatch"),
    EventNumber.PAC_KEY_SWITCH_TIMED_OUT: N_("HAN: key switch timed out"),
    EventNumber.PAA_KEY_FIRST: N_("HAN: key exchange"),
    EventNumber.PAA_INITIAL_MODE_STARTED: N_("HAN: initial mode started"),
    EventNumber.PAA_INITIAL_MODE_ENDED: N_("HAN: initial mode ended"),
    EventNumber.WAKE_UP: N_("the modem woke up"),
}
"""skstack-ip §3.1."""

RESULTS: Final[Mapping[int, str]] = {
    0x00: N_("the meter's radio acknowledged it"),
    0x01: N_("failed, no acknowledgement"),
    0x02: N_("a neighbour solicitation went out first"),
}
"""skstack-ip §3.2."""

FAILURES: Final[Mapping[int, str]] = {
    4: N_("command not supported"),
    5: N_("wrong number of arguments (the other dialect?)"),
    6: N_("argument malformed or out of range"),
    9: N_("serial input error"),
    10: N_("accepted, but it could not be carried out"),
}
"""skstack-ip §2.0."""

COMMANDS: Final[Mapping[str, str]] = {
    "SKVER": N_("ask for the firmware version"),
    "SKAPPVER": N_("ask for the application version"),
    "SKINFO": N_("ask for address, channel and PAN"),
    "SKSREG": N_("write or read a register"),
    "SKSETPWD": N_("set the Route-B password"),
    "SKSETRBID": N_("set the Route-B id"),
    "SKSCAN": N_("scan for meters"),
    "SKLL64": N_("address of a MAC"),
    "SKADDNBR": N_("note a neighbour"),
    "SKJOIN": N_("authenticate with a meter"),
    "SKREJOIN": N_("authenticate again"),
    "SKTERM": N_("end the session"),
    "SKSTART": N_("be an authentication server"),
    "SKSENDTO": N_("send a datagram"),
    "SKPING": N_("send an echo request"),
    "SKUDPPORT": N_("set a listening port"),
    "SKTABLE": N_("show a table"),
    "SKRESET": N_("start the protocol stack anew"),
    "SKSAVE": N_("write the registers to flash"),
    "SKLOAD": N_("load the registers from flash"),
    "SKERASE": N_("erase the registers in flash"),
    "SKDSLEEP": N_("sleep"),
    "SKTCPPORT": N_("set a TCP port"),
    "SKCONNECT": N_("open a TCP connection"),
    "SKSEND": N_("send TCP data"),
    "SKCLOSE": N_("close a TCP connection"),
    "ROPT": N_("read the form of received data"),
    "WOPT": N_("write the form of received data to flash"),
    "RUART": N_("read the serial settings"),
    "WUART": N_("write the serial settings to flash"),
}
"""skstack-ip §2."""

VALUES: Final = (
    *(N_("on"), N_("off"), N_("fault"), N_("no fault"), N_("saving"), N_("normal")),
    *(N_("public"), N_("not public"), N_("line normal public"), N_("line normal not public")),
    *(N_("second"), N_("minute"), N_("hour"), N_("day")),
    *(N_("living room"), N_("dining room"), N_("kitchen"), N_("bathroom"), N_("toilet"), N_("washroom"), N_("hallway")),
    *(N_("room"), N_("stairs"), N_("entrance"), N_("storage room"), N_("garden"), N_("garage"), N_("veranda")),
    N_("other"),
)
"""The words of properties that name one of several states, as the enumerations of `echonet` have them."""


def in_brackets(*notes: str) -> str:
    """What stands behind a line to explain it, in the brackets of the language."""
    return _("({text})").format(text=_(", ").join(notes))
