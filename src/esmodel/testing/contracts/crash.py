"""Writers that are killed."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from typing_extensions import override

from esmodel.rows.record import Record
from esmodel.testing.contracts.protocols import (
    TStore,
    TStreamsStore,
)
from esmodel.testing.contracts.samplerows import row
from esmodel.testing.contracts.writer import Writer
from esmodel.testing.contracts.writercontract import WriterContract
from esmodel.testing.contracts.writers import Writers


class CrashContract(WriterContract[TStore]):
    """What is left when the process of a writer is killed at any moment.

    For stores that outlive their process. Each round starts the writers, kills them at random moments
    (SIGKILL: nothing is tidied up), opens the store and looks at every row of every round so far.
    """

    rounds: ClassVar[int] = 10
    """How often the writers are started and killed."""

    longest: ClassVar[float] = 0.15
    """How many seconds a writer lives at most, from the moment when it is let go."""

    streams: ClassVar[int] = 3
    """How many streams each writer appends to, in each round."""

    def append_batch(self, store: TStore, batch: Sequence[Record], /) -> None:
        """Append rows of one stream."""
        store.append(batch)

    def streams_of_batch(self, streams: list[UUID], writer: Writer, /) -> list[UUID]:
        """Choose the streams of the next batch."""
        return [writer.choose.choice(streams)]

    def wait_for_the_killed(self, store: TStore, /) -> None:
        """Wait until nothing of the writers that were killed is under way; by default, nothing is.

        A server may still be at what a writer had sent before it was killed.
        """

    @override
    def tasks(self) -> dict[str, Callable[[TStore, Writer], None]]:
        """Return what the writers of this class can be told to do, by its name."""
        return {**super().tasks(), "append until killed": self.append_until_killed}

    def append_until_killed(self, store: TStore, writer: Writer, /) -> None:
        """Append batches until killed, and say which were acknowledged."""
        streams = streams_of(writer, self.streams)
        nexts = dict.fromkeys(streams, 0)
        for turn in range(sys.maxsize):
            chosen = self.streams_of_batch(streams, writer)
            size = writer.choose.choice([1, 2, 5, 20])
            padding = "x" * writer.choose.choice([0, 10, 1_000, 9_000])
            batch: list[Record] = []
            for _ in range(size):
                stream = writer.choose.choice(chosen)
                data = f"{writer.seed}/{writer.number}/{turn} {size} {padding}"
                batch.append(row(stream, nexts[stream], data.encode()))
                nexts[stream] += 1
            self.append_batch(store, batch)
            writer.say(f"{writer.seed}/{writer.number}/{turn}")

    def test_what_was_acknowledged_outlives_kills_whole_and_nothing_is_there_in_part(
        self, store: TStore, seed: int, tmp_path: Path
    ) -> None:
        """And the store opens, reads and appends on, each time."""
        store.close()
        choose = random.Random(seed)
        streams: set[UUID] = set()
        acknowledged: set[str] = set()
        for turn in range(self.rounds):
            with Writers(tmp_path / f"round-{turn}", self.writers, seed * 1_000 + turn) as writers:
                writers.start_processes(self, "append until killed", tmp_path)
                for process in choose.sample(writers.processes, self.writers):
                    time.sleep(choose.uniform(0, self.longest / self.writers))
                    writers.check()
                    writers.kill(process)
                for writer in writers.all:
                    acknowledged.update(writer.said()[1:])
                    streams.update(streams_of(writer, self.streams))
            self._check_after_kills(tmp_path, streams, acknowledged, f"in round {turn} of the seed {seed}")
        assert len(acknowledged) > self.rounds, (
            f"expected some appends in {self.rounds} rounds, found {len(acknowledged)}: "
            "the store is slow; set `longest` higher"
        )

    def _check_after_kills(self, folder: Path, streams: set[UUID], acknowledged: set[str], hint: str) -> None:
        stored: dict[str, int] = {}
        sizes: dict[str, int] = {}
        store = self.open_store(folder)
        try:
            self.wait_for_the_killed(store)
            for stream in streams:
                found = list(store.read(stream))
                places = [record.position for record in found]
                assert places == list(range(len(found))), f"RecordStore, law 1: rows are missing {hint}"
                last = (len(found) - 1, b"") if found else None
                assert store.last(stream) == last, f"RecordStore, law 4: last does not fit the rows {hint}"
                for record in found:
                    batch, size, _ = record.data.decode().split(" ")
                    stored[batch] = stored.get(batch, 0) + 1
                    sizes[batch] = int(size)
            assert stored == sizes, f"RecordStore, law 1: a batch is there in part {hint}"
            lost = acknowledged - stored.keys()
            assert not lost, f"RecordStore, law 1: what was acknowledged has gone {hint}"
            after = random.Random(hint).choice(sorted(streams))
            start = sum(1 for _ in store.read(after))
            store.append([row(after, start, f"{hint.replace(' ', '-')} 1 ".encode())])
        finally:
            store.close()


class StreamsCrashContract(CrashContract[TStreamsStore]):
    """The same, with batches of several streams, each of which is there whole or not at all."""

    @override
    def append_batch(self, store: TStreamsStore, batch: Sequence[Record], /) -> None:
        """Append rows of several streams."""
        store.append_streams(batch)

    @override
    def streams_of_batch(self, streams: list[UUID], writer: Writer, /) -> list[UUID]:
        """Choose all streams."""
        return streams


def streams_of(writer: Writer, number: int, /) -> list[UUID]:
    """Return the streams of one writer in one round, which nobody else appends to."""
    choose = random.Random(f"streams of {writer.seed}/{writer.number}")
    return [UUID(int=choose.getrandbits(128)) for _ in range(number)]
