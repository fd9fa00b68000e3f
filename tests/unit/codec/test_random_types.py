"""Random types with random values: refused in a sentence, or back indistinguishable, with equal bytes."""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from codec_values import HOOKED
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from indistinguishable import seen
from profiles import examples
from random_types import Drawn, types_of_depth
from value_keepers import VALUE, keeper_of

from esmodel import EventSourcedRepository, PayloadError
from esmodel.exceptions import UnsupportedTypeError
from esmodel.rows import SnapshottingRecordStore
from esmodel.stores.memory import MemoryStore
from esmodel.stores.postgres import PostgresStore
from esmodel.stores.sqlite import SQLiteStore

STORM = int(os.environ.get("ESMODEL_STORM", "0"))
VALUES = 50 if STORM else 5
LENIENT = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@settings(max_examples=STORM or examples(100), suppress_health_check=LENIENT, deadline=None)
@given(types_of_depth, st.data())
def test_a_value_is_refused_or_comes_back_indistinguishable(drawn: Drawn, data: st.DataObject) -> None:
    try:
        HOOKED.wire(drawn.hint)
    except UnsupportedTypeError:
        return
    for _ in range(VALUES):
        value = data.draw(drawn.values)
        try:
            stored = HOOKED.encode(drawn.hint, value)
        except PayloadError:
            continue
        back = HOOKED.decode(drawn.hint, stored)
        assert seen(back) == seen(value)
        assert HOOKED.encode(drawn.hint, back) == stored
        assert HOOKED.encode(drawn.hint, copy.deepcopy(value)) == stored


@settings(max_examples=STORM or examples(50), suppress_health_check=LENIENT, deadline=None)
@given(types_of_depth, st.data())
def test_what_a_save_acknowledged_is_read_from_every_store_and_snapshot(
    drawn: Drawn, data: st.DataObject
) -> None:
    classes = keeper_of(drawn.hint)
    for store in stores():
        try:
            keepers = EventSourcedRepository(classes.aggregate, store, snapshot_every=1)
        except UnsupportedTypeError:
            return
        for _ in range(VALUES // 5):
            value = data.draw(drawn.values)
            before = repr(seen(value))
            try:
                keeper = classes.aggregate.create(classes.event, value=value)
                keeper.trigger(classes.event, value=value)
            except PayloadError:
                continue
            keepers.save(keeper)
            (first, second) = keepers.events(keeper.id)
            assert isinstance(first, classes.event)
            assert isinstance(second, classes.event)
            assert repr(seen(first.value)) == repr(seen(second.value)) == before
            assert repr(seen(VALUE(keepers[keeper.id]))) == before  # from the snapshot of the save
            assert repr(seen(VALUE(keepers.get_entity(keeper.id, at=0)))) == before


def stores() -> Iterator[SnapshottingRecordStore]:
    yield MemoryStore()
    with tempfile.TemporaryDirectory() as folder, SQLiteStore(Path(folder, "values.db")) as store:
        yield store
    if STORM and "ESMODEL_TEST_POSTGRES" in os.environ:
        with PostgresStore(os.environ["ESMODEL_TEST_POSTGRES"], migrate=True) as server:
            yield server
