"""TailRaceContract: a reader follows the commits of several writers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, NamedTuple
from uuid import UUID

import msgspec
import pytest
from typing_extensions import override

from esmodel.exceptions import ConcurrencyError
from esmodel.rows.append import FREE, Append
from esmodel.rows.record import Record
from esmodel.testing.contracts.protocols import TTailStore
from esmodel.testing.contracts.race import COUNTER
from esmodel.testing.contracts.samplerows import row
from esmodel.testing.contracts.writer import Writer
from esmodel.testing.contracts.writercontract import WriterContract
from esmodel.testing.contracts.writers import Writers


class LoggedAppend(NamedTuple):
    """The log entry of one append.

    Attributes:
        batch: the name of the batch, which the data of its rows begin with.
        rows: how many rows the batch has.
        began: when the call began, in seconds of the monotonic clock, which all processes share.
        ended: when the call returned or raised.
        stored: whether it returned.
    """

    batch: str
    rows: int
    began: float
    ended: float
    stored: bool


class TailRaceContract(WriterContract[TTailStore]):
    """The laws of ``SupportsReadAll`` with several writers on several streams.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestTail(TailRaceContract[MemoryStore]):
        ...     in_processes = False  # another process has another memory
        ...
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    appends: ClassVar[int] = 60
    """How many appends each writer tries."""

    @override
    def tasks(self) -> dict[str, Callable[[TTailStore, Writer], None]]:
        """Return the tasks that a writer can run, by name."""
        return {**super().tasks(), "mix": self.append_and_conflict}

    def append_and_conflict(self, store: TTailStore, writer: Writer, /) -> None:
        """Append batches to the writer's own stream and to a shared one; some of them conflict."""
        own = UUID(int=1_000 + writer.number)
        position = 0
        for turn in range(self.appends):
            batch_name = f"{writer.number}-{turn}"
            size = writer.random.randint(1, 4)
            after = position - 1 if position else None
            batch = [row(own, position + place, f"{batch_name} {place}".encode()) for place in range(size)]
            if writer.random.random() < 0.2 and position:  # must be refused
                batch.append(row(own, writer.random.randrange(position), f"{batch_name} bad".encode()))
                appends = [Append(batch, FREE)]
            else:
                appends = [Append(batch, after)]
            if writer.random.random() < 0.5:  # several writers do this at once, and some come too late
                last = store.last(COUNTER)
                end = -1 if last is None else last[0]
                shared = Append(
                    [row(COUNTER, end + 1, f"{batch_name} {size}".encode())], end if last else None
                )
                appends.insert(writer.random.randrange(2), shared)
            writer.pause()
            began = time.monotonic()
            try:
                store.append_streams(appends)
            except ConcurrencyError:
                stored = False
            else:
                stored = True
                position += size
            rows = sum(len(each.records) for each in appends)
            entry = LoggedAppend(batch_name, rows, began, time.monotonic(), stored)
            writer.log(msgspec.json.encode(entry).decode())

    def test_a_tail_reader_sees_every_commit_once_in_order(
        self, store: TTailStore, seed: int, tmp_path: Path
    ) -> None:
        """It reads all commits, each once, and no refused batch.

        If one append ended before another began, its rows have the lower numbers, whoever made them.
        """
        seen: list[tuple[int, Record]] = []
        with Writers(tmp_path / "writers", self.writers, seed) as writers:
            self.start(writers, "mix", store, tmp_path)
            reader = Writer(tmp_path, self.writers, seed)
            while writers.are_running():
                limit = reader.random.choice([None, 1, 7, 50])
                seen += store.read_all(after=seen[-1][0] if seen else 0, limit=limit)
                reader.pause()
            writers.wait()
            appends = [
                msgspec.json.decode(line, type=LoggedAppend)
                for writer in writers.all
                for line in writer.logged()[1:]
            ]
        seen += store.read_all(after=seen[-1][0] if seen else 0)
        self._check_tail(store, seen, appends, f"with the seed {seed}")

    def _check_tail(
        self, store: TTailStore, seen: list[tuple[int, Record]], appends: list[LoggedAppend], hint: str
    ) -> None:
        assert len(appends) == self.writers * self.appends
        everything = list(store.read_all())
        assert seen == everything, f"SupportsReadAll, law 2: the reader skipped or repeated rows, {hint}"
        numbers = [number for number, _ in seen]
        assert numbers == sorted(set(numbers)), f"SupportsReadAll, law 1: numbers do not rise, {hint}"
        batches: dict[str, list[int]] = {}
        for number, record in seen:
            batches.setdefault(record.data.decode().partition(" ")[0], []).append(number)
        stored = {append.batch: append.rows for append in appends if append.stored}
        assert {name: len(found) for name, found in batches.items()} == stored, (
            f"SupportsStreams, law 1: the stored rows are not those acknowledged, {hint}"
        )
        check_commit_order([append for append in appends if append.stored], batches, hint)
        assert any(not append.stored for append in appends), (
            f"expected a conflict, found none: the writers did not race. Set `appends` higher, {hint}"
        )


def check_commit_order(appends: list[LoggedAppend], numbers: dict[str, list[int]], hint: str, /) -> None:
    """Check that an append that ended before another began has the lower numbers."""
    by_end = sorted(appends, key=lambda append: append.ended)
    ended, highest = 0, 0
    for append in sorted(appends, key=lambda append: append.began):
        while by_end[ended].ended < append.began:
            highest = max(highest, *numbers[by_end[ended].batch])
            ended += 1
        if min(numbers[append.batch]) <= highest:
            pytest.fail(
                f"SupportsReadAll, law 1: expected the rows of {append.batch} to have numbers above "
                f"{highest}, which was committed before, found {numbers[append.batch]}, {hint}"
            )
