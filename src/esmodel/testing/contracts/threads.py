"""Run a function in several threads at once."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Barrier, Thread


@contextmanager
def at_once(run: Callable[[bytes, Barrier], None], names: list[bytes], /) -> Generator[Callable[[], bool]]:
    """Run a function in a thread for each name, all from one moment on.

    The block is given what tells whether any thread is at work. At its end all are waited for, and
    what the first of them raised is raised; nobody waits at the barrier for one that has raised.
    """
    barrier = Barrier(len(names), timeout=60)
    raised: list[BaseException] = []

    def run_one(name: bytes) -> None:
        try:
            barrier.wait()
            run(name, barrier)
        except BaseException as error:  # noqa: BLE001  # because it is raised again, by the test
            raised.append(error)
            barrier.abort()

    threads = [Thread(target=run_one, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    try:
        yield lambda: any(thread.is_alive() for thread in threads)
    finally:
        for thread in threads:
            thread.join()
    if raised:
        raise raised[0]
