"""WriterContract: the base class of contracts with several writers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import TStore
from esmodel.testing.contracts.writer import Writer
from esmodel.testing.contracts.writerprocess import RunsTasks
from esmodel.testing.contracts.writers import Writers


class WriterContract(StoreOpener[TStore], RunsTasks):
    """The base class of contracts with several writers. It starts them, in processes or threads."""

    writers: ClassVar[int] = 4
    """How many writers there are."""

    in_processes: ClassVar[bool] = True
    """Whether each writer is a process that opens the store itself; if not, threads share one store."""

    def tasks(self) -> dict[str, Callable[[TStore, Writer], None]]:
        """Return the tasks that a writer can run, by name."""
        return {}

    def pause_before_commit(self, store: TStore, pause: Callable[[], None], /) -> None:
        """Make the store call ``pause`` in each append, after it numbers the rows and before it commits.

        The default does nothing: writers then pause only between their appends. Override it if the store
        can be made to pause there. A row that becomes visible after a row with a higher number is a fault
        that a tail reader cannot notice, and this pause makes it likely.
        """

    @override
    def run_task(self, task: str, folder: Path, writer: Writer, /) -> None:
        store = self.open_store(folder)
        try:
            self.pause_before_commit(store, writer.pause)
            writer.wait_for_start()
            self.tasks()[task](store, writer)
        finally:
            store.close()

    def start(self, writers: Writers, task: str, store: TStore, folder: Path, /) -> None:
        """Start the writers on the store of a folder."""
        if self.in_processes:
            writers.start_processes(self, task, folder)
            return
        self.pause_before_commit(store, Writer(folder, -1, writers.all[0].seed).pause)
        run = self.tasks()[task]
        writers.start_threads(lambda writer: run(store, writer))
