"""Upcasters: a typed chain of steps from an old shape of a payload to today's."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, get_type_hints

from esmodel.exceptions import ModelError
from esmodel.model.names import qualified_name

if TYPE_CHECKING:
    from collections.abc import Callable

TOld_contra = TypeVar("TOld_contra", contravariant=True)
TNew_co = TypeVar("TNew_co", covariant=True)
TNext = TypeVar("TNext")
TFrom = TypeVar("TFrom")
TTo = TypeVar("TTo")


class ConvertPayload(Protocol):
    """Turns what was stored, or what a step returned, into what the next step takes."""

    def __call__(self, payload: object, wanted: object, made_as: object = None, /) -> object:
        """Return the payload in the wanted type; ``made_as`` is the type it has, if it is known."""
        ...


class Step:
    """One step of an upcaster, whose types were checked when the chain was built.

    Attributes:
        name: that of the function.

    Example:
        >>> def add_currency(old: dict[str, int]) -> dict[str, object]:
        ...     return {**old, "currency": "EUR"}
        >>> step = Step(add_currency)
        >>> step.name, step.run({"cents": 5})
        ('add_currency', {'cents': 5, 'currency': 'EUR'})
    """

    __slots__ = ("_returns", "_run", "_wanted", "name")

    def __init__(self, step: Callable[[TFrom], object], /) -> None:
        """Take a function of one payload."""
        self.name: str = qualified_name(step) or repr(step)
        parameters = list(inspect.signature(step).parameters)
        if not parameters or parameters[0] not in inspect.get_annotations(step):
            raise ModelError(
                f"The upcaster step {self.name}: expected a function of one annotated payload: "
                f"def {self.name.rpartition('.')[2]}(old: OldShape) -> NewShape."
            )
        self._wanted: Callable[[], object] = lambda: get_type_hints(step)[parameters[0]]
        self._returns: Callable[[], object] = lambda: get_type_hints(step).get("return")
        self._run: Callable[..., object] = step

    @property
    def wanted(self) -> object:
        """The type of payload that the step takes, from its annotation."""
        return self._wanted()

    @property
    def returns(self) -> object:
        """The type of payload that the step returns, ``None`` if it is not annotated."""
        return self._returns()

    def run(self, payload: object, /) -> object:
        """Return the payload in the next shape."""
        return self._run(payload)


class Upcaster(Generic[TOld_contra, TNew_co]):
    """A chain of steps. The class version of an event is the number of its steps.

    A gap cannot be written: each step takes what the one before it returned, and the
    type checker sees to it.

    Example:
        >>> def units_to_cents(old: dict[str, int]) -> dict[str, int]:
        ...     return {"cents": old["units"] * 100}
        >>> def add_currency(old: dict[str, int]) -> dict[str, object]:
        ...     return {**old, "currency": "EUR"}
        >>> len(upcasts(units_to_cents).then(add_currency))
        2
    """

    __slots__ = ("_steps",)

    def __init__(self, *steps: Step) -> None:
        """Take the steps, oldest first; write ``upcasts(step).then(step)`` instead."""
        self._steps = steps

    def then(self, step: Callable[[TNew_co], TNext], /) -> Upcaster[TOld_contra, TNext]:
        """Return the chain with one more step, which takes what the last one returns."""
        return Upcaster(*self._steps, Step(step))

    def __len__(self) -> int:
        """Return the number of steps, which is the class version."""
        return len(self._steps)

    def upcast(self, payload: object, class_version: int, convert: ConvertPayload, /) -> object:
        """Return the payload of an older class version in today's shape.

        Args:
            payload: what was stored, as plain JSON values.
            class_version: the version at which it was stored, from 0.
            convert: gives each step its payload in the type that its annotation names.
        """
        made_as: object = None
        for step in self._steps[class_version:]:
            payload = step.run(convert(payload, step.wanted, made_as))
            made_as = step.returns
        return payload

    @property
    def returns(self) -> object:
        """The type of payload that the last step returns."""
        return self._steps[-1].returns


def upcasts(step: Callable[[TFrom], TTo], /) -> Upcaster[TFrom, TTo]:
    """Begin an upcaster with its oldest step.

    The step takes the payload as it was stored at class version 0, in the type of its
    annotation (a ``TypedDict``, an attrs class or a ``dict``), and returns the next shape.

    Raises:
        ModelError: if the step has no annotated parameter.

    Example:
        >>> def rename(old: dict[str, str]) -> dict[str, str]:
        ...     return {"owner": old["name"]}
        >>> len(upcasts(rename))
        1
    """
    return Upcaster(Step(step))
