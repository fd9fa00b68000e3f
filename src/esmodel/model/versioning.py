"""Upcasters: a typed chain of steps from an old shape of a payload to today's."""

from __future__ import annotations

import contextlib
import inspect
from types import FunctionType
from typing import TYPE_CHECKING, ForwardRef, Generic, Never, TypeVar, get_args, get_type_hints

from esmodel._callables import deferred
from esmodel.codec.upcasting import Upcasting
from esmodel.exceptions import ModelError, UnsupportedTypeError
from esmodel.model.annotations import annotation_of
from esmodel.model.names import qualified_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from esmodel.codec.codec import Codec
    from esmodel.codec.wire import Wire

TOld_contra = TypeVar("TOld_contra", contravariant=True)
TNew_co = TypeVar("TNew_co", covariant=True)
TNext = TypeVar("TNext")
TFrom = TypeVar("TFrom")
TTo = TypeVar("TTo")


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
        write = f"Write def {self.name.rpartition('.')[2]}(old: OldShape) -> NewShape."
        kind = deferred(step)
        if kind is not None:
            raise ModelError(
                f"The upcaster step {self.name}: expected a function that runs when it is called, found "
                f"{kind}. {write}"
            )
        parameters = list(inspect.signature(step).parameters.values())
        if not parameters or parameters[0].name not in inspect.get_annotations(step):
            raise ModelError(
                f"The upcaster step {self.name}: expected a function of one annotated payload. {write}"
            )
        if len([each for each in parameters if _must_be_given(each)]) > 1 or not _is_positional(
            parameters[0]
        ):
            raise ModelError(
                f"The upcaster step {self.name}: expected a function of one payload, found the parameters "
                f"{inspect.signature(step)}. {write}"
            )
        self._wanted: Callable[[], object] = _annotation(step, parameters[0].name)
        self._returns: Callable[[], object] = _annotation(step, "return")
        self._run: Callable[..., object] = step

    @property
    def wanted(self) -> object:
        """The type of payload that the step takes, from its annotation.

        Raises:
            ModelError: if the annotation cannot be resolved.
        """
        return self._wanted()

    @property
    def returns(self) -> object:
        """The type of payload that the step returns; ``object`` if it is not annotated.

        Raises:
            ModelError: if the annotation cannot be resolved.
        """
        return self._returns()

    def run(self, payload: object, /) -> object:
        """Return the payload in the next shape."""
        return self._run(payload)


def _must_be_given(parameter: inspect.Parameter) -> bool:
    is_variadic = parameter.kind in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return parameter.default is inspect.Parameter.empty and not is_variadic


def _is_positional(parameter: inspect.Parameter) -> bool:
    return parameter.kind in {
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.VAR_POSITIONAL,
    }


def _annotation(step: Callable[[TFrom], object], name: str) -> Callable[[], object]:
    """Return a function that returns the type of a parameter, or of ``return``.

    What is known where the step is written is resolved at once, from the names around it.
    """
    found = (
        annotation_of(step, name, inspect.currentframe())
        if isinstance(step, FunctionType) and name in inspect.get_annotations(step)
        else None
    )

    def resolve() -> object:
        try:
            return get_type_hints(step, include_extras=True).get(name, object)
        except NameError as error:
            raise ModelError(
                f"The upcaster step {qualified_name(step)}: expected annotations that can be resolved at run "
                f"time, found {error.name!r}. Import it outside of `if TYPE_CHECKING:`."
            ) from error

    return resolve if found is None or _has_forward_references(found) else lambda: found


def _has_forward_references(hint: object) -> bool:
    """Whether a type has a part that is still text."""
    return isinstance(hint, (str, ForwardRef)) or any(map(_has_forward_references, get_args(hint)))


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

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, oldest first."""
        return self._steps


def upcasts(step: Callable[[TFrom], TTo], /) -> Upcaster[TFrom, TTo]:
    """Begin an upcaster with its oldest step.

    The step takes the payload as it was stored at class version 0, in the type of its
    annotation, and returns the next shape. Both are a ``TypedDict``, an attrs class, a dataclass, or
    ``dict[str, object]``: the JSON values as they are stored. Keys that the type of the parameter does
    not name are kept.

    Raises:
        ModelError: if the step has no annotated parameter.

    Example:
        >>> def rename(old: dict[str, str]) -> dict[str, str]:
        ...     return {"owner": old["name"]}
        >>> len(upcasts(rename))
        1
    """
    return Upcaster(Step(step))


def refuse_wrong_upcaster(owner: str, name: str, given: object, /) -> None:
    """Check what no type checker saw.

    Args:
        owner: the class that is given it, for messages.
        name: the keyword.
        given: what should be an upcaster, or ``None``.

    Raises:
        ModelError: naming the class and the keyword.
    """
    if given is not None and not isinstance(given, Upcaster):
        raise ModelError(f"{owner}: {name}: expected an Upcaster, found {given!r}: {name}=upcasts(step).")


def upcasting_of(
    event_class: type[object], upcaster: Upcaster[Never, object], codec: Codec, current: Wire | None, /
) -> Upcasting:
    """Return the steps of an event's upcaster, with the types of what they take and return.

    Args:
        event_class: the class.
        upcaster: its upcaster.
        codec: its codec.
        current: the wire of the payload; ``None`` if it is not known.

    Raises:
        ModelError: if the steps do not fit each other, or the fields.
    """
    name = event_class.__qualname__.rpartition("<locals>.")[2]
    return Upcasting(name, upcaster, codec.shapes().wire, current, is_object=True)


def compare_early(
    event_class: type[object],
    upcaster: Upcaster[Never, object],
    codec: Codec,
    names: Sequence[str] | None,
    /,
) -> None:
    """Compare an upcaster with an event as far as annotations can be resolved; its codec compares the rest.

    Args:
        event_class: the class.
        upcaster: its upcaster.
        codec: its codec.
        names: the fields of the payload; ``None`` if only an entity knows their types.

    Raises:
        ModelError: if the steps do not fit each other, or the fields.
    """
    current: Wire | None = None
    if names is not None:
        with contextlib.suppress(UnsupportedTypeError):  # of a generic event, the types are known later
            current = codec.struct_codec(event_class, names).form
    try:
        upcasting_of(event_class, upcaster, codec, current)
    except ModelError as error:
        if not _is_unresolved(error):
            raise


def _is_unresolved(error: BaseException | None) -> bool:
    """Whether an error comes from an annotation that cannot be resolved, or not yet."""
    return error is not None and (isinstance(error, NameError) or _is_unresolved(error.__cause__))
