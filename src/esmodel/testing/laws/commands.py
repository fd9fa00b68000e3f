"""Random commands on a user's own aggregate, and the laws that must hold after them.

The laws are those of ``esmodel.testing.laws.history.LAWS``. Needs ``esmodel[testing]``.
"""

from __future__ import annotations

import inspect
import sys
import unittest
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final, Generic, Protocol, TypeAlias, TypeVar, overload

from attrs import frozen
from hypothesis import settings as Settings  # noqa: N812  # because it is a class
from hypothesis import stateful
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, run_state_machine_as_test
from hypothesis.strategies import SearchStrategy
from typing_extensions import override

from esmodel.clock import using_clock
from esmodel.exceptions import EntityIsDiscarded, ModelError
from esmodel.ids import using_ids
from esmodel.model.apply import Handler
from esmodel.model.repository import EntityRepository
from esmodel.model.stored import StoredAggregate
from esmodel.stores.memory import MemoryStore
from esmodel.testing.laws.history import History
from esmodel.testing.scenarios.clock import FixedClock, FixedIds

TAggregate = TypeVar("TAggregate", bound=StoredAggregate)
TAggregate_contra = TypeVar("TAggregate_contra", bound=StoredAggregate, contravariant=True)
A1 = TypeVar("A1")
A2 = TypeVar("A2")
A3 = TypeVar("A3")
A4 = TypeVar("A4")
Errors: TypeAlias = type[Exception] | tuple[type[Exception], ...]
"""A class of errors, or several, as ``except`` takes them."""


@frozen
class _Step:
    """Something to call, with strategies for its arguments, by the names of its parameters."""

    call: Handler
    arguments: Mapping[str, SearchStrategy[object]]
    raises: tuple[type[Exception], ...]

    @property
    def name(self) -> str:
        """The name in the script of a failure."""
        name: str = getattr(self.call, "__name__", "command")
        return name if name.isidentifier() else "command"


@frozen
class Creation(Generic[TAggregate]):
    """What creates an aggregate; ``creation`` makes it.

    Attributes:
        step: what is called, and the strategies for its arguments.
    """

    step: _Step


@frozen
class RandomCommand(Generic[TAggregate_contra]):
    """A command with strategies for its arguments; ``command`` makes it.

    Attributes:
        step: what is called, and the strategies for its arguments.
    """

    step: _Step


@overload
def creation(call: Callable[[], TAggregate], /, *, raises: Errors = ()) -> Creation[TAggregate]: ...
@overload
def creation(
    call: Callable[[A1], TAggregate], first: SearchStrategy[A1], /, *, raises: Errors = ()
) -> Creation[TAggregate]: ...
@overload
def creation(
    call: Callable[[A1, A2], TAggregate],
    first: SearchStrategy[A1],
    second: SearchStrategy[A2],
    /,
    *,
    raises: Errors = (),
) -> Creation[TAggregate]: ...
@overload
def creation(
    call: Callable[[A1, A2, A3], TAggregate],
    first: SearchStrategy[A1],
    second: SearchStrategy[A2],
    third: SearchStrategy[A3],
    /,
    *,
    raises: Errors = (),
) -> Creation[TAggregate]: ...
@overload
def creation(
    call: Callable[[A1, A2, A3, A4], TAggregate],
    first: SearchStrategy[A1],
    second: SearchStrategy[A2],
    third: SearchStrategy[A3],
    fourth: SearchStrategy[A4],
    /,
    *,
    raises: Errors = (),
) -> Creation[TAggregate]: ...
def creation(
    call: Callable[[], TAggregate] | Handler,
    /,
    *strategies: SearchStrategy[object],
    raises: Errors = (),
) -> Creation[TAggregate]:
    """Say how an aggregate is created: by a function, and strategies for its arguments.

    Args:
        call: as ``Account.open``; its arguments are positional.
        strategies: one for each argument; the type checker compares them.
        raises: the errors with which the domain may refuse.

    Example:
        >>> creation(Collection[str].register).step.name
        'register'
    """
    return Creation(_step(call, strategies, raises, skipped=0))


