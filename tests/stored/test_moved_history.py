"""How history that version 8.2.5 of the package ``eventsourcing`` wrote is moved over.

No stream gets another id, and no row another place (but in a collection to which an item was added
twice: the second time is no event here): they follow from the same rules. What is read
from the old database are rows with JSON in them; each is written anew with the call that wrote it
then, and with the clock of then. Arrays take their rows in any order, links are made again; what
happened to a collection, and to a log, is told in the order in which it happened.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple, NotRequired, TypedDict
from uuid import UUID

from esmodel import (
    Collection,
    EventSourcedBigArrayRepository,
    EventSourcedRepository,
    EventSourcedTimeBucketedLogRepository,
    TimeBucketedLogReader,
    using_clock,
)
from esmodel.stores.memory import MemoryStore
from esmodel.structures import make_subarray_id, make_timebucket_id

ARRAY: Final = UUID("a0000000-0000-4000-8000-000000000001")
LOG: Final = UUID("b0000000-0000-4000-8000-000000000002")
TAGS: Final = UUID("c0000000-0000-4000-8000-000000000003")
SIZE: Final = 3  # the array_size with which the array was written


class OldRow(NamedTuple):
    originator_id: UUID
    position: int
    event: str  # what comes after the # in the topic
    state: str


class OldMessage(NamedTuple):
    originator_id: UUID
    timestamp: Decimal
    state: str


class State(TypedDict):
    timestamp: dict[str, str]
    item: NotRequired[str]


class MessageState(TypedDict):
    message: str


def old_row(stream: str, position: int, event: str, item: str | dict[str, str] | None = None) -> OldRow:
    """Make a row as the old database has it."""
    state = {"timestamp": {"__decimal__": f"16060000{position:02}.000001"}}
    with_item = state if item is None else {"item": item, **state}
    return OldRow(UUID(stream), position, event, json.dumps(with_item, separators=(",", ":")))


def item_at(stream: str, position: int, item: str) -> OldRow:
    return old_row(stream, position, "ItemAssigned", item)


def link_at(stream: str, position: int, child: str) -> OldRow:
    return old_row(stream, position, "ItemAssigned", {"UUID": UUID(child).hex})


ITEMS: Final = [
    item_at("d1408488-469a-551a-9a96-8c13ed110497", 0, "a"),  # positions 0 to 3
    item_at("d1408488-469a-551a-9a96-8c13ed110497", 1, "b"),
    item_at("d1408488-469a-551a-9a96-8c13ed110497", 2, "c"),
    item_at("ee307852-d1b2-5853-88fb-029937ea63cb", 0, "d"),  # 3 to 6
    item_at("ee307852-d1b2-5853-88fb-029937ea63cb", 1, "e"),
    item_at("ee307852-d1b2-5853-88fb-029937ea63cb", 2, "f"),
    item_at("c9bb34ed-7867-5876-ae78-36762a7d2a32", 0, "g"),  # 6 to 9
    item_at("c9bb34ed-7867-5876-ae78-36762a7d2a32", 1, "h"),
    item_at("c9bb34ed-7867-5876-ae78-36762a7d2a32", 2, "i"),
    item_at("8a31c762-c21b-573a-b1f1-71c3b6dd96f7", 0, "j"),  # 9 to 12
    item_at("e2fef679-c6d9-5320-80f2-4666440f6f21", 2, "u"),  # 18 to 21: what is before it is not assigned
]
LINKS: Final = [
    link_at(str(ARRAY), 0, "d1408488-469a-551a-9a96-8c13ed110497"),  # the apex of each height
    link_at(str(ARRAY), 1, "4bedca41-6a5d-5d08-a366-087208ffc4e8"),
    link_at(str(ARRAY), 2, "8d1e4417-dc69-5dbb-8a87-bba95db586cf"),
    link_at("4bedca41-6a5d-5d08-a366-087208ffc4e8", 1, "ee307852-d1b2-5853-88fb-029937ea63cb"),  # 0 to 9
    link_at("4bedca41-6a5d-5d08-a366-087208ffc4e8", 2, "c9bb34ed-7867-5876-ae78-36762a7d2a32"),
    link_at("6c7e3c93-2f54-51a5-85d3-bcb17e1662d4", 0, "8a31c762-c21b-573a-b1f1-71c3b6dd96f7"),  # 9 to 18
    link_at("8d1e4417-dc69-5dbb-8a87-bba95db586cf", 1, "6c7e3c93-2f54-51a5-85d3-bcb17e1662d4"),  # 0 to 27
    link_at("8d1e4417-dc69-5dbb-8a87-bba95db586cf", 2, "f49b5976-1ea5-5488-bd26-3ab5baccc4ca"),
    link_at("f49b5976-1ea5-5488-bd26-3ab5baccc4ca", 0, "e2fef679-c6d9-5320-80f2-4666440f6f21"),  # 18 to 27
]
COLLECTION: Final = [
    old_row(str(TAGS), 0, "Collection.Created"),
    old_row(str(TAGS), 1, "Collection.ItemAdded", "red"),
    old_row(str(TAGS), 2, "Collection.ItemAdded", "green"),
    old_row(str(TAGS), 3, "Collection.ItemRemoved", "red"),
]
STARTED: Final = old_row(str(LOG), 0, "Timebucketedlog.Started")  # by the month
NOVEMBER: Final = UUID("a3b02c0e-874d-59b0-870b-af8e7f1ba566")
DECEMBER: Final = UUID("b332aa49-8840-5fac-87c8-2a23deafd772")
MESSAGES: Final = [
    OldMessage(NOVEMBER, Decimal("1606780799.999999"), '{"message":"the last of November"}'),
    OldMessage(DECEMBER, Decimal("1606780800.000000"), '{"message":"the first of December"}'),
    OldMessage(DECEMBER, Decimal("1606780800.000001"), '{"message":"the second"}'),
]


def moment(seconds: Decimal) -> datetime:
    """Return the time that the old database has as a decimal; by way of a float it would be another."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(seconds * 1_000_000))


