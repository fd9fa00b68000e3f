"""ForkContract: a process forks while it has a store open."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import pytest
from typing_extensions import override

from esmodel.exceptions import EsmodelError
from esmodel.rows.append import Append
from esmodel.testing.contracts._laws import AS_APPENDED, KEPT, OUTLIVES
from esmodel.testing.contracts.protocols import TStore
from esmodel.testing.contracts.samplerows import row
from esmodel.testing.contracts.writer import Writer
from esmodel.testing.contracts.writercontract import WriterContract
from esmodel.testing.contracts.writers import Writers


class ForkContract(WriterContract[TStore]):
    """The laws of ``RecordStore`` in a process that forks, for a store that outlives its process.

    Parent and child use the same store at once, each with a stream of its own. Each side works, or is
    refused with an error of esmodel; the parent must work. It is skipped where there is no ``os.fork``.

    Example:
        >>> from esmodel.stores.sqlite import SQLiteStore
        >>> class TestForks(ForkContract[SQLiteStore]):
        ...     def open_store(self, folder: Path, /) -> SQLiteStore:
        ...         return SQLiteStore(folder / "events.db")
    """

    writers: ClassVar[int] = 1

    calls: ClassVar[int] = 100
    """How many appends and reads each side makes."""

    @override
    def tasks(self) -> dict[str, Callable[[TStore, Writer], None]]:
        """Return the tasks that a writer can run, by name."""
        return {**super().tasks(), "use on both sides of a fork": self.use_on_both_sides}

    def use_on_both_sides(self, store: TStore, writer: Writer, /) -> None:
        """Fork, and append and read on both sides at once."""
        streams = [UUID(int=1), UUID(int=2)]
        for stream in streams:
            store.append(Append([row(stream, 0, stream.bytes)], None))
            assert list(store.read(stream)) == [row(stream, 0, stream.bytes)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a store may have threads of its own
            child = os.fork()
        if child == 0:
            status = 1
            try:
                with writer.recording_errors():
                    self._use(store, writer, streams[1], "child")
                status = 0
            finally:
                os._exit(status)
        try:
            self._use(store, writer, streams[0], "parent")
            assert _wait(child) == 0, f"{OUTLIVES}: the child of a fork was blocked, or ended with an error"
        finally:
            _kill(child)

    def test_both_sides_of_a_fork_read_and_append_their_own_rows(
        self, store: TStore, seed: int, tmp_path: Path
    ) -> None:
        """No side gets the answers of the other, and no acknowledged row is lost."""
        if not hasattr(os, "fork"):
            pytest.skip("expected os.fork, found none")
        store.close()
        with Writers(tmp_path / "fork", self.writers, seed) as writers:
            writers.start_processes(self, "use on both sides of a fork", tmp_path)
            writers.wait()
            lines = writers.all[0].logged()
        acknowledged = {side: lines.count(side) for side in ("parent", "child")}
        assert acknowledged["parent"] == self.calls, f"{OUTLIVES}: the parent of a fork goes on"
        store = self.open_store(tmp_path)
        try:
            for stream, side in ((UUID(int=1), "parent"), (UUID(int=2), "child")):
                found = list(store.read(stream))
                assert found == [row(stream, each, stream.bytes) for each in range(len(found))], AS_APPENDED
                assert len(found) >= 1 + acknowledged[side], KEPT
        finally:
            store.close()

    def _use(self, store: TStore, writer: Writer, stream: UUID, side: str) -> None:
        """Append to a stream and read it, until the store refuses this side."""
        for position in range(1, self.calls + 1):
            try:
                store.append(Append([row(stream, position, stream.bytes)], position - 1))
                writer.log(side)
                found = list(store.read(stream))
            except EsmodelError as error:
                if side == "parent":
                    raise
                writer.log(f"refused: {error}")
                return
            expected = [row(stream, each, stream.bytes) for each in range(position + 1)]
            assert found == expected, f"{AS_APPENDED}, and those of no other stream; in the {side} of a fork"


def _wait(child: int) -> int | None:
    """Return the exit code of a child, or ``None`` if it does not end."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return None


def _kill(child: int) -> None:
    """Kill a child that has not ended."""
    try:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    except (ProcessLookupError, ChildProcessError):
        return
