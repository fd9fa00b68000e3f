"""Seats of a room, booked; and a table of what is free, kept by reading on.

Run it with ``python examples/booking.py [FOLDER]``. Two aggregates keep each their own rule: a room
never holds more seats than it has, and a booking is confirmed or refused once. What concerns both is
done in steps, each of which can be repeated. The read model is a projection: it remembers the number
of the last row it has seen, in the same transaction as what it made of it, so that it can be stopped
at any moment.
"""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Final, Self, TypeAlias
from uuid import UUID

from attrs import define, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    ConcurrencyError,
    DomainEvent,
    EventSourcedRepository,
    applies,
    ignores,
    retry,
)
from esmodel.exceptions import UnknownEventError
from esmodel.repositories import EventMapper
from esmodel.rows import Record, SupportsReadAll
from esmodel.stores.sqlite import SQLiteStore

# --- a room ----------------------------------------------------------------------------------------


@frozen
class RoomOpened(AggregateEvent, name="room.opened"):
    name: str
    seats: int


@frozen
class SeatsHeld(AggregateEvent, name="room.seats_held"):
    booking_id: UUID
    seats: int


@frozen
class SeatsFreed(AggregateEvent, name="room.seats_freed"):
    booking_id: UUID
    seats: int


class FullError(Exception):
    """There are fewer seats left than were asked for."""


RoomEvent: TypeAlias = RoomOpened | SeatsHeld | SeatsFreed


@define
class Room(AggregateRoot[RoomEvent]):
    name: str
    seats: int
    held: dict[UUID, int]

    @classmethod
    def open(cls, name: str, seats: int) -> Self:
        return cls.create(RoomOpened, name=name, seats=seats)

    @property
    def free(self) -> int:
        return self.seats - sum(self.held.values())

    def hold(self, booking_id: UUID, seats: int) -> None:
        if booking_id in self.held:
            return  # done already: a step may be repeated
        if not 0 < seats <= self.free:
            raise FullError(f"{self.name}: asked for {seats} seats, {self.free} are free")
        self.trigger(SeatsHeld, booking_id=booking_id, seats=seats)

    def let_go(self, booking_id: UUID) -> None:
        if booking_id in self.held:
            self.trigger(SeatsFreed, booking_id=booking_id, seats=self.held[booking_id])

    @applies
    def opened(self, event: RoomOpened) -> None:
        self.name = event.name
        self.seats = event.seats
        self.held = {}

    @applies
    def seats_held(self, event: SeatsHeld) -> None:
        self.held[event.booking_id] = event.seats

    @applies
    def seats_freed(self, event: SeatsFreed) -> None:
        del self.held[event.booking_id]

    apply = (opened | seats_held | seats_freed).exhaustive


# --- a booking -------------------------------------------------------------------------------------


@frozen
class Requested(AggregateEvent, name="booking.requested"):
    room_id: UUID
    guest: str
    seats: int


@frozen
class Confirmed(AggregateEvent, name="booking.confirmed"):
    pass


@frozen
class Refused(AggregateEvent, name="booking.refused"):
    reason: str


@frozen
class Cancelled(AggregateEvent, name="booking.cancelled"):
    pass


BookingEvent: TypeAlias = Requested | Confirmed | Refused | Cancelled


@define
class Booking(AggregateRoot[BookingEvent]):
    room_id: UUID
    guest: str
    seats: int
    status: str = "open"

    @classmethod
    def request(cls, room_id: UUID, guest: str, seats: int) -> Self:
        return cls.create(Requested, room_id=room_id, guest=guest, seats=seats)

    def confirm(self) -> None:
        if self.status == "open":
            self.trigger(Confirmed)

    def refuse(self, reason: str) -> None:
        if self.status == "open":
            self.trigger(Refused, reason=reason)

    def cancel(self) -> None:
        if self.status in {"open", "confirmed"}:
            self.trigger(Cancelled)

    @applies
    def requested(self, event: Requested) -> None:
        self.room_id = event.room_id
        self.guest = event.guest
        self.seats = event.seats

    @applies
    def confirmed(self, event: Confirmed) -> None:
        self.status = "confirmed"

    @applies
    def refused(self, event: Refused) -> None:
        self.status = "refused"

    @applies
    def cancelled(self, event: Cancelled) -> None:
        self.status = "cancelled"

    apply = (requested | confirmed | refused | cancelled).exhaustive


# --- what is done with both ------------------------------------------------------------------------


