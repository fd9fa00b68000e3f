"""Several writers, threads or processes, that start at one moment."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Final, Self

from esmodel.testing.contracts.writer import PATIENCE, Writer
from esmodel.testing.contracts.writerprocess import WritesInProcesses, place_of, write_alone


class Writers:
    """Several writers that start at one moment; none is left behind.

    Args:
        folder: an empty folder, in which they speak.
        number: how many.
        seed: the seed of the test.

    Attributes:
        all: the writers.
        processes: those of them that are processes, once they are started.
    """

    def __init__(self, folder: Path, number: int, seed: int, /) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.all: Final[list[Writer]] = [Writer(folder, each, seed) for each in range(number)]
        self._threads: list[Thread] = []
        self.processes: list[BaseProcess] = []

    def start_threads(self, run: Callable[[Writer], None], /) -> None:
        """Run a function in a thread for each writer."""

        def run_one(writer: Writer) -> None:
            try:
                with writer.reporting():
                    writer.wait_for_go()
                    run(writer)
            except BaseException:  # noqa: BLE001  # because the test raises it, from the report
                return

        self._threads = [Thread(target=run_one, args=(writer,)) for writer in self.all]
        for thread in self._threads:
            thread.start()
        self._let_go()

    def start_processes(self, contract: WritesInProcesses, task: str, store: Path, /) -> None:
        """Have a process for each writer make a contract of the same class, and do a task."""
        context = multiprocessing.get_context("spawn")  # nothing is inherited: as of a stranger
        place = place_of(type(contract))
        for writer in self.all:
            started = context.Process(
                target=write_alone,
                name=f"writer {writer.number}",
                args=(place, task, store, self._folder),
                kwargs={"number": writer.number, "seed": writer.seed},
            )
            self.processes.append(started)
        for process in self.processes:
            process.start()
        self._let_go()

    def _let_go(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not all(writer.said()[:1] == ["ready"] for writer in self.all):
            self.check()
            if time.monotonic() > deadline:
                raise TimeoutError("Writers: expected all to be ready, found some that are not.")
            time.sleep(0.002)
        (self._folder / "go").touch()

    def check(self) -> None:
        """Raise what a writer raised.

        Raises:
            AssertionError: with the traceback of the writer, or the exit code of its process.
        """
        for writer in self.all:
            complaint = writer.complaint()
            if complaint:
                raise AssertionError(f"writer {writer.number} of seed {writer.seed}:\n{complaint}")
        for process in self.processes:
            if process.exitcode not in {None, 0}:
                raise AssertionError(f"{process.name} ended with the code {process.exitcode}")

    def kill(self, process: BaseProcess, /) -> None:
        """Kill one of the processes, which has no time to tidy up (SIGKILL)."""
        process.kill()
        process.join()
        self.processes.remove(process)
        process.close()

    def are_at_work(self) -> bool:
        """Whether any writer is still at it."""
        at_work = any(thread.is_alive() for thread in self._threads)
        return at_work or any(process.is_alive() for process in self.processes)

    def wait(self) -> None:
        """Wait until all have done their task, and raise what one of them raised."""
        deadline = time.monotonic() + PATIENCE
        while self.are_at_work():
            self.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"Writers: expected an end within {PATIENCE} s, found some at work.")
            time.sleep(0.005)
        self.check()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        for process in self.processes:
            if process.is_alive():
                process.kill()
            process.join()
            process.close()
        for thread in self._threads:
            thread.join(PATIENCE)
