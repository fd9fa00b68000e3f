"""Collections, arrays and logs that version 0.1.0 wrote are read by later ones, and still written so.

``v0_1_sequences.json`` was written once (``python tests/stored/test_stored_sequences.py`` prints such
a file) and never changes again; a new version adds a file of its own.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Final, TypedDict
from uuid import UUID, uuid5

import pytest
from attrs import frozen

from esmodel import (
    Collection,
    ConcurrencyError,
    EventSourcedArrayRepository,
    EventSourcedBigArrayRepository,
    EventSourcedRepository,
    EventSourcedTimeBucketedLogRepository,
    TimeBucketedLogReader,
    upcasts,
    using_clock,
)
from esmodel.exceptions import ArrayIndexError, ClassVersionError, PositionTakenError
from esmodel.rows import Record
from esmodel.stores.memory import MemoryStore
from esmodel.structures import BUCKET_SIZES, Array, BigArray, BucketSize
from esmodel.testing.contracts.samplerows import in_streams

FILE: Final = Path(__file__).with_name("v0_1_sequences.json")
MOMENT: Final = datetime(2026, 11, 23, 4, 5, 6, 123456, tzinfo=UTC)
EARLIER: Final = datetime(2024, 3, 1, 1, 29, 59, 999999, tzinfo=timezone(timedelta(hours=1, minutes=30)))
LATER: Final = datetime(2027, 1, 1, tzinfo=UTC)
WORDS, WALLET, CARDS, PAYMENTS, NUMBERS, BIG, PAIRS, PRICES = (UUID(int=number) for number in range(1, 9))
LOGS: Final[dict[BucketSize, UUID]] = {
    size: UUID(int=number) for number, size in enumerate(BUCKET_SIZES, 0x10)
}
NEXT: Final[dict[BucketSize, BucketSize]] = dict(pairwise((*BUCKET_SIZES, BUCKET_SIZES[0])))


@frozen
class Card:
    number: str
    limit: Decimal


@frozen
class Cash:
    stored_name: ClassVar[str] = "cash.v1"
    coins: int


@frozen
class Units:
    """A price as it was at class version 0."""

    units: int


@frozen
class Price:
    amount: Decimal
    currency: str


@frozen
class Reading:
    sensor: UUID
    celsius: float


@frozen
class Fault:
    text: str


def to_price(old: Units) -> Price:
    return Price(Decimal(old.units) / 100, "EUR")


VISA: Final = Card("4000", Decimal("9.90"))
AMEX: Final = Card("3400", Decimal("0.0"))
READING: Final = Reading(UUID(int=99), -0.5)


def words(store: MemoryStore) -> EventSourcedRepository[Collection[str]]:
    return EventSourcedRepository(Collection[str], store)


def wallets(store: MemoryStore) -> EventSourcedRepository[Collection[Card]]:
    return EventSourcedRepository(Collection[Card], store)


def cards(store: MemoryStore) -> Array[Card]:
    return EventSourcedArrayRepository(Card, store)[CARDS]


def payments(store: MemoryStore) -> Array[Card | Cash]:
    return EventSourcedArrayRepository(Card | Cash, store)[PAYMENTS]


def numbers(store: MemoryStore) -> Array[int | None]:
    return EventSourcedArrayRepository(int | None, store)[NUMBERS]


def big(store: MemoryStore) -> BigArray[str]:
    return EventSourcedBigArrayRepository(str, store, array_size=3)[BIG]


def pairs(store: MemoryStore) -> BigArray[Card | Cash]:
    return EventSourcedBigArrayRepository(Card | Cash, store, array_size=2)[PAIRS]


def old_prices(store: MemoryStore) -> BigArray[Units]:
    return EventSourcedBigArrayRepository(Units, store, array_size=2)[PRICES]


def prices(store: MemoryStore) -> BigArray[Price]:
    return EventSourcedBigArrayRepository(Price, store, array_size=2, upcaster=upcasts(to_price))[PRICES]


def logs(store: MemoryStore) -> EventSourcedTimeBucketedLogRepository[Reading | Fault]:
    return EventSourcedTimeBucketedLogRepository(Reading | Fault, store)


class Row(TypedDict):
    """A record as JSON; what is bytes there is hex here."""

    originator_id: str
    position: int
    name: str
    class_version: int
    timestamp: int
    data: str
    header: str
    event_hash: str


class Stored(TypedDict):
    records: list[Row]
    snapshots: list[Row]


def to_row(record: Record) -> Row:
    return {
        "originator_id": str(record.originator_id),
        "position": record.position,
        "name": record.name,
        "class_version": record.class_version,
        "timestamp": record.timestamp,
        "data": record.data.hex(),
        "header": record.header.hex(),
        "event_hash": record.event_hash.hex(),
    }


def to_record(row: Row) -> Record:
    return Record(
        UUID(row["originator_id"]),
        row["position"],
        row["name"],
        row["class_version"],
        row["timestamp"],
        bytes.fromhex(row["data"]),
        bytes.fromhex(row["header"]),
        bytes.fromhex(row["event_hash"]),
    )


def second(number: int) -> datetime:
    return MOMENT + timedelta(seconds=number)


def at(number: int) -> AbstractContextManager[None]:
    """Stop the clock: how often a call looks at it is not what is stored."""
    return using_clock(lambda: second(number))


def write_collections(store: MemoryStore) -> None:
    with at(0):
        tags = Collection[str].register(WORDS)
        wallet = Collection[Card].register(WALLET)
    with at(1):
        tags.add_item("red")
        tags.add_item("\u00e9\U0001f600")
        wallet.add_item(VISA)
        wallet.add_item(AMEX)
    words(store).save(tags)
    wallets(store).save(wallet)
    words(store).take_snapshot(WORDS)
    wallets(store).take_snapshot(WALLET)
    with at(2):
        tags.remove_item("red")
        tags.add_item("green")
        wallet.remove_item(VISA)
    words(store).save(tags)
    wallets(store).save(wallet)


def write_arrays(store: MemoryStore) -> None:
    with at(3):
        cards(store).append(VISA)
        cards(store)[3] = AMEX
        payments(store).extend([VISA, Cash(5)])
        numbers(store).extend([7, None, 0])
    with at(4):
        big(store).extend("abcdefghij")  # a tree of three heights
        big(store)[20] = "u"
        pairs(store).append(VISA)
        pairs(store)[3] = Cash(1)
        old_prices(store).extend([Units(150), Units(-1), Units(0)])


def write_log(store: MemoryStore, size: BucketSize) -> None:
    with at(5):
        log = logs(store).start(LOGS[size], size)
    with at(6):
        log.log_message(Fault("first"))
        log.log_message(READING)
    with at(7):
        log.log_message(Fault("brought"), timestamp=EARLIER)
    with at(8):
        log.change_bucket_size(NEXT[size])
    with at(9):
        log.log_message(Fault("third"), timestamp=second(6))
    with using_clock(lambda: LATER):
        log.log_message(Fault("later"))


def written() -> MemoryStore:
    store = MemoryStore()
    write_collections(store)
    write_arrays(store)
    for size in BUCKET_SIZES:
        write_log(store, size)
    return store


def dump() -> str:
    store = written()
    snapshots = [store.read_snapshot(stream) for stream in (WORDS, WALLET)]
    stored: Stored = {
        "records": [to_row(record) for _, record in store.read_all()],
        "snapshots": [to_row(record) for record in snapshots if record is not None],
    }
    return json.dumps(stored, indent=1) + "\n"


@pytest.fixture
def stored() -> Stored:
    found: Stored = json.loads(FILE.read_text())
    return found


@pytest.fixture
def store(stored: Stored) -> MemoryStore:
    memory = MemoryStore()
    memory.append_streams(in_streams(to_record(row) for row in stored["records"]))
    return memory


@pytest.fixture(params=[False, True], ids=["from events", "from snapshots"])
def with_snapshots(request: pytest.FixtureRequest, store: MemoryStore, stored: Stored) -> MemoryStore:
    has_snapshots: bool = request.param
    if has_snapshots:
        for row in stored["snapshots"]:
            store.write_snapshot(to_record(row))
    return store


@pytest.fixture(params=BUCKET_SIZES)
def size(request: pytest.FixtureRequest) -> BucketSize:
    each: BucketSize = request.param
    return each


# what the rows hold


def test_the_stored_collections_are_read(with_snapshots: MemoryStore) -> None:
    tags = words(with_snapshots)[WORDS]
    assert tags.items == {"\u00e9\U0001f600", "green"}
    assert (tags.version, tags.created_on, tags.last_modified) == (4, second(0), second(2))
    wallet = wallets(with_snapshots)[WALLET]
    assert wallet.items == {AMEX}
    assert (wallet.version, wallet.created_on, wallet.last_modified) == (3, second(0), second(2))


def test_the_stored_collections_are_read_as_they_were(with_snapshots: MemoryStore) -> None:
    assert words(with_snapshots).get_entity(WORDS, at=0).items == set()
    assert words(with_snapshots).get_entity(WORDS, at=2).items == {"red", "\u00e9\U0001f600"}
    assert wallets(with_snapshots).get_entity(WALLET, at=1).items == {VISA}
    assert wallets(with_snapshots).get_entity(WALLET, at=2).items == {VISA, AMEX}


def test_the_stored_arrays_are_read(store: MemoryStore) -> None:
    assert cards(store)[:] == [VISA, None, None, AMEX]
    assert (cards(store)[0], cards(store)[-1], len(cards(store))) == (VISA, AMEX, 4)
    assert list(cards(store).items()) == [(0, VISA), (3, AMEX)]
    assert payments(store)[:] == list(payments(store)) == [VISA, Cash(5)]
    assert list(reversed(payments(store))) == [Cash(5), VISA]
    assert numbers(store)[:] == list(numbers(store)) == [7, None, 0]
    assert numbers(store)[1] is None


def test_an_item_that_is_none_is_not_a_hole(store: MemoryStore) -> None:
    assert dict(numbers(store).items()) == {0: 7, 1: None, 2: 0}
    with pytest.raises(ArrayIndexError):
        cards(store)[1]


def test_the_stored_big_array_is_read(store: MemoryStore) -> None:
    letters: list[str | None] = [*"abcdefghij"]
    assert big(store)[:] == [*letters, *[None] * 10, "u"]
    assert [big(store)[index] for index in (0, 2, 3, 8, 9, 20, -1)] == [*"acdijuu"]
    assert big(store)[2:10:3] == ["c", "f", "i"]
    assert big(store)[20:7:-4] == ["u", None, None, "i"]
    assert dict(big(store).items()) == {**dict(enumerate("abcdefghij")), 20: "u"}
    assert (len(big(store)), big(store).next_position()) == (21, 21)
    assert pairs(store)[:] == [VISA, None, None, Cash(1)]
    assert len(pairs(store)) == pairs(store).capacity == 4


def test_items_of_an_older_class_version_pass_the_upcaster(store: MemoryStore) -> None:
    amounts = [Price(Decimal(amount), "EUR") for amount in ("1.5", "-0.01", "0")]
    assert list(prices(store)) == amounts
    assert (prices(store)[1], prices(store)[1:], len(prices(store))) == (amounts[1], amounts[1:], 3)


def test_the_stored_log_is_read_from_both_ends(store: MemoryStore, size: BucketSize) -> None:
    expected: list[tuple[datetime, Reading | Fault]] = [
        (EARLIER, Fault("brought")),
        (second(6), Fault("first")),
        (second(6), READING),
        (second(6), Fault("third")),
        (LATER, Fault("later")),
    ]
    reader = TimeBucketedLogReader(logs(store)[LOGS[size]], page_size=2)
    assert [(event.timestamp, event.message) for event in reader.events()] == expected
    assert list(reader.messages(descending=True)) == [message for _, message in reversed(expected)]
    assert list(reader.messages(gt=EARLIER, lte=second(6), limit=2)) == [Fault("first"), READING]
    assert list(reader.messages(lt=LATER, descending=True, limit=1)) == [Fault("third")]


def test_the_stored_log_knows_the_history_of_its_sizes(store: MemoryStore, size: BucketSize) -> None:
    log = logs(store)[LOGS[size]]
    assert (log.bucket_size, log.started_on) == (NEXT[size], second(5))
    assert log.bucket_sizes == ((second(5), size), (second(8), NEXT[size]))


# what today's version writes


def test_todays_version_writes_the_same_rows(stored: Stored) -> None:
    assert [record for _, record in written().read_all()] == [to_record(row) for row in stored["records"]]


def test_todays_version_writes_the_same_snapshots(stored: Stored) -> None:
    today = written()
    rows = [to_record(row) for row in stored["snapshots"]]
    assert [row.originator_id for row in rows] == [WORDS, WALLET]
    assert [today.read_snapshot(row.originator_id) for row in rows] == rows


# the rows, continued


def test_stored_collections_go_on(with_snapshots: MemoryStore) -> None:
    tags, wallet = words(with_snapshots)[WORDS], wallets(with_snapshots)[WALLET]
    tags.add_item("green")  # is there
    tags.add_item("blue")
    wallet.remove_item(Card("3400", Decimal(0)))
    wallet.add_item(VISA)
    words(with_snapshots).save(tags)
    wallets(with_snapshots).save(wallet)
    assert words(with_snapshots)[WORDS].items == {"\u00e9\U0001f600", "green", "blue"}
    assert words(with_snapshots)[WORDS].version == 5
    assert wallets(with_snapshots)[WALLET].items == {VISA}
    words(with_snapshots).take_snapshot(WORDS)
    assert words(with_snapshots)[WORDS].items == {"\u00e9\U0001f600", "green", "blue"}


def test_stored_arrays_go_on(store: MemoryStore) -> None:
    assert cards(store).append(VISA) == 4
    cards(store)[1] = AMEX
    assert cards(store)[:] == [VISA, AMEX, None, AMEX, VISA]
    payments(store).extend([Cash(9), AMEX])
    assert list(payments(store)) == [VISA, Cash(5), Cash(9), AMEX]
    assert numbers(store).append(None) == 3
    assert numbers(store)[:] == [7, None, 0, None]
    with pytest.raises(PositionTakenError):
        cards(store)[3] = VISA


def test_stored_big_arrays_go_on_until_they_are_full(store: MemoryStore) -> None:
    assert big(store).append("v") == 21
    big(store).extend("wxyz")
    big(store)[26] = "!"
    for position, letter in enumerate("klmnopqrst", 10):
        big(store)[position] = letter
    assert "".join(big(store)) == "abcdefghijklmnopqrstuvwxyz!"
    assert "".join(reversed(big(store))) == "!zyxwvutsrqponmlkjihgfedcba"
    with pytest.raises(ArrayIndexError):
        big(store).append("?")
    with pytest.raises(ConcurrencyError):
        big(store)[20] = "?"
    pairs(store)[2] = AMEX
    pairs(store)[1] = Cash(2)
    assert list(pairs(store)) == [VISA, Cash(2), AMEX, Cash(1)]


def test_items_of_both_class_versions_are_read_and_never_by_older_code(store: MemoryStore) -> None:
    added = Price(Decimal("0.10"), "USD")
    assert prices(store).append(added) == 3
    assert list(prices(store))[2:] == [Price(Decimal(0), "EUR"), added]
    assert old_prices(store)[0] == Units(150)
    with pytest.raises(ClassVersionError):
        old_prices(store)[3]


def test_stored_logs_go_on(store: MemoryStore, size: BucketSize) -> None:
    log = logs(store)[LOGS[size]]
    log.log_message(Fault("fourth"), timestamp=second(6))
    log.change_bucket_size(size)
    log.log_message(Fault("fifth"), timestamp=second(6))
    log.log_message(Fault("between"), timestamp=second(7))
    with using_clock(lambda: LATER):
        logs(store)[LOGS[size]].log_message(Fault("last"))
    texts = ["brought", "first", "READING", "third", "fourth", "fifth", "between", "later", "last"]
    expected = [READING if text == "READING" else Fault(text) for text in texts]
    reader = TimeBucketedLogReader(logs(store)[LOGS[size]])
    assert list(reader.messages()) == expected
    assert list(reader.messages(descending=True)) == expected[::-1]
    assert [each for _, each in logs(store)[LOGS[size]].bucket_sizes] == [size, NEXT[size], size]


# where the rows are

TIMEBUCKETS: Final = UUID("0d7ee297-a976-4c29-91ff-84ffc79d8155")
SPANS: Final = {
    (0, 3): UUID("8a9c93eb-858c-5658-9252-445b283d352c"),
    (9, 12): UUID("9fdc899e-5929-5412-b026-9f87996507d9"),
    (18, 21): UUID("9e111bd1-4dd0-571c-be04-e118fcf487c1"),
    (0, 9): UUID("accaa1c3-ec91-50cf-9674-3af87629c838"),
    (9, 18): UUID("65acaddd-2819-5a04-a9c3-9a4abc55f6f0"),
    (18, 27): UUID("eb46a617-7862-5f8a-8a39-6c215eb7009b"),
    (0, 27): UUID("014b395c-cdbb-5942-858f-e428379f9cf2"),
}
BOUNDARIES: Final[dict[BucketSize, tuple[str, UUID]]] = {
    "year": ("2026", UUID("4cb69964-ee31-5b67-9f07-2766ec8c32b1")),
    "month": ("2026-11", UUID("68e211c1-a5fe-5079-81c0-d1adb7e8a10d")),
    "day": ("2026-11-23", UUID("888f69b7-41f0-5429-a56d-68c36a35cc69")),
    "hour": ("2026-11-23_04", UUID("1f9baf1f-7370-595b-8ec8-0b7b947265ff")),
    "minute": ("2026-11-23_04-05", UUID("c5c98efc-d1fd-5eac-bd89-b31699cbc636")),
    "second": ("2026-11-23_04-05-12", UUID("cf8ae89b-0610-5905-9984-84e28258c1ee")),
}

UNITS: Final[dict[BucketSize, BucketSize]] = {"hour": "year", "minute": "month", "second": "day"}
SECONDS: Final[dict[BucketSize, int]] = {  # from the year 1 to the start of each of these buckets
    "year": 63_902_822_400,
    "month": 63_929_088_000,
    "day": 63_930_988_800,
    "hour": 63_931_003_200,
    "minute": 63_931_003_500,
    "second": 63_931_003_512,
}


def found_in(store: MemoryStore, stream: UUID) -> list[tuple[int, str, str]]:
    """Return position, name and payload of each row of a stream."""
    return [(row.position, row.name, row.data.decode()) for row in store.read(stream)]


def test_the_stream_of_an_array_in_the_tree_is_named_by_its_span(store: MemoryStore) -> None:
    for span, stream in SPANS.items():
        assert uuid5(BIG, str(span)) == stream
        assert found_in(store, stream)
    assert found_in(store, SPANS[9, 12]) == [(0, "ItemAssigned", '"j"')]
    assert found_in(store, SPANS[18, 21]) == [(2, "ItemAssigned", '"u"')]


def test_the_links_lead_from_the_root_to_each_stream_of_items(store: MemoryStore) -> None:
    links: list[tuple[UUID, int, tuple[int, int]]] = [
        (BIG, 0, (0, 3)),
        (BIG, 1, (0, 9)),
        (BIG, 2, (0, 27)),
        (SPANS[0, 27], 1, (9, 18)),
        (SPANS[0, 27], 2, (18, 27)),
        (SPANS[9, 18], 0, (9, 12)),
        (SPANS[18, 27], 0, (18, 21)),
    ]
    for node, index, child in links:
        assert (index, "ArrayLinked", f'"{SPANS[child]}"') in found_in(store, node)


def test_the_stream_of_a_bucket_is_named_by_its_boundary(store: MemoryStore, size: BucketSize) -> None:
    boundary, stream = BOUNDARIES[size]
    assert uuid5(TIMEBUCKETS, f"{LOGS[size].hex}_{boundary}") == stream
    (first, _, text), (following, _, _), *_ = found_in(store, stream)
    assert text == '{"Fault":{"text":"first"}}'
    assert following == first + 1


def test_the_index_lists_the_bucket_at_its_seconds(store: MemoryStore, size: BucketSize) -> None:
    boundary, _ = BOUNDARIES[size]
    unit = BOUNDARIES[UNITS[size]][0] if size in UNITS else None
    index = f"{LOGS[size].hex}_{size}s"
    part = index if unit is None else f"{index}_{unit}"
    listed = found_in(store, uuid5(TIMEBUCKETS, part))
    assert (SECONDS[size], "BucketListed", f'"{boundary}"') in listed
    if unit is not None:
        units = found_in(store, uuid5(TIMEBUCKETS, index))
        assert (SECONDS[UNITS[size]], "BucketListed", f'"{unit}"') in units


if __name__ == "__main__":
    print(dump(), end="")  # noqa: T201  # because this is how the file was made
