"""Makers: what makes the instances of a frozen attrs class, faster than its ``__init__``.

attrs sets each field of a frozen instance through ``object.__setattr__``, which takes 60 ns. On an
instance of a subclass that is not frozen a field is set in 5 ns; at the end the instance is made one of
the class itself, which takes 40 ns. Both classes have the same slots, so that nothing is copied.
"""

from __future__ import annotations

import sysconfig
import types
from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

import attrs
from typing_extensions import override

from esmodel.exceptions import ModelError

T = TypeVar("T")

Generated = Callable[..., object]
"""A function that was generated for the fields of a class."""


def generated(parameters: str, statements: list[str], known: dict[str, object], /) -> types.SimpleNamespace:
    """Return a ``function`` of statements that name nothing but fields and what is known."""
    body = "".join(f"\n    {each}" for each in statements)
    exec(f"def function({parameters}):{body}", known)  # noqa: S102  # because fields are identifiers
    return types.SimpleNamespace(function=known["function"])


def fields_of(cls: type[object], /) -> tuple[attrs.Attribute[object], ...]:
    """Return the fields of an attrs class.

    Raises:
        ModelError: if it is none.
    """
    if not attrs.has(cls):
        msg = f"{cls.__qualname__} must be an attrs class: write @frozen above it"
        raise ModelError(msg)
    fields: tuple[attrs.Attribute[object], ...] = attrs.fields(cls)
    return fields


def _props_of(cls: type[object], /) -> attrs.ClassProps | None:
    """Return how attrs made a class; ``None`` where it did not, as for a bare subclass of what it made."""
    try:
        return attrs.inspect(cls)
    except attrs.exceptions.NotAnAttrsClassError:
        return None


def caches_hash(cls: type[object], /) -> bool:
    """Whether instances keep their hash, in a field that ``__init__`` sets to ``None``."""
    props = _props_of(cls)
    return props is not None and props.hashability is attrs.ClassProps.Hashability.HASHABLE_CACHED


class _Unnoticed:
    """Keeps a subclass from being told to whoever is told of subclasses."""

    __slots__ = ()

    @override
    def __init_subclass__(cls) -> None:
        """Tell nobody."""


# without a global lock, to change the class of an instance stops all threads
_HAS_LOCK: Final = not sysconfig.get_config_var("Py_GIL_DISABLED")

_open_classes: Final[dict[type[object], type[object] | None]] = {}


def open_class_of(cls: type[object], /) -> type[object] | None:
    """Return a subclass of a frozen attrs class whose instances are not frozen, and have its slots.

    ``None`` where there can be none, as for a class without slots or with a metaclass.
    """
    if cls not in _open_classes:
        can_be = _HAS_LOCK and type(cls) is type and cls.__new__ is object.__new__
        props = _props_of(cls)
        _open_classes[cls] = _opened(cls) if can_be and props is not None and props.is_slotted else None
    return _open_classes[cls]


def _opened(cls: type[object]) -> type[object]:
    def fill(namespace: dict[str, object]) -> None:
        namespace.update(
            __doc__=f"{cls.__qualname__}, while it is made.",
            __module__=cls.__module__,
            __slots__=(),
            # both, else a field would be set through the one that freezes
            __setattr__=object.__setattr__,
            __delattr__=object.__delattr__,
            # so that it can be called without arguments, which spares 30 ns of `object.__new__`
            __init__=object.__init__,
        )

    return types.new_class(cls.__name__, (_Unnoticed, cls), exec_body=fill)


class Makers(Protocol):
    """Makers by class."""

    def __getitem__(self, event_class: Callable[..., T], /) -> Callable[..., T]:
        """Return the maker of a class; a ``KeyError`` where there is none yet."""
        ...


_makers: Final[dict[Callable[..., object], Generated]] = {}

# because no type of a dictionary says that the type of a value depends on its key
MAKERS: Final[Makers] = types.SimpleNamespace(makers=_makers).makers
"""The makers there are, for where a call of ``maker_of`` would count."""


def maker_of(event_class: Callable[..., T], /) -> Callable[..., T]:
    """Return what makes instances as a class does when it is called, errors included.

    A maker takes the positional arguments of the payload as a tuple, its keyword arguments as a
    dictionary, and then the fields of the header.
    """
    try:
        return MAKERS[event_class]
    except KeyError:
        if not isinstance(event_class, type):
            return _caller(event_class)  # and not kept, for it may be a function made for this call
        _makers[event_class] = _maker(event_class) or _caller(event_class)
        return MAKERS[event_class]


def _caller(event_class: Callable[..., T]) -> Callable[..., T]:
    def call(args: tuple[object, ...], given: Mapping[str, object], /, *header: object) -> T:
        return event_class(*header, *args, **given)

    return call


def _maker(cls: type[object]) -> Generated | None:
    """Return a maker of instances that are no more than their fields, all given by keyword."""
    props = _props_of(cls)
    if props is None or open_class_of(cls) is None:
        return None
    fields = fields_of(cls)
    names: tuple[str, ...] = vars(cls).get("_es_header", ()) or next(
        (vars(base)["_es_header"] for base in cls.__mro__ if "_es_header" in vars(base)), ()
    )
    header = [each for each in fields if each.name in names]
    payload = [each for each in fields if each.name not in names]
    if (
        not props.added_init
        or caches_hash(cls)
        or any(hasattr(cls, name) for name in ("__attrs_pre_init__", "__attrs_post_init__"))
        or any(not each.init for each in fields)
        or any(getattr(each, name) is not None for each in fields for name in ("validator", "converter"))
        or any(each.default is not attrs.NOTHING for each in header)
    ):
        return None
    known: dict[str, object] = {"opened": open_class_of(cls), "cls": cls}
    given_header = ", ".join(each.name for each in header)
    call = f"return cls({given_header}, *args, **given)"
    statements = [
        # what is missing, unknown or left to its default is told or filled in by `__init__`
        f"if args or len(given) != {len(payload)}: {call}",
        "instance = opened()",
        *(f"instance.{each.name} = {each.name}" for each in header),
        "try: ",
        *(f"    instance.{each.name} = given[{each.alias!r}]" for each in payload),
        "    pass",
        f"except KeyError: {call}",
        "instance.__class__ = cls",
        "return instance",
    ]
    maker: Generated = generated(f"args, given, {given_header}", statements, known).function
    return maker
