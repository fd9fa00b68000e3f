"""Scenarios: what is given, what a command does, what must come of it, and what is said where it does not."""

from __future__ import annotations

import contextvars
import gc
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID
from weakref import WeakKeyDictionary

import pytest
from attrs import define, field, frozen, validators

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AggregateRootWithECC,
    AttributeChanged,
    Codec,
    Collection,
    Command,
    Discarded,
    ECCEvent,
    HashchainedAggregateRoot,
    HashchainedEvent,
    ModelError,
    PayloadError,
    TypeHook,
    applies,
    attribute,
    caused_by,
    ignores,
    publish,
    using_clock,
    using_ids,
)
from esmodel.exceptions import UnsupportedTypeError
from esmodel.model import Done, EntityWithHashchain
from esmodel.model.stored import begin
from esmodel.structures import CollectionCreated, ItemAdded, ItemRemoved
from esmodel.testing.scenarios import (
    EventChangedError,
    FixedClock,
    FixedIds,
    ScenarioError,
    UnsettledWarning,
    scenario,
    scenarios_settled,
)


@frozen(kw_only=True)
class Opened(AggregateEvent):
    owner: str


@frozen(kw_only=True)
class Deposited(AggregateEvent):
    cents: int = field(validator=validators.gt(0))
    currency: str = "EUR"


@frozen(kw_only=True)
class Weighed(AggregateEvent):
    weights: tuple[float, ...]


AccountEvent = Opened | Deposited | Weighed


@define
class Account(AggregateRoot[AccountEvent]):
    owner: str
    balance: int = 0
    weights: tuple[float, ...] = ()
    _limit: int = 0
    looked_at: int = field(default=0, eq=False)

    @classmethod
    def open(cls, owner: str) -> Self:
        if not owner:
            raise ValueError("no owner")
        return cls.create(Opened, owner=owner)

    def deposit(self, cents: int) -> None:
        if cents <= 0:
            raise ValueError(f"a deposit must be positive, not {cents}")
        self.trigger(Deposited, cents=cents)

    def deposit_twice(self, cents: int) -> None:
        self.deposit(cents)
        self.deposit(cents)

    def deposit_and_break(self, cents: int) -> None:
        self.deposit(cents)
        raise LookupError("broken")

    def weigh(self, *weights: float) -> None:
        self.trigger(Weighed, weights=weights)

    def cheat(self) -> None:
        self.balance = 1_000

    @attribute
    def limit(self) -> int:
        return self._limit

    @applies
    def opened(self, event: Opened) -> None:
        self.owner = event.owner

    @applies
    def deposited(self, event: Deposited) -> None:
        self.balance += event.cents

    @applies
    def weighed(self, event: Weighed) -> None:
        self.weights = event.weights

    apply = (opened | deposited | weighed).exhaustive


OPENED = scenario(Account).given(Opened, owner="Ada")


# --- what holds ------------------------------------------------------------------------------------


def test_a_command_is_followed_by_its_event() -> None:
    OPENED.when(lambda account: account.deposit(500)).then(Deposited, cents=500, currency="EUR")


def test_a_default_of_the_payload_need_not_be_said() -> None:
    OPENED.when(lambda account: account.deposit(500)).then(Deposited, cents=500)


def test_several_events_are_asked_for_in_order() -> None:
    (
        OPENED.given(Deposited, cents=1)
        .when(lambda account: account.deposit_twice(5))
        .then(Deposited, cents=5)
        .then(Deposited, cents=5)
        .then_nothing_more()
        .then_state(lambda account: account.balance == 11)
        .then_state(lambda account: account.balance, equals=11)
    )


def test_where_nothing_is_given_the_command_creates() -> None:
    scenario(Account).when(lambda: Account.open("Ada")).then(Opened, owner="Ada")
    scenario(Account).when(lambda: Account.open("")).then_raises(ValueError, match="no owner")


def test_what_was_given_can_be_made_by_commands() -> None:
    given = scenario(Account).given_by(lambda: Account.open("Ada")).given_by(lambda it: it.deposit_twice(5))

    assert [type(each) for each in given.events] == [Opened, Deposited, Deposited]
    given.when(lambda account: account.deposit(1)).then_state(lambda account: account.balance, equals=11)


