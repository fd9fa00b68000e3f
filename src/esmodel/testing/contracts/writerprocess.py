"""The process of a writer: it imports a contract by the location of its class, and runs a task of it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from esmodel.testing.contracts.writer import Writer


class ClassLocation(NamedTuple):
    """The location of a class, from which another process can import it.

    Attributes:
        module: the name of its module.
        file: the file of the module.
        name: the qualified name of the class in the module.
    """

    module: str
    file: str
    name: str


def location_of(cls: type, /) -> ClassLocation:
    """Return the location of a class."""
    return ClassLocation(cls.__module__, sys.modules[cls.__module__].__file__ or "", cls.__qualname__)


class RunsTasks(ABC):
    """A class whose instances run a task in the process of a writer."""

    @abstractmethod
    def run_task(self, task: str, folder: Path, writer: Writer, /) -> None:
        """Open the store of a folder, run a task on it, and close it."""


class Task(NamedTuple):
    """A task for the process of a writer.

    Attributes:
        location: the location of a subclass of ``RunsTasks``.
        name: the name of the task.
        store: the folder of the store.
        logs: the folder of the writers' logs.
        seed: the seed of the test.
    """

    location: ClassLocation
    name: str
    store: Path
    logs: Path
    seed: int


def run_writer(task: Task, number: int, environment: Mapping[str, str], /) -> None:
    """Run a task in this process.

    Args:
        task: the task.
        number: the number of the writer.
        environment: the environment of the test, which a process from a fork server does not inherit.

    Raises:
        TypeError: if the location has no such class, or the class needs arguments.
    """
    os.environ.clear()
    os.environ.update(environment)
    writer = Writer(task.logs, number, task.seed)
    with writer.recording_errors():
        found: object = _module(task.location)
        for name in task.location.name.split("."):
            found = getattr(found, name, None)
        runner: object = found() if isinstance(found, type) else None
        if not isinstance(runner, RunsTasks):
            raise TypeError(
                f"{task.location.name}: expected a contract class that the process of a writer can import "
                f"from {task.location.file}, found none. Define it at the top level of its module."
            )
        runner.run_task(task.name, task.store, writer)


def _module(location: ClassLocation) -> ModuleType:
    """Import a module by its name, or from its file: pytest does not always put it on the path."""
    name, file, _ = location
    with suppress(ImportError):
        named = importlib.import_module(name)
        if named.__file__ == file:
            return named
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise TypeError(
            f"{name}: expected a module in a file, found {file!r}. Define the contract in a file."
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
