"""Writers: several writers, in threads or processes, that start at the same moment."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Final, Self

from esmodel.testing.contracts.writer import TIMEOUT, Writer
from esmodel.testing.contracts.writerprocess import RunsTasks, Task, location_of, run_writer


class Writers:
    """Several writers that start at the same moment. Leaving the block ends all of them.

    Args:
        folder: an empty folder for their logs.
        number: how many writers there are.
        seed: the seed of the test.

    Attributes:
        all: the writers.
        processes: the processes of the writers, once they are started.
    """

    def __init__(self, folder: Path, number: int, seed: int, /) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._seed = seed
        self.all: Final[list[Writer]] = [Writer(folder, each, seed) for each in range(number)]
        self._threads: list[Thread] = []
        self.processes: list[BaseProcess] = []

    def start_threads(self, run: Callable[[Writer], None], /) -> None:
        """Run a function in a thread for each writer."""

        def run_one(writer: Writer) -> None:
            try:
                with writer.recording_errors():
                    writer.wait_for_start()
                    run(writer)
            except BaseException:  # noqa: BLE001  # because the test raises it, from the record
                return

        self._threads = [Thread(target=run_one, args=(writer,)) for writer in self.all]
        for thread in self._threads:
            thread.start()
        self._start_together()

    def start_processes(self, contract: RunsTasks, task: str, store: Path, /) -> None:
        """Run a task in a process for each writer, on a new instance of the contract's class."""
        given = Task(location_of(type(contract)), task, store, self._folder, self._seed)
        self.processes += [_process(given, writer.number) for writer in self.all]
        for process in self.processes:
            process.start()
        self._start_together()

    def _start_together(self) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not all(writer.logged()[:1] == ["ready"] for writer in self.all):
            self.raise_errors()
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"Writers: expected all to be ready within {TIMEOUT} s, found some not ready."
                )
            time.sleep(0.002)
        (self._folder / "start").touch()

    def raise_errors(self) -> None:
        """Raise the error of the first writer that failed.

        Raises:
            AssertionError: with the traceback of the writer, or the exit code of its process.
        """
        for writer in self.all:
            error = writer.recorded_error()
            if error:
                raise AssertionError(f"writer {writer.number} of seed {writer.seed}:\n{error}")
        for process in self.processes:
            if process.exitcode not in {None, 0}:
                raise AssertionError(f"{process.name} ended with exit code {process.exitcode}")

    def kill(self, process: BaseProcess, /) -> None:
        """Kill one of the processes by SIGKILL, so that it cannot clean up."""
        process.kill()
        process.join()
        self.processes.remove(process)
        process.close()

    def are_running(self) -> bool:
        """Whether any writer is still running."""
        running = any(thread.is_alive() for thread in self._threads)
        return running or any(process.is_alive() for process in self.processes)

    def wait(self) -> None:
        """Wait until all writers have ended, and raise the error of the first that failed."""
        deadline = time.monotonic() + TIMEOUT
        while self.are_running():
            self.raise_errors()
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"Writers: expected all to end within {TIMEOUT} s, found some still running."
                )
            time.sleep(0.005)
        self.raise_errors()

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
            thread.join(TIMEOUT)


def _process(task: Task, number: int) -> BaseProcess:
    """Return a process that inherits nothing of this one: no connection, no open file, no lock."""
    name, arguments = f"writer {number}", (task, number, dict(os.environ))
    if "forkserver" not in multiprocessing.get_all_start_methods():
        spawn = multiprocessing.get_context("spawn")
        return spawn.Process(target=run_writer, name=name, args=arguments)
    # The server imports pytest, hypothesis and esmodel once: each writer starts in a tenth of the time.
    forkserver = multiprocessing.get_context("forkserver")
    forkserver.set_forkserver_preload(["esmodel.testing.contracts"])
    return forkserver.Process(target=run_writer, name=name, args=arguments)
