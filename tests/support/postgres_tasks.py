"""Tasks that the tests of ``PostgresStore`` run in other processes."""

from __future__ import annotations

import os
import time
import warnings
from typing import TYPE_CHECKING
from uuid import uuid4

from psycopg_pool import ConnectionPool
from sample_rows import STREAM, row

from esmodel.exceptions import ConcurrencyError, StoreError
from esmodel.rows import FREE, Append
from esmodel.stores.postgres import Order, PostgresStore

if TYPE_CHECKING:
    from worker_process import Parent


def migrate(parent: Parent, dsn: str, order: Order) -> None:
    """Create the tables beside other processes, and append a row."""
    with PostgresStore(dsn, order=order) as store:
        parent.wait_for_go()
        store.migrate()
        store.append(Append([row(0, uuid4())], FREE))


def append_to_one_stream(parent: Parent, dsn: str, order: Order, writer: int, turns: int) -> None:
    """Append to one stream beside other processes; try again after a conflict."""
    with PostgresStore(dsn, order=order, connections=2) as store:
        store.last(STREAM)
        parent.wait_for_go()
        done = 0
        while done < turns:
            last = store.last(STREAM)
            position = 0 if last is None else last[0] + 1
            try:
                store.append(Append([row(position, data=f"{writer} {done}".encode())], FREE))
            except ConcurrencyError:
                continue
            parent.say(f"{position} {writer} {done}")
            done += 1


def append_to_own_streams(parent: Parent, dsn: str, order: Order, writer: int, turns: int) -> None:
    """Append to two streams that no other process uses; say when each append began and ended."""
    with PostgresStore(dsn, order=order, connections=2) as store:
        store.last(STREAM)
        parent.wait_for_go()
        stream, other = uuid4(), uuid4()
        for turn in range(turns):
            data = f"{writer}-{turn}"
            began = time.monotonic_ns()
            after = turn - 1 if turn else None
            store.append_streams(
                [Append([row(turn, each, data.encode())], after) for each in (stream, other)]
            )
            parent.say(f"{data} {began} {time.monotonic_ns()}")


def fork_with_a_given_pool(parent: Parent, dsn: str, order: Order) -> None:
    """Fork, and use a store on a given pool in both processes."""
    with ConnectionPool(dsn, min_size=1, max_size=1) as pool, PostgresStore(pool, order=order) as store:
        store.append(Append([row(0)], FREE))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the pool has threads
            child = os.fork()
        if child == 0:
            for call in (lambda: store.append(Append([row(1)], FREE)), lambda: list(store.read(STREAM))):
                try:
                    call()
                except StoreError as error:
                    parent.say(f"child: {error}")
            os._exit(0)
        os.waitpid(child, 0)
        store.append(Append([row(2)], FREE))
        parent.say(f"parent {[record.position for record in store.read(STREAM)]}")


def fork_and_use_both_sides(parent: Parent, dsn: str, order: Order) -> None:
    """Fork, and use the store in both processes."""
    hear, tell = os.pipe()
    with PostgresStore(dsn, order=order) as store:
        store.append(Append([row(0)], FREE))
        child = os.fork()
        if child == 0:
            store.append(Append([row(1)], FREE))
            parent.say(f"child {[record.position for record in store.read(STREAM)]}")
            store.close()
            os.write(tell, b".")
            os._exit(0)
        os.read(hear, 1)
        store.append(Append([row(2)], FREE))
        parent.say(f"parent {[record.position for record in store.read(STREAM)]}")
        os.waitpid(child, 0)
