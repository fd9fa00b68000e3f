"""Run a function in several threads at once."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Barrier, Thread


@contextmanager
def at_once(run: Callable[[bytes, Barrier], None], names: list[bytes], /) -> Generator[Callable[[], bool]]:
    """Run a function in one thread for each name. All threads start at the same moment.

    The block receives a function that tells whether any thread is still running. The end of the block
    waits for all threads and raises the first error of any of them; an error also breaks the barrier, so
    that no other thread waits for the failed one.
    """
    barrier = Barrier(len(names), timeout=60)
    raised: list[BaseException] = []

    def run_one(name: bytes) -> None:
        try:
            barrier.wait()
            run(name, barrier)
        except BaseException as error:  # noqa: BLE001  # because the test raises it again
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
