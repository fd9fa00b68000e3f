"""Random commands on a user's own aggregate, and the laws that must hold after them.

The laws are those of ``esmodel.testing.laws.LAWS``. Needs ``esmodel[testing]``.
"""

from __future__ import annotations

import inspect
import unittest
from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar, overload

from attrs import frozen
from hypothesis import settings as Settings  # noqa: N812  # because it is a class
from hypothesis.stateful import run_state_machine_as_test
from hypothesis.strategies import SearchStrategy
from typing_extensions import override

from esmodel.exceptions import ModelError
from esmodel.model.apply import Handler
from esmodel.model.repository import EntityRepository
from esmodel.model.stored import StoredAggregate
from esmodel.stores.memory import MemoryStore
from esmodel.testing.laws._machine import WAIT, Act, AggregateChecks, AggregateMachine, Step, add_rule
from esmodel.testing.laws.history import History

TAggregate = TypeVar("TAggregate", bound=StoredAggregate)
TAggregate_contra = TypeVar("TAggregate_contra", bound=StoredAggregate, contravariant=True)
A1 = TypeVar("A1")
A2 = TypeVar("A2")
A3 = TypeVar("A3")
A4 = TypeVar("A4")
Errors: TypeAlias = type[Exception] | tuple[type[Exception], ...]
"""A class of errors, or several, as ``except`` takes them."""


@frozen
class Creation(Generic[TAggregate]):
    """A way to create an aggregate; ``creation`` makes it.

    Attributes:
        step: what is called, and the strategies for its arguments.

    Example:
        >>> from hypothesis import strategies as st
        >>> from esmodel.testing.laws import Creation, creation
        >>> @frozen
        ... class Opened(AggregateEvent):
        ...     owner: str
        >>> @define
        ... class Account(AggregateRoot[Opened]):
        ...     apply = ignores(Opened).exhaustive
        >>> opening = creation(lambda owner: Account.create(Opened, owner=owner), st.text())
        >>> isinstance(opening, Creation)
        True
    """

    step: Step


@frozen
class RandomCommand(Generic[TAggregate_contra]):
    """A command with strategies for its arguments; ``command`` makes it.

    Attributes:
        step: what is called, and the strategies for its arguments.

    Example:
        >>> from hypothesis import strategies as st
        >>> from esmodel.testing.laws import RandomCommand, command
        >>> @frozen
        ... class Deposited(AggregateEvent):
        ...     cents: int
        >>> @define
        ... class Account(AggregateRoot[Deposited]):
        ...     apply = ignores(Deposited).exhaustive
        >>> deposit = command(lambda account, cents: account.trigger(Deposited, cents=cents), st.integers(1))
        >>> isinstance(deposit, RandomCommand)
        True
    """

    step: Step


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


def _step(call: Handler, strategies: Sequence[SearchStrategy[object]], raises: Errors, skipped: int) -> Step:
    names = list(inspect.signature(call).parameters)[skipped:]
    names += [f"argument_{place}" for place in range(len(names), len(strategies))]
    # `rule` has parameters of these names itself
    names = [f"{name}_" if name in {"target", "targets", "self"} else name for name in names]
    classes = raises if isinstance(raises, tuple) else (raises,)
    return Step(call, dict(zip(names, strategies, strict=False)), classes)


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
        commands: what is done with it then. A discarded one may refuse.
        repository: what keeps it, if it is not ``EventSourcedRepository``.
        snapshots: whether its state can be carried by a snapshot, and must be.
        settings: of hypothesis; by default those of its state machines.

    Raises:
        ModelError: if nothing creates it, the class is not an aggregate, or a type cannot be carried.

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

    class Machine(AggregateMachine):
        @override
        def laws(self) -> AggregateChecks:
            return history

    steps: list[tuple[Step, Act]] = [(each.step, AggregateMachine.create) for each in creations]
    steps += [(each.step, AggregateMachine.change) for each in commands]
    for number, (step, act) in enumerate([*steps, (WAIT, AggregateMachine.wait)]):
        add_rule(Machine, f"step_{number}", step, act)

    class Laws(unittest.TestCase):
        def test_laws(self) -> None:
            """Run random commands, and check the laws after them."""
            run_state_machine_as_test(Machine, settings=settings)

    name = history.name.rpartition(".")[2]
    Machine.__name__ = Machine.__qualname__ = name
    Laws.__name__ = Laws.__qualname__ = f"{name}Laws"
    Machine.__module__ = Laws.__module__ = history.module
    return Laws
