"""Fast construction of frozen attrs instances.

The ``__init__`` of a frozen class sets each field through ``object.__setattr__``, which takes ten times as
long as an assignment. A mutable subclass with the same slots takes assignments; at the end the instance
changes its class to the frozen one, and nothing is copied.
"""

from __future__ import annotations

import sysconfig
import types
from collections.abc import Callable, Mapping
from typing import Final, Never, ParamSpec, Protocol, TypeAlias, TypeGuard, TypeVar, cast, get_origin

import attrs
from typing_extensions import override

from esmodel.codec.fields import caches_hash, fields_of, has_generated_init, is_slotted
from esmodel.codec.generated import generated
from esmodel.exceptions import ModelError

P = ParamSpec("P")
T = TypeVar("T")
TInstance_co = TypeVar("TInstance_co", covariant=True)

# without a global lock, changing the class of an instance stops all threads
_HAS_GIL: Final = not sysconfig.get_config_var("Py_GIL_DISABLED")

# by name, because the stubs of attrs leave the type of a converter open
_RUN_BY_INIT: Final = ("validator", "converter")
_CALLED_BY_INIT: Final = ("__attrs_pre_init__", "__attrs_post_init__")

_NOTHING: Final[Mapping[str, Never]] = {}

_mutable_classes: Final[dict[type[object], type[object] | None]] = {}


_Check: TypeAlias = Callable[[T], T]
"""Returns an instance once its fields are checked."""


class Constructor(Protocol[TInstance_co]):
    """A class or a function, called with a header and a payload that the caller has checked."""

    def __call__(self, *args: object, **kwargs: object) -> TInstance_co:
        """Return an instance."""
        ...


class Maker(Protocol[TInstance_co]):
    """Constructs events of one class.

    Laws: the result, or the error, is that of ``event_class(*header, *args, **given)``.
    """

    def __call__(
        self, args: tuple[object, ...], given: Mapping[str, object], /, *header: object
    ) -> TInstance_co:
        """Return an event.

        Args:
            args: the payload, as far as it is positional.
            given: the payload that is passed by keyword.
            header: the fields of the header, in order.
        """
        ...


class Makers(Protocol):
    """Makers by class."""

    def __getitem__(self, event_class: Callable[P, T], /) -> Maker[T]:
        """Return the maker of a class.

        Raises:
            KeyError: if there is none yet.
        """
        ...

    def __setitem__(self, event_class: Callable[P, T], make: Maker[T], /) -> None:
        """Keep the maker of a class."""
        ...


def new_makers() -> Makers:
    """Return a dictionary of makers, empty yet."""
    made: dict[object, object] = {}
    return cast("Makers", made)  # because no dictionary type lets a value's type depend on its key


def names_class(event_class: object, /) -> bool:
    """Whether something called is a class, generic or not; a function may have been made for one call."""
    return isinstance(get_origin(event_class) or event_class, type)


_MAKERS: Final = new_makers()


def maker_of(event_class: Callable[P, T], /) -> Maker[T]:
    """Return a function that constructs events of a class, faster than the class where that is possible.

    Args:
        event_class: the class, or a function that returns an event; a function is called as it is.
    """
    try:
        return _MAKERS[event_class]
    except KeyError:
        if not names_class(event_class):
            return _checked_caller(event_class)
        _MAKERS[event_class] = _fast_maker(event_class) or _caller(event_class)
        return _MAKERS[event_class]


def checked_maker(
    event_class: Callable[P, T], guards: Mapping[str, str], known: Mapping[str, object], /
) -> Maker[T]:
    """Return a maker that also checks the values of fields.

    Args:
        event_class: the class.
        guards: for each field of the payload, an expression over ``{v}`` that is true for most right values.
        known: the names in these expressions, and for each field ``check_<name>``, which is called with
            other values, and raises or returns the value.
    """
    made = _fast_maker(event_class, guards, known)
    if made is not None:
        return made
    make = maker_of(event_class)
    statements = [_checked(name, f"instance.{name}", guard) for name, guard in guards.items()]
    check = generated(_Check[T], "instance", [*statements, "return instance"], dict(known))

    def call(args: tuple[object, ...], given: Mapping[str, object], /, *header: object) -> T:
        return check(make(args, given, *header))

    return call


def mutable_class_of(cls: type[object], /) -> type[object] | None:
    """Return a subclass of a frozen attrs class with the same slots and mutable instances.

    ``None`` if that is impossible, as for a class without slots or with a metaclass.
    """
    if cls not in _mutable_classes:
        possible = _HAS_GIL and type(cls) is type and cls.__new__ is object.__new__
        _mutable_classes[cls] = _thaw(cls) if possible and is_slotted(cls) else None
    return _mutable_classes[cls]


