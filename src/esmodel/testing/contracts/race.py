"""Writers that race to update one stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final
from uuid import UUID

from typing_extensions import override

from esmodel.exceptions import ConcurrencyError
from esmodel.testing.contracts.protocols import (
    TStore,
)
from esmodel.testing.contracts.samplerows import row
from esmodel.testing.contracts.writer import Writer
from esmodel.testing.contracts.writercontract import WriterContract
from esmodel.testing.contracts.writers import Writers

COUNTER: Final = UUID(int=77)
"""The stream that all writers append to."""


class RaceContract(WriterContract[TStore]):
    """What many writers on one stream may rely on.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestRaces(RaceContract[MemoryStore]):
        ...     in_processes = False  # another process has another memory
        ...
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    turns: ClassVar[int] = 50
    """How many appends each writer gets in."""

    @override
    def tasks(self) -> dict[str, Callable[[TStore, Writer], None]]:
        """Return what the writers of this class can be told to do, by its name."""
        return {**super().tasks(), "add": self.add_up}

    def add_up(self, store: TStore, writer: Writer, /) -> None:
        """Add one to what the last row says, and try again where somebody was faster."""
        done = 0
        while done < self.turns:
            writer.sleep()
            (last, *_) = store.read(COUNTER, limit=1, descending=True)
            value = int(last.data.decode().partition(" ")[0])
            writer.sleep()
            batch = [row(COUNTER, last.position + 1, f"{value + 1} {writer.number} {done}".encode())]
            if writer.choose.random() < 0.2:
                batch += [batch[0]._replace(position=last.position + 2), last]  # cannot be stored
            try:
                store.append(batch)
            except ConcurrencyError:
                continue
            writer.say(f"{last.position + 1} {value + 1} {writer.number} {done}")
            done += 1

    def test_of_writers_that_add_to_one_number_no_update_is_lost(
        self, store: TStore, seed: int, tmp_path: Path
    ) -> None:
        """Each reads, adds one and appends, and tries again when refused; some batches must be refused."""
        store.append([row(COUNTER, 0, b"0 nobody 0")])
        with Writers(tmp_path / "writers", self.writers, seed) as writers:
            self.start(writers, "add", store, tmp_path)
            writers.wait()
            said = {word for writer in writers.all for word in writer.said()[1:]}
        found = list(store.read(COUNTER))
        stored = {f"{record.position} {record.data.decode()}" for record in found[1:]}
        total = self.writers * self.turns
        hint = f"with the seed {seed}"
        assert [record.position for record in found] == list(range(total + 1)), (
            f"RecordStore, law 1: a batch that was refused is partly there, {hint}"
        )
        values = [int(record.data.decode().partition(" ")[0]) for record in found]
        assert values == list(range(total + 1)), f"RecordStore, law 2: an update was lost, {hint}"
        assert said == stored, f"RecordStore, law 1: what was acknowledged is what is stored, {hint}"
        assert store.last(COUNTER) == (total, b""), f"RecordStore, law 4: last is another position, {hint}"
