"""Many writers at once: no update is lost, and who follows the commits misses none."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final, NamedTuple, TypeVar
from uuid import UUID

import msgspec
import pytest
from typing_extensions import override

from esmodel.exceptions import ConcurrencyError
from esmodel.rows.record import Record
from esmodel.testing.contracts.opening import StoreOpener, TailStore, TStore, row
from esmodel.testing.contracts.writers import Writer, Writers, WritesInProcesses

COUNTER: Final = UUID(int=77)
"""The stream that all writers append to."""

TTailStore = TypeVar("TTailStore", bound=TailStore)


class Append(NamedTuple):
    """What a writer says of one append.

    Attributes:
        batch: the data of its rows, which no other append has.
        rows: how many there were.
        began: when it was called, in seconds of the clock of all processes.
        ended: when it returned or raised.
        stored: whether it returned.
    """

    batch: str
    rows: int
    began: float
    ended: float
    stored: bool


class WriterContract(StoreOpener[TStore], WritesInProcesses):
    """The base of contracts with many writers: it starts them, in threads or in processes."""

    writers: ClassVar[int] = 4
    """How many writers there are."""

    in_processes: ClassVar[bool] = True
    """Whether each writer is a process with a store of its own; if not, threads share one store."""

    def tasks(self) -> dict[str, Callable[[TStore, Writer], None]]:
        """Return what the writers of this class can be told to do, by its name."""
        return {}

    def pause_before_commit(self, store: TStore, pause: Callable[[], None], /) -> None:
        """Have the store call ``pause`` in each append, after it numbers the rows and before it commits.

        By default nothing is done, and the writers sleep around their appends only. A store that can
        be made to wait there should be: a number that is given before the commit, and seen after a
        higher one, is the fault that a reader at the tail cannot mend.
        """

    @override
    def write_alone(self, task: str, folder: Path, writer: Writer, /) -> None:
        store = self.open_store(folder)
        try:
            self.pause_before_commit(store, writer.sleep)
            writer.wait_for_go()
            self.tasks()[task](store, writer)
        finally:
            store.close()

    def start(self, writers: Writers, task: str, store: TStore, folder: Path, /) -> None:
        """Start the writers on the store of a folder."""
        if self.in_processes:
            writers.start_processes(self, task, folder)
            return
        self.pause_before_commit(store, Writer(folder, -1, writers.all[0].seed).sleep)
        do = self.tasks()[task]
        writers.start_threads(lambda writer: do(store, writer))


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


class TailRaceContract(WriterContract[TTailStore]):
    """What a reader of all commits may rely on, beside many writers of many streams.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestTail(TailRaceContract[MemoryStore]):
        ...     in_processes = False  # another process has another memory
        ...
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    appends: ClassVar[int] = 60
    """How often each writer tries to append."""

    @override
    def tasks(self) -> dict[str, Callable[[TTailStore, Writer], None]]:
        """Return what the writers of this class can be told to do, by its name."""
        return {**super().tasks(), "mix": self.append_and_conflict}

    def append_and_conflict(self, store: TTailStore, writer: Writer, /) -> None:
        """Append batches of a stream of one's own and of one of all, some of them in vain."""
        mine, theirs = UUID(int=1_000 + writer.number), COUNTER
        position = 0
        for turn in range(self.appends):
            batch_name = f"{writer.number}-{turn}"
            size = writer.choose.randint(1, 4)
            batch = [row(mine, position + place, f"{batch_name} {place}".encode()) for place in range(size)]
            if writer.choose.random() < 0.5:  # others do the same, and some are too late
                last = store.last(theirs)
                end = -1 if last is None else last[0]
                batch.insert(1, row(theirs, end + 1, f"{batch_name} {size}".encode()))
            if writer.choose.random() < 0.2 and position:  # must be refused
                batch.append(row(mine, writer.choose.randrange(position), f"{batch_name} bad".encode()))
            writer.sleep()
            began = time.monotonic()
            try:
                store.append_streams(batch)
            except ConcurrencyError:
                stored = False
            else:
                stored = True
                position += size
            said = Append(batch_name, len(batch), began, time.monotonic(), stored)
            writer.say(msgspec.json.encode(said).decode())

    def test_a_reader_at_the_tail_gets_every_commit_once_in_commit_order(
        self, store: TTailStore, seed: int, tmp_path: Path
    ) -> None:
        """What it read is what was committed, nothing twice, and nothing of what was refused.

        An append that had ended before another began has the lower numbers, whoever made them.
        """
        seen: list[tuple[int, Record]] = []
        with Writers(tmp_path / "writers", self.writers, seed) as writers:
            self.start(writers, "mix", store, tmp_path)
            reader = Writer(tmp_path, self.writers, seed)
            while writers.are_at_work():
                limit = reader.choose.choice([None, 1, 7, 50])
                seen += store.read_all(after=seen[-1][0] if seen else 0, limit=limit)
                reader.sleep()
            writers.wait()
            appends = [
                msgspec.json.decode(word, type=Append) for writer in writers.all for word in writer.said()[1:]
            ]
        seen += store.read_all(after=seen[-1][0] if seen else 0)
        self._check_tail(store, seen, appends, f"with the seed {seed}")

    def _check_tail(
        self, store: TTailStore, seen: list[tuple[int, Record]], appends: list[Append], hint: str
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
            f"SupportsStreams, law 1: what is there is not what was acknowledged, {hint}"
        )
        check_commit_order([append for append in appends if append.stored], batches, hint)
        assert any(not append.stored for append in appends), "no batch was refused: the race proves little"


def check_commit_order(appends: list[Append], numbers: dict[str, list[int]], hint: str, /) -> None:
    """Check that what had ended before something else began has lower numbers."""
    by_end = sorted(appends, key=lambda append: append.ended)
    ended, highest = 0, 0
    for append in sorted(appends, key=lambda append: append.began):
        while by_end[ended].ended < append.began:
            highest = max(highest, *numbers[by_end[ended].batch])
            ended += 1
        if min(numbers[append.batch]) <= highest:
            pytest.fail(
                f"SupportsReadAll, law 1: expected the rows of {append.batch} to have numbers above "
                f"{highest}, which had been committed before, found {numbers[append.batch]}, {hint}"
            )
