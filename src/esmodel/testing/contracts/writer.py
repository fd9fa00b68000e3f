"""One of several writers that race or are killed."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PATIENCE: Final = 180.0  # seconds that a start, or all the work of a writer, may take


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
        deadline = time.monotonic() + PATIENCE
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
