"""What the numbers and words of SKSTACK-IP mean to people."""

from __future__ import annotations

from collections.abc import Mapping
from gettext import gettext as _
from typing import Final

from hems_data_collector.skstack import EventNumber

MEANINGS: Final[Mapping[int, str]] = {
    EventNumber.NEIGHBOR_SOLICITATION: _("neighbour solicitation received"),
    EventNumber.NEIGHBOR_ADVERTISEMENT: _("neighbour advertisement received"),
    EventNumber.ECHO_REQUEST: _("echo request received"),
    EventNumber.ENERGY_SCAN_DONE: _("energy scan finished"),
    EventNumber.BEACON: _("beacon received: a meter answers the scan"),
    EventNumber.UDP_SENT: _("datagram sent"),
    EventNumber.SCAN_DONE: _("scan finished"),
    EventNumber.JOIN_FAILED: _("authentication failed: wrong password, or the meter does not answer"),
    EventNumber.JOINED: _("authentication succeeded: the session is up"),
    EventNumber.PEER_ENDED_SESSION: _("the meter ended the session"),
    EventNumber.TERMINATED: _("session ended"),
    EventNumber.TERMINATE_TIMED_OUT: _("session ended without an answer of the meter"),
    EventNumber.SESSION_EXPIRED: _("the session's lifetime is over"),
    EventNumber.SEND_LIMIT_REACHED: _("the legal air time is used up: sending is suspended"),
    EventNumber.SEND_LIMIT_RELEASED: _("sending is allowed again"),
    EventNumber.PAC_KEY_REQUEST_SENT: _("HAN: key request sent"),
    EventNumber.PAC_KEY_RESPONSE: _("HAN: key response"),
    EventNumber.PAC_KEY_NO_RESPONSE: _("HAN: no response to the key request"),
    EventNumber.PAC_KEY_DISTRIBUTION: _("HAN: key distribution"),
    EventNumber.PAC_KEY_SWITCH: _("HAN: key switch"),
    EventNumber.PAC_KEY_INDEX_MISMATCH: _("HAN: key index mismatch"),
    EventNumber.PAC_KEY_SWITCH_TIMED_OUT: _("HAN: key switch timed out"),
    EventNumber.PAA_KEY_FIRST: _("HAN: key exchange"),
    EventNumber.PAA_INITIAL_MODE_STARTED: _("HAN: initial mode started"),
    EventNumber.PAA_INITIAL_MODE_ENDED: _("HAN: initial mode ended"),
    EventNumber.WAKE_UP: _("the modem woke up"),
}
"""skstack-ip §3.1."""

RESULTS: Final[Mapping[int, str]] = {
    0x00: _("the meter's radio acknowledged it"),
    0x01: _("failed, no acknowledgement"),
    0x02: _("a neighbour solicitation went out first"),
}
"""skstack-ip §3.2."""

FAILURES: Final[Mapping[int, str]] = {
    4: _("command not supported"),
    5: _("wrong number of arguments (the other dialect?)"),
    6: _("argument malformed or out of range"),
    9: _("serial input error"),
    10: _("accepted, but it could not be carried out"),
}
"""skstack-ip §2.0."""

COMMANDS: Final[Mapping[str, str]] = {
    "SKVER": _("ask for the firmware version"),
    "SKAPPVER": _("ask for the application version"),
    "SKINFO": _("ask for address, channel and PAN"),
    "SKSREG": _("write or read a register"),
    "SKSETPWD": _("set the Route-B password"),
    "SKSETRBID": _("set the Route-B id"),
    "SKSCAN": _("scan for meters"),
    "SKLL64": _("address of a MAC"),
    "SKADDNBR": _("note a neighbour"),
    "SKJOIN": _("authenticate with a meter"),
    "SKREJOIN": _("authenticate again"),
    "SKTERM": _("end the session"),
    "SKSTART": _("be an authentication server"),
    "SKSENDTO": _("send a datagram"),
    "SKPING": _("send an echo request"),
    "SKUDPPORT": _("set a listening port"),
    "SKTABLE": _("show a table"),
    "SKRESET": _("start the protocol stack anew"),
    "SKSAVE": _("write the registers to flash"),
    "SKLOAD": _("load the registers from flash"),
    "SKERASE": _("erase the registers in flash"),
    "SKDSLEEP": _("sleep"),
    "SKTCPPORT": _("set a TCP port"),
    "SKCONNECT": _("open a TCP connection"),
    "SKSEND": _("send TCP data"),
    "SKCLOSE": _("close a TCP connection"),
    "ROPT": _("read the form of received data"),
    "WOPT": _("write the form of received data to flash"),
    "RUART": _("read the serial settings"),
    "WUART": _("write the serial settings to flash"),
}
"""skstack-ip §2."""
