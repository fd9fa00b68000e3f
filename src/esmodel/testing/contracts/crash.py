"""CrashContract: writers are killed, and acknowledged batches survive."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from typing_extensions import override

from esmodel.rows.append import Append
from esmodel.rows.record import Record
from esmodel.testing.contracts.protocols import TStore, TStreamsStore
from esmodel.testing.contracts.samplerows import in_streams, row
from esmodel.testing.contracts.writer import Writer
from esmodel.testing.contracts.writercontract import WriterContract
from esmodel.testing.contracts.writers import Writers


class CrashContract(WriterContract[TStore]):
    """The laws of ``RecordStore`` for a store that outlives its process, when that process is killed.

    Each round starts the writers, kills them by SIGKILL at random moments, reopens the store, and checks
    every row of every round so far.

    Example:
        >>> from esmodel.stores.sqlite import SQLiteStore
        >>> class TestKills(CrashContract[SQLiteStore]):
        ...     def open_store(self, folder: Path, /) -> SQLiteStore:
        ...         return SQLiteStore(folder / "events.db")
    """

    rounds: ClassVar[int] = 10
    """How many times the writers are started and killed."""

    longest: ClassVar[float] = 0.15
    """How many seconds the last writer of a round lives at most, from the common start."""

    streams: ClassVar[int] = 3
    """How many streams each writer appends to, in each round."""

    def append_batch(self, store: TStore, batch: Sequence[Record], /) -> None:
        """Append rows of one stream."""
        first = batch[0].position
        store.append(Append(batch, first - 1 if first else None))

    def streams_of_batch(self, streams: list[UUID], writer: Writer, /) -> list[UUID]:
        """Choose the streams of the next batch."""
        return [writer.random.choice(streams)]

    def wait_for_killed_writers(self, store: TStore, /) -> None:
        """Wait until no request of a killed writer is being processed.

        The default does nothing. Override it for a store behind a server, which may still be processing the
        last request of a killed writer.
        """

    @override
    def tasks(self) -> dict[str, Callable[[TStore, Writer], None]]:
        """Return the tasks that a writer can run, by name."""
        return {**super().tasks(), "append until killed": self.append_until_killed}

    def append_until_killed(self, store: TStore, writer: Writer, /) -> None:
        """Append batches until killed, and log those that were acknowledged."""
        streams = streams_of(writer, self.streams)
        nexts = dict.fromkeys(streams, 0)
        for turn in range(sys.maxsize):
            chosen = self.streams_of_batch(streams, writer)
            size = writer.random.choice([1, 2, 5, 20])
            padding = "x" * writer.random.choice([0, 10, 1_000, 9_000])
            batch: list[Record] = []
            for _ in range(size):
                stream = writer.random.choice(chosen)
                data = f"{writer.seed}/{writer.number}/{turn} {size} {padding}"
                batch.append(row(stream, nexts[stream], data.encode()))
                nexts[stream] += 1
            self.append_batch(store, batch)
            writer.log(f"{writer.seed}/{writer.number}/{turn}")

    def test_acknowledged_batches_survive_kills_and_no_batch_is_stored_in_part(
        self, store: TStore, seed: int, tmp_path: Path
    ) -> None:
        """After each round, the store opens, reads and appends."""
        store.close()
        choices = random.Random(seed)
        streams: set[UUID] = set()
        acknowledged: set[str] = set()
        for turn in range(self.rounds):
            with Writers(tmp_path / f"round-{turn}", self.writers, seed * 1_000 + turn) as writers:
                writers.start_processes(self, "append until killed", tmp_path)
                for process in choices.sample(writers.processes, self.writers):
                    time.sleep(choices.uniform(0, self.longest / self.writers))
                    writers.raise_errors()
                    writers.kill(process)
                for writer in writers.all:
                    acknowledged.update(writer.logged()[1:])
                    streams.update(streams_of(writer, self.streams))
            self._check_after_kills(tmp_path, streams, acknowledged, f"in round {turn} of the seed {seed}")
        assert len(acknowledged) > self.rounds, (
            f"expected more than {self.rounds} appends in {self.rounds} rounds, found {len(acknowledged)}: "
            "the store is slow. Set `longest` higher."
        )

    def _check_after_kills(self, folder: Path, streams: set[UUID], acknowledged: set[str], hint: str) -> None:
        stored: dict[str, int] = {}
        sizes: dict[str, int] = {}
        store = self.open_store(folder)
        try:
            self.wait_for_killed_writers(store)
            for stream in streams:
                found = list(store.read(stream))
                positions = [record.position for record in found]
                assert positions == list(range(len(found))), f"RecordStore, law 1: rows are missing {hint}"
                last = (len(found) - 1, b"") if found else None
                assert store.last(stream) == last, f"RecordStore, law 4: last does not match the rows {hint}"
                for record in found:
                    batch, size, _ = record.data.decode().split(" ")
                    stored[batch] = stored.get(batch, 0) + 1
                    sizes[batch] = int(size)
            assert stored == sizes, f"RecordStore, law 1: a batch is stored in part {hint}"
            lost = acknowledged - stored.keys()
            assert not lost, f"RecordStore, law 1: acknowledged batches are lost {hint}"
            stream = random.Random(hint).choice(sorted(streams))
            end = sum(1 for _ in store.read(stream))
            added = row(stream, end, f"{hint.replace(' ', '-')} 1 ".encode())
            store.append(Append([added], end - 1 if end else None))
        finally:
            store.close()


class StreamsCrashContract(CrashContract[TStreamsStore]):
    """A ``CrashContract`` with batches of several streams, each of which is stored whole or not at all.

    Example:
        >>> from esmodel.stores.sqlite import SQLiteStore
        >>> class TestKills(StreamsCrashContract[SQLiteStore]):
        ...     def open_store(self, folder: Path, /) -> SQLiteStore:
        ...         return SQLiteStore(folder / "events.db")
    """

    @override
    def append_batch(self, store: TStreamsStore, batch: Sequence[Record], /) -> None:
        """Append rows of several streams."""
        store.append_streams(in_streams(batch))

    @override
    def streams_of_batch(self, streams: list[UUID], writer: Writer, /) -> list[UUID]:
        """Choose all streams."""
        return streams


def streams_of(writer: Writer, number: int, /) -> list[UUID]:
    """Return the streams of one writer in one round. No other writer appends to them."""
    choices = random.Random(f"streams of {writer.seed}/{writer.number}")
    return [UUID(int=choices.getrandbits(128)) for _ in range(number)]
