"""A storm on one engine: writers at work while it is killed, failed over and restored, drawn from a seed.

Three writers append to the same streams, read them, fork, and are interrupted by signal handlers that raise.
Meanwhile writers are killed, and the engine is. At the end each acknowledged batch must be there once, whole
and in its place, unless a restore of an older copy took it; and no writer may have noted anything wrong.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import Random
from typing import Final, TypeAlias

import msgspec
from attrs import define, frozen
from storm_writer import STREAMS, Engine, Note, Opened, misfit_of
from uncovered import without_coverage

from esmodel.rows import Record

WRITERS: Final = 3


@frozen
class Restore:
    """A restore of a copy.

    Attributes:
        copied: when the copy was begun.
        over: when the restore was over. Batches of the time between them may be lost.
    """

    copied: float
    over: float


Pause: TypeAlias = Callable[[], AbstractContextManager[None]]


class StormyEngine(ABC):
    """An engine that can be broken in several ways.

    Attributes:
        engine: its name.
        address: what its store is opened with.
        restores: those that were made.
    """

    def __init__(self, engine: Engine, address: str) -> None:
        self.engine: Engine = engine
        self.address = address
        self.restores: list[Restore] = []

    @abstractmethod
    def faults(self, pause: Pause) -> Mapping[str, Callable[[], None]]:
        """Return the ways to break it, by name.

        Args:
            pause: stops all writers in a ``with`` block, wherever they are.
        """

    @abstractmethod
    def open(self) -> Opened:
        """Open its store."""

    @abstractmethod
    def check(self) -> Sequence[str]:
        """Return what the engine's own check finds."""


@define
class Report:
    """What a storm found.

    Attributes:
        acknowledged: the batches that were.
        lost: those of them that a restore took.
        faults: how often each fault was made.
        wrong: what is wrong; empty if nothing is.
    """

    acknowledged: int
    lost: int
    faults: dict[str, int]
    wrong: list[str]


def storm(stormy: StormyEngine, folder: Path, seconds: float, seed: int) -> Report:
    """Let a storm rage for a time, and check what is left."""
    draw = Random(seed)
    writers = [_Started(stormy, folder, f"{seed}-{number}") for number in range(WRITERS)]
    faults: dict[str, Callable[[], None]] = {
        "kill of a writer": lambda: draw.choice(writers).restart(),
        **stormy.faults(lambda: _paused(writers)),
    }
    made: dict[str, int] = {}
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            time.sleep(draw.uniform(0.05, 1.0))
            name = draw.choices(sorted(faults), [3 if each == "copy" else 1 for each in sorted(faults)])[0]
            faults[name]()
            made[name] = made.get(name, 0) + 1
    finally:
        for each in writers:
            each.kill()
    notes = [note for path in folder.glob("*.log") for note in _notes(path)]
    return _report(stormy, notes, made)


@contextmanager
def _paused(writers: Sequence[_Started]) -> Generator[None]:
    for each in writers:
        each.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for each in writers:
            each.signal(signal.SIGCONT)


class _Started:
    """A writer that runs, and is started again after a kill."""

    def __init__(self, stormy: StormyEngine, folder: Path, name: str) -> None:
        self._stormy = stormy
        self._folder = folder
        self._name = name
        self._count = 0
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._count += 1
        name = f"{self._name}-{self._count}"
        script = Path(__file__).with_name("storm_writer.py")
        with (self._folder / f"{name}.err").open("wb") as errors:
            return subprocess.Popen(
                [
                    *(sys.executable, str(script), self._stormy.engine, self._stormy.address),
                    *(str(self._folder / f"{name}.log"), name),
                ],
                stderr=errors,
                env=without_coverage(),  # a signal may leave the lock of coverage taken
                start_new_session=True,  # so that a child is killed with it
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and its child."""
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """Kill the process and its child."""
        if self._process.poll() is not None:
            path = self._folder / f"{self._name}-{self._count}.err"
            raise AssertionError(f"expected a writer that goes on, found: {path.read_text()[-2_000:]}")
        self.signal(signal.SIGKILL)
        self._process.wait()

    def restart(self) -> None:
        """Kill it, and start another one."""
        self.kill()
        self._process = self._start()


def _notes(path: Path) -> list[Note]:
    return [msgspec.json.decode(line, type=Note) for line in path.read_bytes().splitlines()]


def _report(stormy: StormyEngine, notes: Iterable[Note], made: dict[str, int]) -> Report:
    begun = {note.batch: note for note in notes if note.what == "begun"}
    ends = {note.batch: note for note in notes if note.what in {"acknowledged", "refused", "failed"}}
    wrong = [note.batch for note in notes if note.what == "wrong"]
    with stormy.open() as store:
        streams = {stream: list(store.read(stream)) for stream in STREAMS}
        followed: dict[object, list[Record]] = {stream: [] for stream in STREAMS}
        for _, row in store.read_all():
            followed[row.originator_id].append(row)
        wrong += [
            f"read_all differs from read in {each}" for each in STREAMS if followed[each] != streams[each]
        ]
        wrong += [
            f"last differs from read in {each}"
            for each in STREAMS
            if (store.last(each) or (-1, b""))[0] != len(streams[each]) - 1
        ]
    wrong += stormy.check()
    found: dict[str, int] = {}
    for stream, rows in streams.items():
        for position, row in enumerate(rows):
            wrong += [finding] if (finding := misfit_of(row, stream, position)) else []
            batch = row.data.decode().split(" ")[1]
            found[batch] = found.get(batch, 0) + 1
            begin = begun[batch]
            if not begin.position <= position < begin.position + begin.size or begin.stream != stream.int:
                wrong.append(f"{batch} at {position} of {stream.int} is not where it was appended: {begin}")
    lost = 0
    for batch, begin in begun.items():
        count, end = found.get(batch, 0), ends.get(batch)
        if count not in {0, begin.size}:
            wrong.append(f"{batch} is there in part, or twice: {count} of {begin.size} rows")
        if end is not None and end.what in {"refused", "failed"} and count:
            wrong.append(f"{batch} was {end.what}, and is there")
        if end is not None and end.what == "acknowledged" and not count:
            is_lost = any(each.copied < end.at and begin.at < each.over for each in stormy.restores)
            lost += is_lost
            if not is_lost:
                wrong.append(f"{batch} was acknowledged, and is not there: {begin}")
    acknowledged = sum(each.what == "acknowledged" for each in ends.values())
    return Report(acknowledged, lost, made, wrong)
