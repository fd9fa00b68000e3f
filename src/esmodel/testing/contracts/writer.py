"""Writer: one of several writers that race or are killed."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

TIMEOUT: Final = 180.0
"""How many seconds the start of all writers, or all their work, may take."""

_PAUSES: Final = (0.0, 0.0, 0.0, 0.0002, 0.001, 0.004)


class Writer:
    """One of several writers, with its number, its random choices and its log.

    The log is a file that is written at once, so that its lines survive when the writer is killed.

    Args:
        folder: the folder for the logs of all writers of a test.
        number: the number of the writer, from 0.
        seed: the seed of the test. Each writer derives its own choices from it.

    Attributes:
        number: the number of the writer.
        seed: the seed of the test.
        random: makes the choices of the writer.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     writer = Writer(Path(folder), 0, 5)
        ...     writer.log("hello")
        ...     writer.logged()
        ['hello']
    """

    def __init__(self, folder: Path, number: int, seed: int, /) -> None:
        self.number: Final[int] = number
        self.seed: Final[int] = seed
        self.random: Final[random.Random] = random.Random(f"{seed}/{number}")
        self._folder = folder
        self._log = folder / f"log-{number}.txt"
        self._error = folder / f"error-{number}.txt"

    def log(self, line: str, /) -> None:
        """Write a line that survives a kill."""
        with self._log.open("ab", buffering=0) as file:
            file.write(f"{line}\n".encode())

    def logged(self) -> list[str]:
        """Read the complete lines of the log."""
        if not self._log.exists():
            return []
        text = self._log.read_text(encoding="utf-8")
        return text[: text.rfind("\n") + 1].splitlines()

    def pause(self) -> None:
        """Sleep for up to 4 milliseconds; in half of the calls, not at all."""
        time.sleep(self.random.choice(_PAUSES))

    def wait_for_start(self) -> None:
        """Log that this writer is ready, and wait until all writers are."""
        self.log("ready")
        deadline = time.monotonic() + TIMEOUT
        while not (self._folder / "start").exists():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Writer {self.number}: expected a start within {TIMEOUT} s, found none.")
            time.sleep(0.001)

    @contextmanager
    def recording_errors(self) -> Generator[None]:
        """Record the traceback of an error that the block raises."""
        try:
            yield
        except BaseException:
            self._error.write_text(traceback.format_exc(), encoding="utf-8")
            raise

    def recorded_error(self) -> str:
        """Return the traceback of the error that the writer raised, or an empty text."""
        return self._error.read_text(encoding="utf-8") if self._error.exists() else ""