def test_nothing_and_an_error_are_asked_for() -> None:
    OPENED.when(lambda _: None).then_nothing()
    OPENED.when(lambda account: account.deposit(0)).then_raises(ValueError)
    OPENED.when(lambda account: account.deposit(0)).then_raises((LookupError, ValueError), match="positive")


def test_an_aggregate_before_its_first_event_has_none() -> None:
    scenario(Account).when(lambda: begin(Account, UUID(int=1))).then_nothing()


def test_nan_is_equal_to_itself_here() -> None:
    OPENED.when(lambda account: account.weigh(float("nan"), 1.0)).then(Weighed, weights=(float("nan"), 1.0))


def test_one_scenario_serves_many_tests() -> None:
    before = OPENED.events
    OPENED.when(lambda account: account.deposit(5)).then(Deposited, cents=5)

    assert OPENED.events == before
    OPENED.when(lambda account: account.deposit(6)).then(Deposited, cents=6).then_nothing_more()


def test_the_header_is_looked_at_where_that_is_asked_for() -> None:
    clock, ids = FixedClock(), FixedIds()
    with using_clock(clock), using_ids(ids):
        given = scenario(Account).given(Opened, owner="Ada")
        clock.advance(timedelta(days=1))
        outcome = given.when(lambda account: account.deposit(5)).then(Deposited, cents=5)

    outcome.with_header(
        originator_id=ids[1], originator_version=1, timestamp=datetime(2026, 1, 2, tzinfo=UTC)
    )


def test_what_the_library_triggers_is_asked_for_too() -> None:
    OPENED.when(Account.discard).then(Discarded)
    OPENED.when(lambda account: setattr(account, "limit", 5)).then(AttributeChanged, name="limit", value=5)
    OPENED.given(Discarded).when(lambda account: account.deposit(5)).then_raises(Exception, match="discarded")
    OPENED.given(AttributeChanged, name="limit", value=7).when(lambda _: None).then_state(
        lambda account: account.limit, equals=7
    )


def test_events_and_aggregate_can_be_looked_at_freely() -> None:
    outcome = OPENED.when(lambda account: account.deposit(5))

    assert [type(each) for each in outcome.events] == [Deposited]
    assert outcome.aggregate.balance == 5


def test_a_field_that_is_no_part_of_equality_is_none_of_the_state() -> None:
    OPENED.when(lambda account: setattr(account, "looked_at", 5)).then_nothing()


# --- every kind of aggregate -----------------------------------------------------------------------


@frozen(kw_only=True)
class Signed(HashchainedEvent):
    text: str


@define
class Contract(HashchainedAggregateRoot[Signed]):
    signed = ignores(Signed)
    apply = signed.exhaustive


@frozen(kw_only=True)
class Told(ECCEvent):
    text: str


@define
class Story(AggregateRootWithECC[Told]):
    told = ignores(Told)
    apply = told.exhaustive


@frozen(kw_only=True)
class Asked(AggregateEvent):
    pass


@define
class Request(Command[Asked]):
    asked = ignores(Asked)
    apply = asked.exhaustive


def test_a_hash_chain_is_told_like_any_other() -> None:
    scenario(Contract).given(Signed, text="a").given(Signed, text="b").when(
        lambda contract: contract.trigger(Signed, text="c")
    ).then(Signed, text="c").with_header(originator_version=2)


def test_causes_are_a_matter_of_the_header() -> None:
    with using_ids(FixedIds()):
        cause = Story.create(Told, text="first").pending_events[0]
        assert isinstance(cause, Told)
        with caused_by(cause):
            outcome = scenario(Story).when(lambda: Story.create(Told, text="second"))

    outcome.then(Told, text="second").with_header(
        causation_id=cause.event_id, correlation_id=cause.correlation_id, event_id=FixedIds()[4]
    )
    scenario(Story).given(Told, text="x").when(lambda story: story.trigger(Told, text="y")).then(
        Told, text="y"
    ).with_header(causation_id=None)


def test_a_command_is_done() -> None:
    asked = scenario(Request).given(Asked)
    asked.when(Request.done).then(Done).then_state(lambda request: request.is_done)
    asked.given(Done).when(Request.done).then_nothing()


def test_a_generic_aggregate_is_named_with_its_types() -> None:
    tags = scenario(Collection[str])
    tags.when(Collection[str].register).then(CollectionCreated)
    tags.given(CollectionCreated).given(ItemAdded[str], item="a").when(lambda it: it.remove_item("a")).then(
        ItemRemoved[str], item="a"
    )