def moment_of(microseconds: int) -> datetime:
    return moment(Decimal(microseconds) / 1_000_000)


def when(row: OldRow) -> datetime:
    state: State = json.loads(row.state)
    return moment(Decimal(state["timestamp"]["__decimal__"]))


def clock_of(row: OldRow) -> AbstractContextManager[None]:
    then = when(row)
    return using_clock(lambda: then)


def item_of(row: OldRow) -> str:
    state: State = json.loads(row.state)
    assert "item" in state
    return state["item"]


def positioned(rows: Iterable[OldRow]) -> Iterator[tuple[int, OldRow]]:
    """Yield the rows of items, and no links, each with its position in the big array."""
    firsts = {make_subarray_id(ARRAY, first, first + SIZE): first for first in range(0, SIZE**3, SIZE)}
    for row in rows:
        if row.originator_id in firsts:
            yield firsts[row.originator_id] + row.position, row


def links_in(store: MemoryStore) -> set[tuple[UUID, int, str]]:
    rows = [row for _, row in store.read_all() if row.name == "ArrayLinked"]
    return {(row.originator_id, row.position, UUID(json.loads(row.data)).hex) for row in rows}


def old_links(rows: Iterable[OldRow]) -> set[tuple[UUID, int, str]]:
    return {(row.originator_id, row.position, json.loads(row.state)["item"]["UUID"]) for row in rows}


def test_a_big_array_is_moved_by_position_in_any_order() -> None:
    store = MemoryStore()
    array = EventSourcedBigArrayRepository(str, store, array_size=SIZE)[ARRAY]
    for position, row in positioned(sorted(ITEMS + LINKS)):  # by id, as a database may give them
        with clock_of(row):
            array[position] = item_of(row)

    assert array[:] == [*"abcdefghij", *[None] * 10, "u"]
    moved = [row for _, row in store.read_all() if row.name == "ItemAssigned"]
    assert {(row.originator_id, row.position, moment_of(row.timestamp)) for row in moved} == {
        (row.originator_id, row.position, when(row)) for row in ITEMS
    }
    assert links_in(store) == old_links(LINKS)


def test_a_big_array_without_gaps_is_moved_by_extend() -> None:
    store, letters = MemoryStore(), ITEMS[:-1]
    array = EventSourcedBigArrayRepository(str, store, array_size=SIZE)[ARRAY]
    array.extend(item_of(row) for _, row in sorted(positioned(letters)))  # the times are those of now

    assert "".join(array) == "abcdefghij"
    moved = [row for _, row in store.read_all() if row.name == "ItemAssigned"]
    assert [(row.originator_id, row.position) for row in moved] == [row[:2] for row in letters]
    assert links_in(store) == old_links(LINKS[:-2])  # the last two lead to "u"


def test_a_log_is_moved_with_the_times_of_its_messages() -> None:
    store = MemoryStore()
    with clock_of(STARTED):
        log = EventSourcedTimeBucketedLogRepository(str, store).start(LOG, "month")
    for row in MESSAGES:
        then = moment(row.timestamp)
        if row.originator_id == make_timebucket_id(LOG, then, "month"):  # else it is of another log
            state: MessageState = json.loads(row.state)
            log.log_message(state["message"], timestamp=then)

    texts = ["the last of November", "the first of December", "the second"]
    assert list(TimeBucketedLogReader(log).messages()) == texts
    assert log.started_on == when(STARTED)
    moved = [row for _, row in store.read_all() if row.name == "MessageLogged"]
    assert [(row.originator_id, moment_of(row.timestamp)) for row in moved] == [
        (row.originator_id, moment(row.timestamp)) for row in MESSAGES
    ]
    # a place is a time: microseconds since the bucket began, with room for 2 ** 18 messages in each
    assert [row.position >> 18 for row in moved] == [30 * 24 * 60 * 60 * 1_000_000 - 1, 0, 1]
    assert store.last(LOG) == (0, b"")


def test_a_collection_is_moved_by_doing_it_again() -> None:
    store = MemoryStore()
    created, *changes = sorted(COLLECTION)
    with clock_of(created):
        tags = Collection[str].register(created.originator_id)
    for row in changes:
        with clock_of(row):
            if row.event == "Collection.ItemAdded":
                tags.add_item(item_of(row))
            else:
                tags.remove_item(item_of(row))
    collections = EventSourcedRepository(Collection[str], store)
    collections.save(tags)

    assert collections[TAGS].items == {"green"}
    assert [
        (row.originator_id, row.position, row.name, moment_of(row.timestamp)) for row in store.read(TAGS)
    ] == [(row.originator_id, row.position, row.event, when(row)) for row in COLLECTION]
