"""What an output is: a name, its settings, and one coroutine that takes a batch of records.

An output knows nothing of the store, of retries, or of the other outputs: it tries once, and says by its return or its
exception what became of the batch. `collector/delivery` does the rest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from hems_data_collector.clock import Clock
from hems_data_collector.credentials import Secret
from hems_data_collector.outputs.formats import Format
from hems_data_collector.readings import RECORD_KEYS, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value that a person may set: by flag, environment variable or TOML key."""

    name: str
    """The key in the values given to `Output.build`, and in TOML: `webhook_url`."""
    flag: str
    """`--webhook-url`."""
    environment: str | None = None
    default: str | None = None
    help: str
    metavar: str | None = None
    secret: bool = False
    """The value arrives as `Secret` and no message shows it."""
    repeatable: bool = False
    """The flag may be given again and TOML takes a list; the values arrive as a tuple."""
    convert: Callable[[str], object] = str
    """Checks one text; raises ValueError saying what is wrong, never repeating the value of a secret."""

    def value(self, text: str) -> object:
        """The value that `Output.build` receives for one `text`; raises ValueError."""
        converted = self.convert(text)
        return Secret(text) if self.secret else converted

    def split(self, text: str) -> tuple[str, ...]:
        """The single texts in one environment variable: one per line, or separated by `;;`, where repeatable."""
        if not self.repeatable:
            return (text,)
        return tuple(part.strip() for line in text.splitlines() for part in line.split(";;") if part.strip())


class Output(ABC):
    """A place where records go. One instance is used by one task at a time."""

    name: ClassVar[str]
    """The word of `--output`."""
    help: ClassVar[str]
    """One line for people."""
    settings: ClassVar[tuple[Setting, ...]] = ()
    batch_size: ClassVar[int] = 1
    """The most records that one `deliver` takes."""
    near: ClassVar[bool] = False
    """Its far end is on this machine: `check` asks nobody else."""
    backlog: ClassVar[bool] = True
    """Whether it gets from the store what it missed; else only what is new while the program runs."""
    queue_limit: ClassVar[int] = 10_000
    """The most records that wait in memory for an output without a backlog: a week at one a minute."""

    @classmethod
    @abstractmethod
    def build(
        cls,
        values: Mapping[str, Any],
        format: Format,
        *,
        clock: Clock,
        columns: Sequence[str] = RECORD_KEYS,
        half_hours: bool = False,
    ) -> Self:
        """Make it from its settings (`Setting.name` to `Setting.value`; a tuple where repeatable; None where unset).

        `columns` are the keys of the readings to come, with `meter` at the end where meters have names; `half_hours`
        says that half-hour records come too, with the same key at their end. Touches nothing outside. Raises
        ConfigError.
        """

    def takes(self, kind: str) -> bool:
        """Whether records of this kind are for this output at all; only asked of one without a backlog."""
        return True

    async def open(self) -> None:  # noqa: B027 - most outputs have nothing to do here
        """Check at start what can be checked without sending a record; raises ConfigError."""

    async def check(self) -> str | None:
        """Instead of `open`, for a diagnosis: would the far end take a record? No record is sent and no trace is left.

        Returns None where all that can be asked has been answered well, or a doubt in one sentence. Raises ConfigError
        and as `deliver` does. An output that asks nothing further does what `open` does.
        """
        await self.open()
        return None

    async def prepare(self, checkpoint: bytes | None, pending: Iterable[Record]) -> bytes | None:
        """Before each `deliver`: the checkpoint to deliver from, which is kept across a kill before anything goes out.

        An output that can tell what arrived without being acknowledged (before a kill, or when a call raised) undoes
        it here: it can only be the beginning of `pending`, the records that come next. After a start they may be one
        of two lots: then it is asked with either, and with the same checkpoint. Raises as `deliver` does.
        """
        return checkpoint

    @abstractmethod
    async def deliver(self, batch: Sequence[Record], checkpoint: bytes | None) -> bytes | None:
        """Hand over `batch` in order; returning means acknowledged by the far end.

        `checkpoint` is what `prepare` or the last acknowledged call returned, None at first: an output that keeps a
        position returns the new one, any other returns what it got. Raises OutputUnavailable (try again),
        OutputPaused (probe now and then), OutputRejected (this batch never), OutputClosed (nobody is there for good).
        A batch that raised may have arrived in part: records carry a stable key.
        """

    async def close(self) -> None:  # noqa: B027 - most outputs hold nothing open
        """Let go of connections; never raises."""