# --- what does not hold ----------------------------------------------------------------------------


def test_a_failure_shows_both_histories_and_marks_the_field() -> None:
    with pytest.raises(ScenarioError) as caught:
        OPENED.when(lambda account: account.deposit(400)).then(Deposited, cents=500)

    assert str(caught.value) == (
        "Account: expected Deposited with cents 500, found 400\n"
        "\n"
        "      expected         | found\n"
        "   0  Opened           | Opened            given\n"
        "        owner='Ada'    |   owner='Ada'\n"
        "   1  Deposited        | Deposited\n"
        ">       cents=500      |   cents=400\n"
        "        currency='EUR' |   currency='EUR'"
    )


def test_a_failure_marks_an_event_of_another_class() -> None:
    with pytest.raises(ScenarioError) as caught:
        OPENED.when(lambda account: account.deposit_twice(5)).then(Deposited, cents=5).then(
            Weighed, weights=()
        )

    assert str(caught.value).startswith("Account: expected Weighed, found Deposited\n\n")
    assert str(caught.value).endswith(
        ">  2  Weighed          | Deposited\n"
        ">       weights=()     |\n"
        ">                      |   cents=5\n"
        ">                      |   currency='EUR'"
    )


def test_a_failure_writes_a_long_value_in_full() -> None:
    long = "x" * 60
    with pytest.raises(ScenarioError) as caught:
        scenario(Account).when(lambda: Account.open(f"{long}y")).then(Opened, owner=f"{long}z")

    assert str(caught.value).endswith(
        f"owner, in full:\n  expected '{long}z'\n  found    '{long}y'",
    )
    assert f"owner='{'x' * 38}... |" in str(caught.value)


