"""The base of contracts with several writers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import (
    TStore,
)
from esmodel.testing.contracts.writer import Writer
from esmodel.testing.contracts.writerprocess import WritesInProcesses
from esmodel.testing.contracts.writers import Writers


class WriterContract(StoreOpener[TStore], WritesInProcesses):
    """The base of contracts with many writers: it starts them, in threads or in processes."""

    writers: ClassVar[int] = 4
    """How many writers there are."""

    in_processes: ClassVar[bool] = True
    """Whether each writer is a process with a store of its own; if not, threads share one store."""

    def tasks(self) -> dict[str, Callable[[TStore, Writer], None]]:
        """Return what the writers of this class can be told to do, by its name."""
        return {}

    def pause_before_commit(self, store: TStore, pause: Callable[[], None], /) -> None:
        """Have the store call ``pause`` in each append, after it numbers the rows and before it commits.

        By default nothing is done, and the writers sleep around their appends only. A store that can
        be made to wait there should be: a number that is given before the commit, and seen after a
        higher one, is the fault that a reader at the tail cannot mend.
        """

    @override
    def write_alone(self, task: str, folder: Path, writer: Writer, /) -> None:
        store = self.open_store(folder)
        try:
            self.pause_before_commit(store, writer.sleep)
            writer.wait_for_go()
            self.tasks()[task](store, writer)
        finally:
            store.close()

    def start(self, writers: Writers, task: str, store: TStore, folder: Path, /) -> None:
        """Start the writers on the store of a folder."""
        if self.in_processes:
            writers.start_processes(self, task, folder)
            return
        self.pause_before_commit(store, Writer(folder, -1, writers.all[0].seed).sleep)
        do = self.tasks()[task]
        writers.start_threads(lambda writer: do(store, writer))