@overload
def command(call: Callable[[TAggregate], object], /, *, raises: Errors = ()) -> RandomCommand[TAggregate]: ...
@overload
def command(
    call: Callable[[TAggregate, A1], object], first: SearchStrategy[A1], /, *, raises: Errors = ()
) -> RandomCommand[TAggregate]: ...
@overload
def command(
    call: Callable[[TAggregate, A1, A2], object],
    first: SearchStrategy[A1],
    second: SearchStrategy[A2],
    /,
    *,
    raises: Errors = (),
) -> RandomCommand[TAggregate]: ...
@overload
def command(
    call: Callable[[TAggregate, A1, A2, A3], object],
    first: SearchStrategy[A1],
    second: SearchStrategy[A2],
    third: SearchStrategy[A3],
    /,
    *,
    raises: Errors = (),
) -> RandomCommand[TAggregate]: ...
@overload
def command(
    call: Callable[[TAggregate, A1, A2, A3, A4], object],
    first: SearchStrategy[A1],
    second: SearchStrategy[A2],
    third: SearchStrategy[A3],
    fourth: SearchStrategy[A4],
    /,
    *,
    raises: Errors = (),
) -> RandomCommand[TAggregate]: ...
def command(
    call: Callable[[TAggregate], object] | Handler,
    /,
    *strategies: SearchStrategy[object],
    raises: Errors = (),
) -> RandomCommand[TAggregate]:
    """Say what can be done with an aggregate: a method, and strategies for its arguments.

    Args:
        call: as ``Account.deposit``, or a function of the aggregate; its arguments are positional.
        strategies: one for each argument; the type checker compares them.
        raises: the errors with which the domain may refuse.

    Example:
        >>> from hypothesis import strategies as st
        >>> removing = command(Collection[str].remove_item, st.text(), raises=KeyError)
        >>> removing.step.name, list(removing.step.arguments)
        ('remove_item', ['item'])
    """
    return RandomCommand(_step(call, strategies, raises, skipped=1))


def _step(call: Handler, strategies: Sequence[SearchStrategy[object]], raises: Errors, skipped: int) -> _Step:
    names = list(inspect.signature(call).parameters)[skipped:]
    names += [f"argument_{place}" for place in range(len(names), len(strategies))]
    # `rule` has parameters of these names itself
    names = [f"{name}_" if name in {"target", "targets", "self"} else name for name in names]
    classes = raises if isinstance(raises, tuple) else (raises,)
    return _Step(call, dict(zip(names, strategies, strict=False)), classes)


_EACH: Final = 4
"""After how many steps the laws are checked each time."""


class _Laws(Protocol):
    """What checks one class of aggregates."""

    def taken(self, found: object, /) -> object: ...
    def examine(self, found: object, /) -> None: ...


class _Machine(RuleBasedStateMachine):
    """Runs commands on one aggregate; a subclass has the rules."""

    def __init__(self) -> None:
        super().__init__()
        self._steps = 0
        self._aggregate: object = None
        self._clock = FixedClock(tick=timedelta(microseconds=1))
        self._ids = FixedIds()

    def laws(self) -> _Laws:
        """Return what checks the aggregate."""
        raise NotImplementedError

    def is_created(self) -> bool:
        """Whether there is an aggregate."""
        return self._aggregate is not None

    def create(self, step: _Step, values: Sequence[object]) -> None:
        """Create the aggregate, unless the domain refuses."""
        found = self._run(step, values)
        self._aggregate = None if found is None else self.laws().taken(found)

    def change(self, step: _Step, values: Sequence[object]) -> None:
        """Run a command on the aggregate; the domain may refuse."""
        self._run(step, [self._aggregate, *values])

    def _run(self, step: _Step, values: Sequence[object]) -> object:
        refusals: tuple[type[Exception], ...] = (EntityIsDiscarded, *step.raises)
        try:
            with using_clock(self._clock), using_ids(self._ids):
                return step.call(*values)
        except refusals:
            return None
        except Exception as error:
            error.add_note(f"If the domain may refuse so, declare it: raises={type(error).__qualname__}")
            raise

    def wait(self, step: _Step, values: Sequence[object]) -> None:
        """Let time pass."""
        step.call(self._clock, *values)

    def count(self) -> None:
        """Count a step, and check the laws after the first ones, then ever more rarely.

        They are checked within steps, since a failure there ends the run: what is shown has no step
        too many.
        """
        self._steps += 1
        if self._steps <= _EACH or self._steps & (self._steps - 1) == 0:
            self._examine()

    def _examine(self) -> None:
        if self._aggregate is not None:
            self.laws().examine(self._aggregate)

    @override
    def teardown(self) -> None:
        # not while an error is on its way: that is what is to be seen
        if sys.exc_info()[1] is None:
            self._examine()


