"""Writers that race or are killed: threads, or processes of their own."""

from __future__ import annotations

import importlib
import importlib.util
import multiprocessing
import random
import sys
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread
from types import ModuleType, TracebackType
from typing import Final, NamedTuple, Self

_PATIENCE: Final = 180.0  # seconds that a start, or all the work of a writer, may take
_SLEEPS: Final = (0.0, 0.0, 0.0, 0.0002, 0.001, 0.004)


class Writer:
    """One of several writers: its number, its choices, and what it says.

    It speaks by files, each word written at once: what was said before a kill has been said.

    Args:
        folder: where the writers of one test say what they have to say.
        number: which of them it is, from 0.
        seed: the seed of the test; each writer makes choices of its own from it.

    Attributes:
        number: which of them it is.
        seed: the seed of the test.
        choose: where its choices come from.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     writer = Writer(Path(folder), 0, 5)
        ...     writer.say("hello")
        ...     writer.said()
        ['hello']
    """

    def __init__(self, folder: Path, number: int, seed: int, /) -> None:
        self.number: Final[int] = number
        self.seed: Final[int] = seed
        self.choose: Final[random.Random] = random.Random(f"{seed}/{number}")
        self._folder = folder
        self._words = folder / f"said-{number}.txt"
        self._error = folder / f"error-{number}.txt"

    def say(self, word: str, /) -> None:
        """Write a line that outlives the process."""
        with self._words.open("ab", buffering=0) as file:
            file.write(f"{word}\n".encode())

    def said(self) -> list[str]:
        """Read the lines that were written whole."""
        if not self._words.exists():
            return []
        text = self._words.read_text(encoding="utf-8")
        return text[: text.rfind("\n") + 1].splitlines()

    def sleep(self) -> None:
        """Sleep for a while: often not at all, at most some milliseconds."""
        time.sleep(self.choose.choice(_SLEEPS))

    def wait_for_go(self) -> None:
        """Say that this writer is ready, and wait until all are."""
        self.say("ready")
        deadline = time.monotonic() + _PATIENCE
        while not (self._folder / "go").exists():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Writer {self.number}: expected the word to go, found none.")
            time.sleep(0.001)

    @contextmanager
    def reporting(self) -> Generator[None]:
        """Keep what is raised inside for whoever started the writer."""
        try:
            yield
        except BaseException:
            self._error.write_text(traceback.format_exc(), encoding="utf-8")
            raise

    def complaint(self) -> str:
        """Return the traceback of what the writer raised, or nothing."""
        return self._error.read_text(encoding="utf-8") if self._error.exists() else ""


class Place(NamedTuple):
    """Where a class is, for a process that inherits nothing.

    Attributes:
        module: the name of its module.
        file: the file of the module.
        name: the qualified name of the class in the module.
    """

    module: str
    file: str
    name: str


def place_of(kind: type, /) -> Place:
    """Return where a class is."""
    return Place(kind.__module__, sys.modules[kind.__module__].__file__ or "", kind.__qualname__)


class WritesInProcesses(ABC):
    """What a process of its own needs of a contract: the class opens the store and does the task."""

    @abstractmethod
    def write_alone(self, task: str, folder: Path, writer: Writer, /) -> None:
        """Open the store of a folder, do a task with it, and close it."""


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
        deadline = time.monotonic() + _PATIENCE
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
        deadline = time.monotonic() + _PATIENCE
        while self.are_at_work():
            self.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"Writers: expected an end within {_PATIENCE} s, found some at work.")
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
            thread.join(_PATIENCE)


def write_alone(  # noqa: PLR0913  # because a process is given plain values only
    place: Place, task: str, store: Path, folder: Path, /, *, number: int, seed: int
) -> None:
    """Do a task of a contract in this process.

    Raises:
        TypeError: if there is no such class at the place, or it needs arguments.
    """
    writer = Writer(folder, number, seed)
    with writer.reporting():
        found: object = _module(place)
        for name in place.name.split("."):
            found = getattr(found, name, None)
        made: object = found() if isinstance(found, type) else None
        if not isinstance(made, WritesInProcesses):
            raise TypeError(
                f"{place.name}: expected a class that the process of a writer finds in {place.file}, "
                "found none. Write it at the top of its module."
            )
        made.write_alone(task, store, writer)


def _module(place: Place) -> ModuleType:
    """Import a module by its name, or from its file: pytest need not put it on the path."""
    name, file, _ = place
    with suppress(ImportError):
        named = importlib.import_module(name)
        if named.__file__ == file:
            return named
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise TypeError(f"{name}: expected a module in a file, found {file!r}. Write the contract in a file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
