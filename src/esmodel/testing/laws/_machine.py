"""The state machine that runs random commands on an aggregate."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final, Protocol, TypeAlias

from attrs import frozen
from hypothesis import stateful
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition
from hypothesis.strategies import SearchStrategy
from typing_extensions import override

from esmodel.clock import using_clock
from esmodel.exceptions import EntityIsDiscarded
from esmodel.ids import using_ids
from esmodel.model.apply import Handler
from esmodel.model.names import qualified_name
from esmodel.testing.scenarios.clock import FixedClock, FixedIds


@frozen
class Step:
    """A call, with strategies for its arguments by the names of its parameters."""

    call: Handler
    arguments: Mapping[str, SearchStrategy[object]]
    raises: tuple[type[Exception], ...]

    @property
    def name(self) -> str:
        """The name in the script of a failure."""
        name = qualified_name(self.call).rpartition(".")[2]
        return name if name.isidentifier() else "command"


_EACH: Final = 4
"""The number of first steps after each of which the laws are checked."""


class AggregateChecks(Protocol):
    """Checks the laws of one class of aggregates."""

    def taken(self, found: object, /) -> object: ...
    def examine(self, found: object, /) -> None: ...


class AggregateMachine(RuleBasedStateMachine):
    """A state machine that runs commands on one aggregate; a subclass has the rules."""

    def __init__(self) -> None:
        super().__init__()
        self._steps = 0
        self._aggregate: object = None
        self._clock = FixedClock(tick=timedelta(microseconds=1))
        self._ids = FixedIds()

    def laws(self) -> AggregateChecks:
        """Return the checks of the aggregate."""
        raise NotImplementedError

    def is_created(self) -> bool:
        """Whether there is an aggregate."""
        return self._aggregate is not None

    def create(self, step: Step, values: Sequence[object]) -> None:
        """Create the aggregate, unless the domain refuses."""
        found = self._run(step, values)
        self._aggregate = None if found is None else self.laws().taken(found)

    def change(self, step: Step, values: Sequence[object]) -> None:
        """Run a command on the aggregate; the domain may refuse."""
        self._run(step, [self._aggregate, *values])

    def _run(self, step: Step, values: Sequence[object]) -> object:
        refusals: tuple[type[Exception], ...] = (EntityIsDiscarded, *step.raises)
        try:
            with using_clock(self._clock), using_ids(self._ids):
                return step.call(*values)
        except refusals:
            return None
        except Exception as error:
            error.add_note(f"If the domain may refuse so, declare it: raises={type(error).__qualname__}")
            raise

    def wait(self, step: Step, values: Sequence[object]) -> None:
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


Act: TypeAlias = Callable[[AggregateMachine, Step, Sequence[object]], None]


def _wait(clock: FixedClock, seconds: int) -> None:
    clock.advance(timedelta(seconds=seconds))


WAIT: Final = Step(_wait, {"seconds": st.integers(1, 100_000)}, ())
"""A step that is always possible, because hypothesis reports a machine without one as an error."""


def add_rule(machine_class: type[AggregateMachine], name: str, step: Step, act: Act) -> None:
    """Give a machine a rule that is printed as a call of the step."""
    creates = act is AggregateMachine.create

    def run(machine: AggregateMachine, **arguments: object) -> None:
        act(machine, step, [arguments[each] for each in step.arguments])
        machine.count()

    def is_its_turn(machine: AggregateMachine) -> bool:
        return machine.is_created() != creates

    run.__name__ = run.__qualname__ = step.name.strip("_")
    # by name, because its overloads take no names that are found out
    rule: Handler = vars(stateful)["rule"]
    decorate = rule(**step.arguments)
    if callable(decorate):
        setattr(machine_class, name, decorate(precondition(is_its_turn)(run)))