_Act: TypeAlias = Callable[[_Machine, _Step, Sequence[object]], None]


def _wait(clock: FixedClock, seconds: int) -> None:
    clock.advance(timedelta(seconds=seconds))


_WAIT: Final = _Step(_wait, {"seconds": st.integers(1, 100_000)}, ())
"""There is always something to do: a machine in which nothing can be done is an error of its own."""


def _add_rule(machine_class: type[_Machine], name: str, step: _Step, act: _Act) -> None:
    """Give a machine a rule that is printed as a call of the step."""
    creates = act is _Machine.create

    def run(machine: _Machine, **arguments: object) -> None:
        act(machine, step, [arguments[each] for each in step.arguments])
        machine.count()

    def is_its_turn(machine: _Machine) -> bool:
        return machine.is_created() != creates

    run.__name__ = run.__qualname__ = step.name.strip("_")
    # by name, because its overloads take no names that are found out
    rule: Handler = getattr(stateful, "rule")  # noqa: B009
    decorate = rule(**step.arguments)
    if callable(decorate):
        setattr(machine_class, name, decorate(precondition(is_its_turn)(run)))


def aggregate_laws(  # noqa: PLR0913  # because each has a default that suits most
    aggregate_class: type[TAggregate],
    /,
    *,
    creations: Sequence[Creation[TAggregate]],
    commands: Sequence[RandomCommand[TAggregate]],
    repository: Callable[[type[TAggregate], MemoryStore], EntityRepository[TAggregate]] | None = None,
    snapshots: bool = True,
    settings: Settings | None = None,
) -> type[unittest.TestCase]:
    """Return a test case that runs random commands on an aggregate, and checks its laws.

    Args:
        aggregate_class: the class; a generic one with its types, ``Collection[str]``.
        creations: how one comes to be, at least one.
        commands: what is done with it then. That a discarded one refuses is no fault.
        repository: what keeps it, if it is not ``EventSourcedRepository``.
        snapshots: whether its state can be carried by a snapshot, and must be.
        settings: of hypothesis; by default those of its state machines.

    Raises:
        ModelError: if nothing creates it, the class is no aggregate, or a type cannot be carried.

    Example:
        >>> from hypothesis import strategies as st
        >>> @frozen
        ... class Opened(AggregateEvent):
        ...     owner: str
        >>> @define
        ... class Account(AggregateRoot[Opened]):
        ...     owner: str
        ...
        ...     @classmethod
        ...     def open(cls, owner: str) -> "Account":
        ...         return cls.create(Opened, owner=owner)
        ...
        ...     @applies
        ...     def opened(self, event: Opened) -> None:
        ...         self.owner = event.owner
        ...
        ...     apply = opened.exhaustive
        >>> TestAccount = aggregate_laws(Account, creations=[creation(Account.open, st.text())], commands=[])
        >>> TestAccount.__name__
        'AccountLaws'
    """
    history = History(aggregate_class, repository=repository, snapshots=snapshots)
    if not creations:
        msg = f"{history.name}: expected what creates one, found nothing: creations=[creation(...)]"
        raise ModelError(msg)

    class Machine(_Machine):
        @override
        def laws(self) -> _Laws:
            return history

    steps: list[tuple[_Step, _Act]] = [(each.step, _Machine.create) for each in creations]
    steps += [(each.step, _Machine.change) for each in commands]
    for number, (step, act) in enumerate([*steps, (_WAIT, _Machine.wait)]):
        _add_rule(Machine, f"step_{number}", step, act)

    class Laws(unittest.TestCase):
        def test_laws(self) -> None:
            """Run random commands, and check the laws after them."""
            run_state_machine_as_test(Machine, settings=settings)

    name = history.name.rpartition(".")[2]
    Machine.__name__ = Machine.__qualname__ = name
    Laws.__name__ = Laws.__qualname__ = f"{name}Laws"
    Machine.__module__ = Laws.__module__ = history.module
    return Laws