@pytest.mark.parametrize(
    ("ask", "finding"),
    [
        (lambda: OPENED.when(lambda _: None).then(Deposited, cents=5), "expected Deposited, found no event"),
        (lambda: OPENED.when(lambda it: it.deposit(5)).then_nothing(), "expected no event, found Deposited"),
        (
            lambda: OPENED.when(lambda it: it.deposit_twice(5)).then(Deposited, cents=5).then_nothing_more(),
            "expected no more events, found Deposited",
        ),
        (
            lambda: OPENED.when(lambda it: it.deposit(0)).then(Deposited, cents=5),
            "expected Deposited, found ValueError: a deposit must be positive, not 0",
        ),
        (
            lambda: OPENED.when(lambda it: it.deposit(0)).then_nothing(),
            "expected no event, found ValueError: ",
        ),
        (
            lambda: OPENED.when(lambda it: it.deposit(0)).then_state(lambda it: it.balance == 0),
            "expected a state, found ValueError: ",
        ),
        (
            lambda: OPENED.when(lambda it: it.deposit(5)).then_raises(ValueError),
            "expected ValueError, ",
        ),
        (
            lambda: OPENED.when(lambda it: it.deposit(0)).then_raises(LookupError),
            "expected LookupError, found ValueError: ",
        ),
        (
            lambda: OPENED.when(lambda it: it.deposit(0)).then_raises((KeyError, TypeError)),
            "expected KeyError or TypeError, found ValueError: ",
        ),
        (
            lambda: OPENED.when(lambda it: it.deposit(0)).then_raises(ValueError, match="negative"),
            "expected ValueError that matches 'negative', found ValueError: ",
        ),
        (
            lambda: OPENED.when(lambda it: it.deposit_and_break(5)).then_raises(LookupError),
            "expected LookupError and no event, found Deposited before it",
        ),
        (
            lambda: OPENED.when(lambda it: it.deposit(5)).then_state(lambda it: it.balance == 6),
            "expected the state to give True, found False:\n  owner = 'Ada'\n  balance = 5\n",
        ),
        (
            lambda: OPENED.when(lambda it: it.deposit(5)).then_state(lambda it: it.balance, equals=6),
            "expected the state to give 6, found 5:\n",
        ),
        (
            lambda: (
                OPENED.when(lambda it: it.deposit(5))
                .then(Deposited, cents=5)
                .with_header(originator_version=7)
            ),
            "expected Deposited with originator_version 7, found 1",
        ),
        (
            lambda: (
                OPENED.when(lambda it: it.deposit(5))
                .then(Deposited, cents=5)
                .with_header(event_id=UUID(int=1))
            ),
            "expected Deposited to have event_id in its header, found none there",
        ),
        (
            lambda: OPENED.when(lambda _: None).with_header(originator_version=7),
            "expected a header, found no event before it",
        ),
    ],
)
def test_what_does_not_hold_is_said(ask: Callable[[], object], finding: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        ask()

    assert str(caught.value).startswith(f"Account: {finding}")


def test_an_error_of_the_command_is_the_cause_of_the_failure() -> None:
    with pytest.raises(ScenarioError) as caught:
        OPENED.when(lambda account: account.deposit(0)).then_nothing()

    assert isinstance(caught.value.__cause__, ValueError)


def test_a_command_that_changes_the_state_without_an_event_is_found() -> None:
    with pytest.raises(ScenarioError, match=r"than its events make\n  balance: expected 0, found 1000\n"):
        OPENED.when(Account.cheat)


def test_a_command_that_collects_its_events_is_found() -> None:
    def deposit_and_save(account: Account) -> None:
        account.deposit(5)
        publish(account.collect_events())

    with pytest.raises(ScenarioError, match="expected 1 pending events, found 0"):
        OPENED.when(deposit_and_save)


def test_an_aggregate_of_another_class_is_found() -> None:
    found: Account = getattr(Box, "found")  # noqa: B009  # because its type is hidden from the checker
    with pytest.raises(ScenarioError, match="expected a Account, found 5"):
        scenario(Account).when(lambda: found)


class Box:
    found = 5
    event_class = 5


def test_what_is_no_aggregate_has_no_scenario() -> None:
    with pytest.raises(ModelError, match="Box: expected an aggregate"):
        scenario(getattr(Holder, "box"))  # noqa: B009  # because its type is hidden from the checker


class Holder:
    box = Box


def test_what_is_no_class_of_events_is_refused() -> None:
    outcome = OPENED.when(lambda _: None)
    ask: Callable[[object], object] = getattr(outcome, "then")  # noqa: B009  # because its type is hidden
    with pytest.raises(ModelError, match="then: expected a class of events and its payload, found 5"):
        ask(5)


def test_an_expected_payload_is_validated_as_any() -> None:
    with pytest.raises(ValueError, match="must be > 0"):
        OPENED.when(lambda account: account.deposit(5)).then(Deposited, cents=-5)


def test_an_entity_that_publishes_as_it_triggers_has_no_scenario() -> None:
    @define
    class Note(EntityWithHashchain[Signed]):
        signed = ignores(Signed)
        apply = signed.exhaustive

    with pytest.raises(ModelError, match="Note: expected an aggregate"):
        scenario(Note)  # type: ignore[type-var]  # because it is to be refused


# --- what cannot be stored -------------------------------------------------------------------------


CENTS: WeakKeyDictionary[Money, int] = WeakKeyDictionary()


class Money:
    """Keeps its cents elsewhere, and has no ``__eq__``, so that a hook cannot see what it loses."""

    __slots__ = ("__weakref__",)

    def __init__(self, cents: int) -> None:
        CENTS[self] = cents

    @property
    def cents(self) -> int:
        return CENTS[self]


def whole(money: Money) -> str:
    return str(money.cents // 100)


@frozen(kw_only=True)
class Rounded(
    AggregateEvent, codec=Codec(TypeHook(Money, encode=whole, decode=lambda text: Money(int(text))))
):
    money: Money


@frozen(kw_only=True)
class Unreadable(
    AggregateEvent, codec=Codec(TypeHook(Money, encode=whole, decode=lambda text: Money(int(f"{text}!"))))
):
    money: Money


@define
class Purse(AggregateRoot[Rounded | Unreadable | Opened]):
    rounded = ignores(Rounded)
    unreadable = ignores(Unreadable)
    opened = ignores(Opened)
    apply = (rounded | unreadable | opened).exhaustive


def test_a_hook_that_loses_something_is_found_in_what_a_command_triggers() -> None:
    given = scenario(Purse).given(Opened, owner="Ada")
    with pytest.raises(EventChangedError, match="Rounded does not come back from its stored form") as caught:
        given.when(lambda purse: purse.trigger(Rounded, money=Money(5)))

    assert "mend the hook of the type, or give the type an __eq__" in str(caught.value)


def test_a_hook_that_loses_something_is_found_in_what_is_given() -> None:
    with pytest.raises(EventChangedError, match="money: expected <"):
        scenario(Purse).given(Rounded, money=Money(5))


def test_a_hook_that_cannot_read_what_it_wrote_is_found() -> None:
    with pytest.raises(PayloadError, match=r"Unreadable\.money: its TypeHook cannot carry .*ValueError"):
        scenario(Purse).given(Unreadable, money=Money(5))


def test_a_value_that_cannot_be_stored_is_found() -> None:
    scenario(Account).when(lambda: Account.open("\ud800")).then_raises(PayloadError, match="surrogates")


def test_a_list_in_the_place_of_a_sequence_comes_back() -> None:
    given = scenario(Row).given(Numbered, numbers=[1])
    given.when(lambda row: row.trigger(Numbered, numbers=(2,))).then(Numbered, numbers=(2,))


@frozen(kw_only=True)
class Numbered(AggregateEvent):
    numbers: Sequence[int]


@define
class Row(AggregateRoot[Numbered]):
    numbered = ignores(Numbered)
    apply = numbered.exhaustive


@frozen(kw_only=True)
class Opaque(AggregateEvent):
    what: Money


@define
class Case(AggregateRoot[Opaque]):
    opaque = ignores(Opaque)
    apply = opaque.exhaustive


def test_a_type_that_cannot_be_stored_is_found_before_anything_runs() -> None:
    with pytest.raises(UnsupportedTypeError, match=r"Opaque\.what: the codec cannot carry Money"):
        scenario(Case)


# --- what is forgotten -----------------------------------------------------------------------------

FORGOTTEN: dict[str, tuple[Callable[[], object], str]] = {
    "no then": (
        lambda: OPENED.when(lambda account: account.deposit(5)),
        "Account: when(...) triggered Deposited, and no then(...) asserted it.",
    ),
    "one then of two": (
        lambda: OPENED.when(lambda account: account.deposit_twice(5)).then(Deposited, cents=5),
        "Account: when(...) triggered Deposited, and no then(...) asserted it.",
    ),
    "no event": (
        lambda: OPENED.when(lambda _: None),
        "Account: when(...) triggered nothing, and no then_nothing() asserted it.",
    ),
    "an error": (
        lambda: scenario(Account).when(lambda: Account.open("")),
        "Account: when(...) raised ValueError: no owner, and no then_raises(...) asserted it.",
    ),
}
each_forgotten = pytest.mark.parametrize(("run", "complaint"), FORGOTTEN.values(), ids=list(FORGOTTEN))


@each_forgotten
def test_what_is_not_asked_for_fails_at_the_end_of_the_block(
    run: Callable[[], object], complaint: str
) -> None:
    with pytest.raises(ScenarioError) as caught, scenarios_settled():
        run()

    assert str(caught.value) == complaint


@each_forgotten
def test_what_is_not_asked_for_is_a_warning_where_nobody_watches(
    run: Callable[[], object], complaint: str
) -> None:
    def alone() -> None:
        with warnings.catch_warnings(record=True, action="always") as caught:
            run()
            gc.collect()
        assert [(each.category, str(each.message)) for each in caught] == [(UnsettledWarning, complaint)]

    contextvars.Context().run(alone)


def test_an_error_inside_the_block_is_not_hidden_by_what_was_not_asked_for() -> None:
    def run() -> None:
        OPENED.when(lambda account: account.deposit(5))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), scenarios_settled():
        run()


def test_a_failure_is_reported_once() -> None:
    with scenarios_settled(), pytest.raises(ScenarioError):
        OPENED.when(lambda account: account.deposit_twice(5)).then(Opened, owner="Ada")


def test_an_outcome_says_whether_it_was_asked_for() -> None:
    outcome = OPENED.when(lambda account: account.deposit(5))
    assert repr(outcome) == "<Outcome of Account: 1 event, not all asserted>"
    outcome.then(Deposited, cents=5)
    assert repr(outcome) == "<Outcome of Account: 1 event, all asserted>"
    refused = OPENED.when(lambda account: account.deposit(0)).then_raises(ValueError)
    assert repr(refused).startswith("<Outcome of Account: ValueError('a deposit must be")
