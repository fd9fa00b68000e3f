"""The process of a writer."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from esmodel.testing.contracts.writer import Writer


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
