"""One work: several processes that save at once."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final, TypeAlias, TypeVar
from uuid import UUID

from benchmarks.bank import Bank, check
from benchmarks.turns import FEW, Place, Store, Turn, Turns, check_account, each_of, saved

A = TypeVar("A")
E = TypeVar("E")

Writer: TypeAlias = "Connection[int | None, list[UUID] | None]"
"""The connection to a writer: it receives the number of accounts, then the signal to begin."""
WRITERS: Final = 16
"""The processes that save at once."""


def save_together(store: Store[Bank[A, E]], place: Place, size: int) -> Turns:
    """Save many accounts by several processes at once."""
    with closing(store(*place)) as bank, ExitStack() as stack:
        bank.load(saved(bank, FEW))  # creates the tables
        context = get_context("forkserver")
        context.set_forkserver_preload([store.__module__])
        writers: list[Writer] = []
        for _ in range(WRITERS):
            ours, theirs = context.Pipe()
            process = context.Process(target=_write, args=(store, place, theirs))
            process.start()
            stack.callback(process.join)
            stack.callback(ours.close)  # before the join, because a writer ends when its pipe closes
            theirs.close()
            ours.recv()  # one by one, because not every library can start several at once
            writers.append(ours)
        while True:
            for writer in writers:
                writer.send(size // WRITERS)
            keys = [key for writer in writers for key in writer.recv() or ()]
            check(holds=len(keys) == size, finding=f"expected {size} accounts, found {len(keys)}")
            yield Turn(partial(_together, writers))
            for key in keys[:: max(size // FEW, 1)]:
                check_account(bank, bank.load(key), FEW)


def _write(store: Store[Bank[A, E]], place: Place, pipe: Connection[list[UUID] | None, int | None]) -> None:
    """Serve as one of several writers: make the accounts asked for, and save them at the signal."""
    with closing(store(*place)) as bank:
        bank.load(saved(bank, FEW))
        pipe.send(None)
        try:
            while True:
                accounts = [bank.filled(FEW) for _ in range(pipe.recv() or 0)]
                gc.collect()
                pipe.send([bank.key(account) for account in accounts])
                pipe.recv()
                each_of(bank.save, accounts)
                pipe.send(None)
        except EOFError:  # the run is over
            pass


def _together(writers: Sequence[Writer]) -> None:
    for writer in writers:
        writer.send(None)
    for writer in writers:
        writer.recv()
