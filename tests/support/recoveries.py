"""Every fault of the way to the meter, how long the collector may take to come back, what it does, what the log says.

`tests/scenarios/test_link_recovery.py` plays each of them and measures; the documents show this list. Times are
seconds. A bound is a sum: until the fault is noticed, what must be waited for, a join, one round trip, and 5 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

INTERVAL: Final = 10.0
"""Between two readings in the test: a fault without an event is noticed at the next one."""
ROUND_TRIP: Final = 1.0
"""0.34 to 0.81 in the emulator as on real meters."""
JOIN: Final = 10.0
"""SKJOIN to EVENT 25, 3 to 10 in the emulator as on real meters."""
SLACK: Final = 5.0
SILENCE: Final = 80.0
"""A silent group request, and the probe after it."""
UNANSWERED_JOIN: Final = 38.0
"""The module gives up by itself."""
REFUSED_JOIN: Final = 5.0
FIRST_SCAN: Final = 20.0
ALL_SCANS: Final = 130.0
UNCONFIRMED: Final = 16.0
"""Three transmissions of the request and of the probe, 3 s apart, none acknowledged."""
COMMAND: Final = 15.5
"""The deadline of SKSENDTO, and the quiet after it."""
NO_MODEM: Final = 12.0
"""SKRESET and SKVER without any answer."""
AFTER_FAILURE: Final = 72.0
"""A minute and a fifth."""
HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One fault."""

    name: str
    what: str
    """The fault, for people."""
    faults: tuple[str, ...]
    """As the emulator knows it."""
    does: str
    """What the collector does."""
    log: str
    """How the line of the log begins; "" where there is nothing to tell."""
    times: int | None = None
    """On how many occasions it strikes; None: as long as it lasts."""
    lasts: float | None = None
    """Seconds after which the fault is taken back."""
    noticed: float = 0.0
    waits: float = 0.0
    rejoins: bool = True
    query: str = ""
    """Settings of the emulator from the start."""

    @property
    def bound(self) -> float:
        """Seconds from the fault to a fresh reading at most."""
        return self.noticed + self.waits + (JOIN + ROUND_TRIP + SLACK if self.rejoins else ROUND_TRIP + SLACK)


def _harmless(name: str, what: str, does: str, *faults: str, query: str = "", times: int | None = None) -> Recovery:
    return Recovery(
        name=name, what=what, faults=faults or (name,), does=does, log="", noticed=INTERVAL, rejoins=False, query=query,
        times=times,
    )  # fmt: skip


_REJOINS: Final = "joins again at once"
_RESETS: Final = "resets the modem and joins again"

