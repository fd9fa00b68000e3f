"""``PostgresStore`` with a server that is killed."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from datetime import timedelta
from threading import Thread
from uuid import UUID, uuid4

import pytest
from postgres_server import PostgresServer
from sample_rows import STREAM, row

from esmodel.exceptions import (
    OutcomeUnknownError,
    StoreError,
)
from esmodel.rows import FREE, Append
from esmodel.stores.postgres import Order, PostgresStore

pytestmark = pytest.mark.server


@pytest.mark.slow
def test_the_outcome_of_saves_is_never_guessed_when_the_server_is_killed(
    postgres_server: PostgresServer, order: Order
) -> None:
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")  # noqa: T201  # because it reproduces a failure
    choose = random.Random(seed)
    saves = 500
    acknowledged: list[bytes] = []
    unknown: dict[bytes, UUID] = {}
    refused: list[bytes] = []
    numbers = iter(range(saves))

    def write(store: PostgresStore) -> None:
        for number in numbers:
            data = b"%d" % number
            stream = uuid4()
            batch = [
                Append([row(0, uuid4(), data)], None),
                Append([row(1, stream, data), row(2, stream, data)], FREE),
            ]
            try:
                store.append_streams(batch)
                acknowledged.append(data)
            except OutcomeUnknownError as error:
                unknown[data] = error.append_id
            except StoreError:
                refused.append(data)
                time.sleep(0.02)

    PostgresStore(postgres_server.dsn, order=order, migrate=True).close()
    with ExitStack() as stores:
        opened = [
            # half of them wait until the server is back, half time out
            PostgresStore(postgres_server.dsn, order=order, timeout=timedelta(seconds=patience))
            for patience in (60.0, 60.0, 0.2, 0.2)
        ]
        for each in opened:
            stores.enter_context(each)
            each.last(STREAM)
        threads = [Thread(target=write, args=(each,)) for each in opened]
        for thread in threads:
            thread.start()
        kills = 0
        while any(thread.is_alive() for thread in threads) and kills < 5:
            time.sleep(choose.uniform(0.0, 0.12))
            postgres_server.kill()
            kills += 1
            time.sleep(choose.choice([0.0, 0.4]))
            postgres_server.start()
        for thread in threads:
            thread.join(120)
    with PostgresStore(postgres_server.dsn, order=order) as store:
        stored = {data for data, append_id in unknown.items() if store.was_appended(append_id)}
        found = [record.data for _, record in store.read_all()]
    assert len(acknowledged) + len(unknown) + len(refused) == saves
    assert kills > 1
    assert {data: found.count(data) for data in found} == dict.fromkeys([*acknowledged, *stored], 3)
