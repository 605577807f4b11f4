"""The life of a session for the documents: a diagram and two tables, drawn from link/session.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from hems_data_collector.link.session import LIMITS, TRANSITIONS, SessionInput, SessionState

LEFT_OUT: Final = frozenset({SessionInput.CLOSE})
"""Of the diagram: it leads from everywhere to the end."""
EVERYWHERE: Final = SessionInput.PORT_LOST
"""Drawn once for all states with an open port."""


def diagram() -> str:
    """The states and what leads from one to the other, in Mermaid."""
    lost = {state: TRANSITIONS[state, EVERYWHERE].state for state in SessionState if (state, EVERYWHERE) in TRANSITIONS}
    with_port = [state for state, after in lost.items() if after is SessionState.PORTLESS]
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> CLOSED", "    state PORT {"]
    lines += [f"        {state.name}" for state in with_port]
    lines += ["    }", f"    PORT --> {SessionState.PORTLESS.name}: {EVERYWHERE.value}"]
    edges: dict[tuple[SessionState, SessionState], list[str]] = {}
    for (before, happened), row in TRANSITIONS.items():
        quiet = row.state is before and not row.actions
        everywhere = happened is EVERYWHERE and row.state is SessionState.PORTLESS
        if not quiet and not everywhere and (happened not in LEFT_OUT or row.state is SessionState.ENDING):
            edges.setdefault((before, row.state), []).append(happened.value)
    lines += [f"    {before.name} --> {after.name}: {'<br/>'.join(words)}" for (before, after), words in edges.items()]
    return "\n".join([*lines, "```", ""])


def states() -> Sequence[Sequence[str]]:
    """Rows of: state, what it is, its limit, why."""
    return [(f"`{state.name}`", state.value, *_limit(state)) for state in SessionState]


def _limit(state: SessionState) -> tuple[str, str]:
    limit = LIMITS.get(state)
    if limit is None:
        return "–", "–"
    return "varies" if limit.seconds is None else f"{limit.seconds:.0f} s", limit.why


def transitions() -> Sequence[Sequence[str]]:
    """Rows of: state, what happens, next state, what is done."""
    return [
        (f"`{before.name}`", happened.value, f"`{row.state.name}`", ", then ".join(a.value for a in row.actions) or "–")
        for (before, happened), row in TRANSITIONS.items()
    ]


HEADS: Final[Mapping[str, Sequence[str]]] = {
    "states": ("state", "what it is", "limit", "because"),
    "transitions": ("in", "when", "then", "and"),
}
