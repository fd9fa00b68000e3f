"""Processes of a test: each runs one task.

They are forked from a server that has imported esmodel, so that they start in milliseconds.
"""

from __future__ import annotations

import multiprocessing
import traceback
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Concatenate, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

P = ParamSpec("P")

_SECONDS = 120.0  # that a process may take for a step
_READY = "ready"
_context = multiprocessing.get_context("forkserver")


class Parent:
    """The process of the test, as a task in another process sees it."""

    def __init__(self, said: Connection[str, str], heard: Connection[str, str]) -> None:
        self._said = said
        self._heard = heard

    def say(self, line: str) -> None:
        """Send a line to the test at once: a kill afterwards does not lose it."""
        self._said.send(line)

    def wait_for_go(self) -> None:
        """Tell the test that this process is ready, and wait for its signal."""
        self.say(_READY)
        self._heard.recv()


class WorkerProcess:
    """A process that runs a task.

    Args:
        task: a function at the top of a module in ``tests/support``; its first argument is the parent.
        arguments: its other arguments.
        options: its keyword arguments.
    """

    def __init__(
        self, task: Callable[Concatenate[Parent, P], None], *arguments: P.args, **options: P.kwargs
    ) -> None:
        # Both stores and the contracts: whichever test is first starts the server for all of them.
        _context.set_forkserver_preload(
            ["esmodel.testing.contracts", "esmodel.stores.sqlite", "esmodel.stores.postgres"]
        )
        self._heard, said = _context.Pipe(duplex=False)
        heard, self._said = _context.Pipe(duplex=False)
        self._process = _context.Process(
            target=_run, args=(task, Parent(said, heard), *arguments), kwargs=options, daemon=True
        )
        self._process.start()
        said.close()  # so that the end of the process is the end of what it says
        heard.close()

    def wait_until_ready(self) -> None:
        """Wait until the task waits for the signal to go."""
        assert self._heard.poll(_SECONDS), "The process is not ready in time."
        assert self._heard.recv() == _READY

    def go(self) -> None:
        """Signal the task to go on."""
        self._said.send("go")

    def is_running(self) -> bool:
        """Tell whether the process runs."""
        return self._process.is_alive()

    def finish(self) -> list[str]:
        """Wait for the end of the task, and return the lines that it said."""
        lines = self._lines()
        assert self._process.exitcode == 0, lines[-1:]
        return lines

    def kill(self) -> list[str]:
        """Kill the process while it runs, and return the lines that it said before."""
        assert self._process.is_alive(), self._lines()[-1:]
        self._process.kill()
        return self._lines()

    def _lines(self) -> list[str]:
        lines: list[str] = []
        try:
            while self._heard.poll(_SECONDS):
                lines.append(self._heard.recv())
        except EOFError:
            self._process.join(_SECONDS)
        finally:
            self._process.kill()
            self._process.join()
            self._heard.close()
            self._said.close()
        return lines


def go_at_once(processes: Sequence[WorkerProcess]) -> None:
    """Wait until all processes are ready, and let them go."""
    for process in processes:
        process.wait_until_ready()
    for process in processes:
        process.go()


def run(task: Callable[Concatenate[Parent, P], None], *arguments: P.args, **options: P.kwargs) -> list[str]:
    """Run a task in another process, and return the lines that it said."""
    return WorkerProcess(task, *arguments, **options).finish()


def _run(
    task: Callable[Concatenate[Parent, P], None], parent: Parent, *arguments: P.args, **options: P.kwargs
) -> None:
    try:
        task(parent, *arguments, **options)
    except BaseException:
        parent.say(traceback.format_exc())
        raise