class _Hidden:
    """Hide the helper subclass from ``__init_subclass__`` hooks."""

    __slots__ = ()

    @override
    def __init_subclass__(cls) -> None:
        """Call no other hook."""


def _thaw(cls: type[object]) -> type[object]:
    def fill(namespace: dict[str, object]) -> None:
        namespace.update(
            __doc__=f"{cls.__qualname__} under construction.",
            __module__=cls.__module__,
            __slots__=(),
            # both, or assignments still go through the `__setattr__` of the frozen class
            __setattr__=object.__setattr__,
            __delattr__=object.__delattr__,
            # `object.__new__` is faster for a class without an `__init__` of its own
            __init__=object.__init__,
        )

    return types.new_class(cls.__name__, (_Hidden, cls), exec_body=fill)


def _caller(event_class: Callable[P, T]) -> Maker[T]:
    construct = cast("Constructor[T]", event_class)  # because `trigger` checks the payload, in its signature

    def call(args: tuple[object, ...], given: Mapping[str, object], /, *header: object) -> T:
        return construct(*header, *args, **given)

    return call


def _checked_caller(function: Callable[P, T]) -> Maker[T]:
    """Return a maker that calls a function, and checks that its event has the header that it was given."""
    make = _caller(function)

    def call(args: tuple[object, ...], given: Mapping[str, object], /, *header: object) -> T:
        event = make(args, given, *header)
        for name, expected in zip(_header_of(type(event)) or (), header, strict=False):
            found: object = getattr(event, name)
            if found != expected:
                raise ModelError(
                    f"{function!r}: expected an event with the header that it was given, found {name} "
                    f"{found!r} in place of {expected!r}. Pass it on."
                )
        return event

    return call


def _fast_maker(
    event_class: Callable[P, T],
    guards: Mapping[str, str] = _NOTHING,
    known: Mapping[str, object] = _NOTHING,
) -> Maker[T] | None:
    return _maker(event_class, guards, known) if _is_class(event_class) else None


def _is_class(event_class: Callable[P, T]) -> TypeGuard[type[T]]:
    return isinstance(event_class, type)


def _maker(cls: type[T], guards: Mapping[str, str], known: Mapping[str, object]) -> Maker[T] | None:
    """Return a maker that sets the fields itself; ``None`` if ``__init__`` does anything else."""
    mutable, header = mutable_class_of(cls), _header_of(cls)
    if mutable is None or header is None or not _only_sets_fields(cls, header):
        return None
    payload = fields_of(cls)[len(header) :]
    checks = [_checked(name, f"instance.{name}", guard) for name, guard in guards.items()]
    made = f"cls({', '.join([*header, '*args', '**given'])})"
    call = f"instance = {made}; {'; '.join(checks)}; return instance" if checks else f"return {made}"
    statements = [
        # `__init__` reports missing and unknown arguments and fills in defaults
        f"if args or len(given) != {len(payload)}: {call}",
        "instance = mutable()",
        *(f"instance.{name} = {name}" for name in header),
        "try: ",
        *(f"    instance.{each.name} = {_value(each, guards)}" for each in payload),
        "    pass",
        f"except KeyError: {call}",
        "instance.__class__ = cls",
        "return instance",
    ]
    parameters = ", ".join(["args", "given", *header])
    return generated(Maker[T], parameters, statements, {**known, "mutable": mutable, "cls": cls})


def _value(field: attrs.Attribute[object], guards: Mapping[str, str]) -> str:
    given = f"given[{field.alias!r}]"
    return _checked(field.name, given, guards[field.name]) if field.name in guards else given


def _checked(name: str, value: str, guard: str) -> str:
    """Return the expression that is a value, once it is checked."""
    fits = guard.replace("{v}", f"(v := {value})", 1).replace("{v}", "v")
    return f"v if {fits} else check_{name}(v)"


def _header_of(cls: type[object]) -> tuple[str, ...] | None:
    """Return the names of the fields that come first and are passed by position."""
    for base in cls.__mro__:
        names: tuple[str, ...] | None = vars(base).get("_es_header")
        if names is not None:
            return names
    return None


def _only_sets_fields(cls: type[object], header: tuple[str, ...]) -> bool:
    """Return whether ``__init__`` sets the header by position, then the payload, and does nothing more."""
    fields = fields_of(cls)
    first = fields[: len(header)]
    return (
        has_generated_init(cls)
        and not caches_hash(cls)
        and not any(hasattr(cls, name) for name in _CALLED_BY_INIT)
        and all(each.init for each in fields)
        and all(getattr(each, name) is None for each in fields for name in _RUN_BY_INIT)
        and tuple(each.name for each in first) == header
        and not any(each.kw_only or each.default is not attrs.NOTHING for each in first)
    )