class Desk:
    """Takes bookings. Where it is stopped between two steps, ``settle`` goes on."""

    def __init__(self, store: SQLiteStore) -> None:
        self.rooms = EventSourcedRepository(Room, store)
        self.bookings = EventSourcedRepository(Booking, store)

    def book(self, room_id: UUID, guest: str, seats: int) -> UUID:
        booking = Booking.request(room_id, guest, seats)
        self.bookings.save(booking)
        self.settle(booking.id)
        return booking.id

    @retry(ConcurrencyError, attempts=10)
    def settle(self, booking_id: UUID) -> None:
        booking = self.bookings[booking_id]
        if booking.status == "cancelled":  # meanwhile: seats may be held that nobody wants
            self._let_go(booking.room_id, booking_id)
        if booking.status != "open":
            return
        try:
            self._hold(booking.room_id, booking_id, booking.seats)
        except FullError as error:
            booking.refuse(str(error))
        else:
            booking.confirm()
        self.bookings.save(booking)

    @retry(ConcurrencyError, attempts=10)
    def cancel(self, booking_id: UUID) -> None:
        booking = self.bookings[booking_id]
        booking.cancel()
        self.bookings.save(booking)
        self._let_go(booking.room_id, booking_id)

    @retry(ConcurrencyError, attempts=10)
    def _hold(self, room_id: UUID, booking_id: UUID, seats: int) -> None:
        room = self.rooms[room_id]
        room.hold(booking_id, seats)
        self.rooms.save(room)

    @retry(ConcurrencyError, attempts=10)
    def _let_go(self, room_id: UUID, booking_id: UUID) -> None:
        room = self.rooms[room_id]
        room.let_go(booking_id)
        self.rooms.save(room)


# --- the read model --------------------------------------------------------------------------------

SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS room (id TEXT PRIMARY KEY, name TEXT, seats INTEGER, free INTEGER);
    CREATE TABLE IF NOT EXISTS seen (number INTEGER);
    INSERT INTO seen SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM seen);
"""


class FreeSeats:
    """A table of the free seats of each room; thrown away, it makes itself again."""

    def __init__(self, path: Path, store: SupportsReadAll) -> None:
        self._rows = sqlite3.connect(path)
        self._store = store
        self._rows.executescript(SCHEMA)

    def seen(self) -> int:
        number: int = self._rows.execute("SELECT number FROM seen").fetchone()[0]
        return number

    def catch_up(self, limit: int | None = None) -> int:
        """Read on from the last number, and return how many rows that were."""
        count = 0
        for number, row in self._store.read_all(after=self.seen(), limit=limit):
            with self._rows:  # one transaction: what is made of the row, and that it was seen
                event = event_of(row)
                if event is not None:
                    self.apply(self, event)
                self._rows.execute("UPDATE seen SET number = ?", (number,))
            count += 1
        return count

    def free(self) -> dict[str, int]:
        found: list[tuple[str, int]] = self._rows.execute("SELECT name, free FROM room").fetchall()
        return dict(found)

    def close(self) -> None:
        self._rows.close()

    @applies
    def opened(self, event: RoomOpened) -> None:
        row = (str(event.originator_id), event.name, event.seats, event.seats)
        self._rows.execute("INSERT INTO room VALUES (?, ?, ?, ?)", row)

    @applies
    def seats_held(self, event: SeatsHeld) -> None:
        self._add(event.originator_id, -event.seats)

    @applies
    def seats_freed(self, event: SeatsFreed) -> None:
        self._add(event.originator_id, event.seats)

    others = ignores(DomainEvent)

    apply = opened | seats_held | seats_freed | others

    def _add(self, room_id: UUID, seats: int) -> None:
        self._rows.execute("UPDATE room SET free = free + ? WHERE id = ?", (seats, str(room_id)))


ROOM_ROWS: Final = EventMapper(Room)


def event_of(row: Record) -> DomainEvent | None:
    """Return the event of a row of a room, upcast where it is old; ``None`` for all other rows."""
    try:
        return ROOM_ROWS.event(row)
    except UnknownEventError:  # the row of a booking
        return None


def main(folder: Path) -> None:
    with SQLiteStore(folder / "bookings.db") as store:
        desk = Desk(store)
        blue = Room.open("Blue", seats=10)
        desk.rooms.save(blue)
        first = desk.book(blue.id, "Ada", 6)
        second = desk.book(blue.id, "Bob", 6)
        print(f"Ada: {desk.bookings[first].status}; Bob: {desk.bookings[second].status}")
        with closing(FreeSeats(folder / "free.db", store)) as table:
            table.catch_up()
            print(table.free())
        desk.cancel(first)
        with closing(FreeSeats(folder / "free.db", store)) as table:  # a restart
            print(f"{table.catch_up()} rows more, {table.free()}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
