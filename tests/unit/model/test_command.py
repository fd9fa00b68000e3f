"""A command is done or not."""

from __future__ import annotations

import pytest
from attrs import define, frozen

from esmodel import AggregateEvent, Command, EntityIsDiscarded, EventSourcedRepository, applies
from esmodel.model import Done
from esmodel.stores.memory import MemoryStore


@frozen(kw_only=True)
class Asked(AggregateEvent):
    what: str


@define
class Request(Command[Asked]):
    what: str

    @applies
    def asked(self, event: Asked) -> None:
        self.what = event.what

    apply = asked.exhaustive


def ask() -> Request:
    return Request.create(Asked, what="a report")


def test_a_command_begins_undone() -> None:
    assert not ask().is_done


def test_a_command_that_is_done_stays_done() -> None:
    request = ask()
    request.done()
    assert request.is_done
    assert [type(each) for each in request.pending_events] == [Asked, Done]


def test_doing_it_twice_triggers_one_event() -> None:
    request = ask()
    request.done()
    before = request.pending_events
    request.done()
    assert request.pending_events == before
    assert request.version == 1


def test_a_command_is_done_after_replay_and_in_its_repository() -> None:
    request = ask()
    request.done()
    assert Request.replay(request.pending_events) == request
    requests = EventSourcedRepository(Request, MemoryStore())
    requests.save(request)
    assert requests[request.id].is_done
    assert not requests.get_entity(request.id, at=0).is_done


def test_two_commands_differ_where_one_is_done() -> None:
    request = ask()
    other = Request.replay(request.pending_events)
    assert request == other
    other.done()
    assert request != other


def test_a_discarded_command_cannot_be_done() -> None:
    request = ask()
    request.discard()
    with pytest.raises(EntityIsDiscarded):
        request.done()
    assert not request.is_done