RECOVERIES: Final = (
    # --- EVENT 21 (skstack-ip §3.2)
    _harmless("ev21-02only", "EVENT 21 with 02 alone", "waits for the answer: 02 is neither success nor failure"),
    _harmless("ev21-02-00", "EVENT 21 with 02, then 00", "takes the last one"),
    _harmless("ev21-missing", "no EVENT 21 before OK", "waits for the answer"),
    Recovery(
        name="ev21-01-once", what="EVENT 21 with 01, once", faults=("ev21-01:1",), times=1, noticed=INTERVAL, waits=3,
        rejoins=False, does="sends again after 3 s, with a new TID", log="",
    ),
    Recovery(
        name="ev21-01", what="EVENT 21 with 01 for a minute", faults=("ev21-01:1",), lasts=60,
        noticed=60, waits=UNCONFIRMED + 10, log="The meter stopped answering",
        does="sends three times, then a probe three times, resets the modem and joins again, with growing waits",
    ),
    # --- the session (skstack-ip §4.3)
    Recovery(
        name="ev24", what="EVENT 24 out of the blue: the module failed to renew the session", faults=("reauth-24:0",),
        noticed=UNANSWERED_JOIN, does=_REJOINS, log="The renewal of the session failed",
    ),
    Recovery(
        name="ev24-loop", what="EVENT 24 to three joins in a row", faults=("join-24:3", "ev26:0"),
        waits=3 * REFUSED_JOIN + 2 * FIRST_SCAN + AFTER_FAILURE + 1, log="The meter did not answer the join",
        does="looks for the meter anew, waits a minute, doubles the wait each time up to five minutes",
    ),
    _harmless("ev25", "EVENT 25 without SKJOIN: the module renewed the session by itself", "goes on", "reauth-25:0"),
    Recovery(name="ev26", what="EVENT 26: the meter ends the session", faults=("ev26:0",), does=_REJOINS,
             log="The meter ended the session"),
    Recovery(name="ev27", what="EVENT 27 without SKTERM", faults=("ev27:0",), does=_REJOINS,
             log="The modem ended the session"),
    Recovery(name="ev28", what="EVENT 28 without SKTERM", faults=("ev28:0",), does=_REJOINS,
             log="The modem ended the session"),
    Recovery(
        name="ev29-25", what="EVENT 29, then EVENT 25", faults=("ev29-25:0",), noticed=5,
        does="sends nothing until the module has renewed the session", log="The session's lifetime is over; waiting",
    ),
    Recovery(
        name="ev29-24", what="EVENT 29, then EVENT 24", faults=("ev29-24:0",), noticed=5,
        does="sends nothing until EVENT 24, then joins again", log="The renewal of the session failed",
    ),
    Recovery(
        name="ev29-nothing", what="EVENT 29 and nothing more", faults=("ev29-nothing:0",), waits=60,
        does="waits a minute for EVENT 25 or 24, then joins again",
        log="The session's lifetime is over and was not renewed",
    ),
    Recovery(
        name="silent-session", what="the meter forgets the session and no event tells", faults=("silent-session:0",),
        noticed=INTERVAL + SILENCE, waits=2, log="The meter stopped answering",
        does="after a silent request (60 s) and a silent probe (20 s) resets the modem and joins again",
    ),
    Recovery(
        name="er10-send-once", what="FAIL ER10 to SKSENDTO, once", faults=("er10-send:1",), times=1, noticed=INTERVAL,
        waits=3, rejoins=False, does="asks the modem whether it was restarted; sends again after 3 s", log="",
    ),
    Recovery(
        name="er10-send", what="FAIL ER10 to SKSENDTO for a minute", faults=("er10-send:1",), lasts=60,
        noticed=60, waits=UNCONFIRMED + 10, does="as for EVENT 21 with 01", log="The meter stopped answering",
    ),
    Recovery(
        name="er10-join", what="FAIL ER10 to SKJOIN", faults=("er10-join:1", "ev26:0"), waits=45 + 3,
        does="waits as long as an authentication of the module's own can take, resets it and joins again",
        log="The modem does not take the join yet",
    ),
    # --- the meter
    Recovery(
        name="moved", what="the meter moved to another channel", faults=("moved:0",), noticed=INTERVAL,
        waits=UNCONFIRMED + 2 + UNANSWERED_JOIN + FIRST_SCAN,
        does="joins where it was, finds nobody, scans and joins where it is", log="The meter is not where it was",
    ),
    Recovery(
        name="moved-foreign", what="the meter moved, and another PAN has our pairing id",
        faults=("foreign-pan", "moved:0"), noticed=INTERVAL,
        waits=UNCONFIRMED + 2 + 2 * UNANSWERED_JOIN + FIRST_SCAN, log="The meter is not where it was",
        does="tries every PAN with our pairing id, the strongest first",
    ),
    Recovery(
        name="moved-household", what="the meter moved, and another household's meter is heard",
        faults=("household", "moved:0"), noticed=INTERVAL,
        waits=UNCONFIRMED + 2 + UNANSWERED_JOIN + FIRST_SCAN,
        log="The meter is not where it was",
        does="leaves PANs with another pairing id alone, and datagrams of other senders",
    ),
    Recovery(
        name="replaced", what="another meter stands in its place", faults=("replaced:0",), noticed=INTERVAL,
        waits=UNCONFIRMED + 2 + UNANSWERED_JOIN + FIRST_SCAN + 4 * ROUND_TRIP, log="The meter is not where it was",
        does="as if it had moved; reads the new meter's identity and scale before the next reading",
    ),
    Recovery(
        name="absent", what="the meter is out of reach for two minutes", faults=("absent:120",), noticed=120,
        waits=ALL_SCANS + AFTER_FAILURE + UNANSWERED_JOIN + FIRST_SCAN, log="The meter is not where it was",
        does="joins, scans, waits a minute and tries again",
    ),
    # --- what becomes of an answer
    Recovery(
        name="lost", what="an answer is lost", faults=("lost:1",), times=1, noticed=INTERVAL, waits=60 + ROUND_TRIP,
        rejoins=False, does="asks for the power alone after 60 s, and when that is answered asks again", log="",
    ),
    Recovery(
        name="wrong-tid", what="an answer with a wrong TID", faults=("wrong-tid:1",), times=1, noticed=INTERVAL,
        waits=60 + ROUND_TRIP, rejoins=False, does="does not take it; then as for a lost answer", log="",
    ),
    Recovery(
        name="late", what="an answer 25 s late", faults=("late:25",), times=1, noticed=INTERVAL, waits=25,
        rejoins=False, does="takes it; a group of properties may take a minute", log="",
    ),
    _harmless("duplicate", "every answer twice", "takes the first"),
    _harmless("interleaved", "a notification with the TID of the request", "keeps it as a notification, and waits on"),
    _harmless("forged", "an unsecured datagram before the answer", "drops it"),
    _harmless("infc", "notifications that want an answer (INFC)", "answers each", "no-d5", query="notify=infc"),
    Recovery(
        name="cut-line", what="a datagram with a wrong length", faults=("cut-line:1",), times=1, noticed=INTERVAL,
        waits=60 + ROUND_TRIP, rejoins=False, does="drops the line, stays in step; then as for a lost answer", log="",
    ),
    Recovery(
        name="half-line", what="half a line, the next one behind it", faults=("half-line:1",), times=1,
        noticed=INTERVAL, waits=2 * (60 + ROUND_TRIP), rejoins=False,
        does="drops it up to the next line end; then as for a lost answer", log="",
    ),
    # --- the modem
    Recovery(
        name="reset", what="the modem restarts by itself", faults=("reset:0",), noticed=INTERVAL + ROUND_TRIP, waits=2,
        log="The modem has restarted by itself",
        does="sees it at the first datagram, sets the modem up and joins again",
    ),
    Recovery(
        name="hang", what="the modem answers nothing but SKRESET", faults=("hang:0",), noticed=INTERVAL + COMMAND,
        waits=3, does=_RESETS, log="The modem did not answer SKSENDTO",
    ),
    Recovery(
        name="hang-data", what="the modem waits for data that never come", faults=("hang-data:3",),
        noticed=INTERVAL + COMMAND, waits=3, log="The modem did not answer SKSENDTO",
        does="sends empty lines until it is out of there, resets it and joins again",
    ),
    Recovery(
        name="mute", what="the modem is silent until the port is opened anew", faults=("mute:0",),
        noticed=INTERVAL + COMMAND, waits=3 + NO_MODEM, log="The modem did not answer SKSENDTO",
        does="resets the modem, in vain, and opens the port anew",
    ),
    Recovery(
        name="stuck", what="the modem is silent for two minutes, whatever one does", faults=("stuck:120",), noticed=120,
        waits=60, does="resets, opens anew, waits, longer each time", log="No Wi-SUN modem answers on this port",
    ),
    Recovery(
        name="unplug", what="the stick is unplugged for five seconds", faults=("unplug:0",), noticed=5, waits=6,
        does="looks for it every few seconds, under its new name too, sets it up and joins again",
        log="The port is gone",
    ),
    # --- the legal air time (skstack-ip §4.6)
    Recovery(
        name="ev32", what="EVENT 32, and EVENT 33 after ten minutes", faults=("ev32:600",), noticed=600, rejoins=False,
        does="sends nothing at all, keeps the session, goes on with EVENT 33",
        log="The modem has used up its legal air time",
    ),
    Recovery(
        name="ev32-only", what="EVENT 32, and no EVENT 33 ever", faults=("ev32-only:600",), noticed=HOUR,
        rejoins=False, does="asks the modem after an hour", log="The modem has used up its legal air time",
    ),
    Recovery(
        name="ev32-longer", what="EVENT 32, no EVENT 33, and the modem says no after an hour",
        faults=("ev32-only:4000",), noticed=HOUR + 600, rejoins=False, does="asks again every five minutes",
        log="The modem has used up its legal air time",
    ),
    Recovery(
        name="ev32-ev26", what="EVENT 32, and the meter ends the session meanwhile", faults=("ev32:600", "ev26:60"),
        noticed=600, does="neither joins nor scans before EVENT 33", log="The meter ended the session",
    ),
)  # fmt: skip
"""Every row is played."""
