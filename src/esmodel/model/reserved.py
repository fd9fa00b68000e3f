"""Reserved names: what a class of the user's may not call its fields, handlers and methods.

Everything else in the namespace of a base class is ``_es_...``, so that any other name is the user's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from typing_extensions import Format, get_annotations

from esmodel.exceptions import ModelError

RESERVED_BY_ENTITIES: Final = frozenset({
    "apply",
    "change_attribute",
    "collect_events",
    "create",
    "create_with_id",
    "created_on",
    "discard",
    "id",
    "is_discarded",
    "last_modified",
    "pending_events",
    "recorded",
    "replay",
    "retired",
    "self",
    "trigger",
    "version",
})  # fmt: skip
"""The names that no field, handler or method of an entity may have; ``apply`` is the registry."""

_LIBRARY: Final = __name__.partition(".")[0]


def is_library(cls: type[object], /) -> bool:
    """Whether a class belongs to this package, and so may define what it reserves."""
    return cls.__module__.partition(".")[0] == _LIBRARY


def own_names(cls: type[object], /) -> Mapping[str, str]:
    """Return the names that a class body defines, each with what it is: a field or a method."""
    found = {name: "method" for name in vars(cls) if not name.startswith("__")}
    annotations: Mapping[str, object] = get_annotations(cls, format=Format.FORWARDREF)
    return found | dict.fromkeys(annotations, "field")


def names_of_mixins(cls: type[object], machinery: str, /) -> Mapping[str, str]:
    """Return the names that a class takes from bases that are not of this package, nor derived from it.

    Args:
        cls: the class.
        machinery: an attribute that each class derived from this package has.
    """
    mixins = [
        each
        for each in cls.__mro__[1:-1]
        if not (hasattr(each, machinery) or is_library(each) or each.__module__ == "typing")
    ]
    return {name: what for each in reversed(mixins) for name, what in own_names(each).items()}


def refuse_reserved(cls: type[object], reserved: Collection[str], names: Mapping[str, str], /) -> None:
    """Check that a class of the user's defines no reserved name.

    Args:
        cls: the class.
        reserved: the names.
        names: the names that the class body defines, each with what it is.

    Raises:
        ModelError: naming the class and the name.
    """
    if is_library(cls):
        return
    for name, what in names.items():
        if name in reserved:
            raise ModelError(
                f"{cls.__qualname__}.{name}: expected a {what} with a name of your own, found "
                f"{name!r}, which esmodel reserves. Rename the {what}."
            )
        if name.startswith("_es_"):
            raise ModelError(
                f"{cls.__qualname__}.{name}: expected a {what} with a name of your own, found the "
                f"prefix '_es_', which esmodel reserves. Rename the {what}."
            )
