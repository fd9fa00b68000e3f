"""Random sequences of calls on aggregates, by a writer that remembers what was acknowledged."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias
from uuid import UUID, uuid4

from attrs import define, field, frozen
from worker_process import Parent

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    ConcurrencyError,
    EsmodelError,
    EventSourcedRepository,
    PayloadError,
    RepositoryKeyError,
    applies,
)
from esmodel.rows import SnapshottingRecordStore
from esmodel.stores.postgres import PostgresStore
from esmodel.stores.sqlite import SQLiteStore


def streams_of(seed: int) -> tuple[UUID, ...]:
    """Return the streams that the writers of one round share."""
    return tuple(UUID(int=(seed << 8) + number) for number in range(3))


@frozen
class Noted(AggregateEvent):
    words: list[str]


@frozen
class Counted(AggregateEvent):
    token: str


@define
class Notes(AggregateRoot[Noted | Counted]):
    tokens: list[str] = field(factory=list[str])

    def note(self, token: str) -> None:
        words = [token]
        self.trigger(Noted, words=words)
        words.append("changed by the caller")

    @applies
    def noted(self, event: Noted) -> None:
        self.tokens += event.words
        event.words.append("changed by the handler")

    @applies
    def counted(self, event: Counted) -> None:
        self.tokens.append(event.token)
        if event.token.endswith("refused"):
            raise ZeroDivisionError(event.token)

    apply = (noted | counted).exhaustive


_HALF: Final = 0.5

CALLS: Final = 40
"""The length of a sequence."""

Acknowledged: TypeAlias = tuple[int, UUID, str]
"""The number of the store, the stream and the token of a stored event."""


class Writer:
    """Makes random calls on aggregates that it creates, loads and copies.

    Attributes:
        acknowledged: what saves acknowledged, in order.
    """

    def __init__(self, name: str, seed: int, stores: Sequence[SnapshottingRecordStore]) -> None:
        self.acknowledged: list[Acknowledged] = []
        self._name = name
        self._random = random.Random(f"{seed}-{name}")
        self._repositories = [EventSourcedRepository(Notes, each, snapshot_every=4) for each in stores]
        self._streams = streams_of(seed)
        self._known: list[Notes] = []
        self._count = 0

    def run(self) -> None:
        """Make calls; an error of ours is an answer, any other is a failure."""
        choices: list[Callable[[], None]] = [
            self._create, self._load, self._load, self._note, self._note, self._note, self._count_one,
            self._trigger_wrongly, self._fail_in_the_handler, self._copy, self._collect, self._snapshot,
            self._save, self._save, self._save, self._save, self._save_elsewhere,
        ]  # fmt: skip
        for _ in range(CALLS):
            try:
                self._random.choice(choices)()
            except EsmodelError:
                continue
            del self._known[:-4]

    def _token(self) -> str:
        self._count += 1
        return f"{self._name}-{self._count}"

    def _any(self) -> Notes:
        if not self._known:
            self._create()
        return self._random.choice(self._known)

    def _create(self) -> None:
        stream = self._random.choice([*self._streams, uuid4()])
        self._known.append(Notes.create_with_id(stream, Counted, token=self._token()))

    def _load(self) -> None:
        try:
            self._known.append(self._repositories[0][self._random.choice(self._streams)])
        except RepositoryKeyError:
            self._create()

    def _note(self) -> None:
        self._any().note(self._token())

    def _count_one(self) -> None:
        self._any().trigger(Counted, token=self._token())

    def _trigger_wrongly(self) -> None:
        notes = self._any()
        before = notes.version, len(notes.pending_events)
        try:
            notes.trigger(Counted, token="\ud800")  # noqa: S106  # because it is no password
        except PayloadError:
            assert (notes.version, len(notes.pending_events)) == before

    def _fail_in_the_handler(self) -> None:
        notes = self._any()
        try:
            notes.trigger(Counted, token=f"{self._token()}-refused")
        except ZeroDivisionError:
            self._refused(notes)

    def _refused(self, notes: Notes) -> None:
        """Check that a half-changed aggregate is of no use any more."""
        calls: list[Callable[[], None]] = [
            lambda: notes.note("none"),
            lambda: self._repositories[0].save(notes),
        ]
        for call in calls:
            try:
                call()
            except EsmodelError:
                continue
            raise AssertionError("an aggregate whose handler raised took a call")
        self._known = [each for each in self._known if each is not notes]

    def _copy(self) -> None:
        notes = self._any()
        self._known.append(copy.copy(notes) if self._random.random() < _HALF else copy.deepcopy(notes))

    def _collect(self) -> None:
        self._any().collect_events()

    def _snapshot(self) -> None:
        self._repositories[0].take_snapshot(self._random.choice(self._streams))

    def _save(self) -> None:
        self._save_in(0, self._any())

    def _save_elsewhere(self) -> None:
        notes = self._any()
        if len(notes.pending_events) <= notes.version:
            return  # a stream of two stores is a mistake that no store can see
        self._save_in(1, notes)
        self._known = [each for each in self._known if each is not notes]

    def _save_in(self, number: int, notes: Notes) -> None:
        tokens = [token_of(each) for each in notes.pending_events]
        try:
            self._repositories[number].save(notes)
        except ConcurrencyError:
            assert [token_of(each) for each in notes.pending_events] == tokens
            self._known = [each for each in self._known if each is not notes]
            return
        assert notes.pending_events == ()
        self.acknowledged += [(number, notes.id, token) for token in tokens]


def token_of(event: object) -> str:
    """Return the token of an event."""
    if isinstance(event, Noted):
        (word,) = event.words
        return word
    assert isinstance(event, Counted)
    return event.token


def write_in_sqlite(parent: Parent, name: str, seeds: range, path: str) -> None:
    """Make random calls with two files, and say what was acknowledged."""
    with SQLiteStore(path) as store, SQLiteStore(f"{path}-other") as other:
        _write(parent, name, seeds, [store, other])


def write_in_postgres(parent: Parent, name: str, seeds: range, address: str) -> None:
    """Make random calls with two schemas, and say what was acknowledged."""
    with (
        PostgresStore(address, schema="main") as store,
        PostgresStore(address, schema="other") as other,
    ):
        _write(parent, name, seeds, [store, other])


def _write(parent: Parent, name: str, seeds: range, stores: Sequence[SnapshottingRecordStore]) -> None:
    parent.wait_for_go()
    for seed in seeds:
        writer = Writer(name, seed, stores)
        writer.run()
        for number, stream, token in writer.acknowledged:
            parent.say(f"{seed} {number} {stream} {token}")
