"""RaceContract: writers race to update one stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final
from uuid import UUID

from typing_extensions import override

from esmodel.exceptions import ConcurrencyError
from esmodel.rows.append import FREE, Append
from esmodel.testing.contracts.protocols import TStore
from esmodel.testing.contracts.samplerows import row
from esmodel.testing.contracts.writer import Writer
from esmodel.testing.contracts.writercontract import WriterContract
from esmodel.testing.contracts.writers import Writers

COUNTER: Final = UUID(int=77)
"""The stream that all writers append to."""


class RaceContract(WriterContract[TStore]):
    """The laws of ``RecordStore`` with several writers on one stream.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestRaces(RaceContract[MemoryStore]):
        ...     in_processes = False  # another process has another memory
        ...
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    turns: ClassVar[int] = 50
    """How many appends each writer makes."""

    @override
    def tasks(self) -> dict[str, Callable[[TStore, Writer], None]]:
        """Return the tasks that a writer can run, by name."""
        return {**super().tasks(), "add": self.add_up}

    def add_up(self, store: TStore, writer: Writer, /) -> None:
        """Append the number of the last row plus one, and retry after a conflict."""
        done = 0
        while done < self.turns:
            writer.pause()
            (last, *_) = store.read(COUNTER, limit=1, descending=True)
            value = int(last.data.decode().partition(" ")[0])
            writer.pause()
            added = row(COUNTER, last.position + 1, f"{value + 1} {writer.number} {done}".encode())
            append = Append([added], after=last.position)
            if writer.random.random() < 0.2:
                append = Append([added, added._replace(position=last.position + 2), last], FREE)  # is refused
            try:
                store.append(append)
            except ConcurrencyError:
                continue
            writer.log(f"{last.position + 1} {value + 1} {writer.number} {done}")
            done += 1

    def test_concurrent_updates_are_not_lost(self, store: TStore, seed: int, tmp_path: Path) -> None:
        """Each writer reads, adds one and appends, with retries; the store must refuse some batches."""
        store.append(Append([row(COUNTER, 0, b"0 nobody 0")], None))
        with Writers(tmp_path / "writers", self.writers, seed) as writers:
            self.start(writers, "add", store, tmp_path)
            writers.wait()
            acknowledged = {line for writer in writers.all for line in writer.logged()[1:]}
        found = list(store.read(COUNTER))
        stored = {f"{record.position} {record.data.decode()}" for record in found[1:]}
        total = self.writers * self.turns
        hint = f"with the seed {seed}"
        assert [record.position for record in found] == list(range(total + 1)), (
            f"RecordStore, law 1: part of a refused batch is stored, {hint}"
        )
        values = [int(record.data.decode().partition(" ")[0]) for record in found]
        assert values == list(range(total + 1)), f"RecordStore, law 2: an update was lost, {hint}"
        assert acknowledged == stored, (
            f"RecordStore, law 1: the stored rows are not those acknowledged, {hint}"
        )
        assert store.last(COUNTER) == (total, b""), (
            f"RecordStore, law 4: last is not the last position, {hint}"
        )
