"""Subclassing: mistakes in how a class of the user's takes part in ``__init_subclass__``."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping

from typing_extensions import Format, get_annotations

from esmodel.exceptions import ModelError


def refuse_keywords(cls: type[object], unknown: Mapping[str, object], /) -> None:
    """Refuse class keywords that no base takes.

    Raises:
        ModelError: naming the class, the keyword, and those that there are.
    """
    if unknown:
        known = {
            each.name
            for base in cls.__mro__[1:]
            if "__init_subclass__" in vars(base)
            for each in _parameters(base)
            if each.kind is inspect.Parameter.KEYWORD_ONLY
        }
        raise ModelError(
            f"{cls.__qualname__}: expected one of the class keywords {', '.join(sorted(known))}; found "
            f"{', '.join(unknown)}. Leave it out."
        )


def refuse_attributes(cls: type[object], keywords: Iterable[str], /) -> None:
    """Refuse class attributes that were meant as class keywords.

    Raises:
        ModelError: naming the class and the keyword.
    """
    annotated: Mapping[str, object] = get_annotations(cls, format=Format.FORWARDREF)
    for keyword in keywords:
        value: object = vars(cls).get(keyword)
        if value is not None and keyword not in annotated and not hasattr(type(value), "__get__"):
            raise ModelError(
                f"{cls.__qualname__}.{keyword}: expected a class keyword, found a class attribute, which "
                f"nothing reads. Write class {cls.__name__}(..., {keyword}={value!r})."
            )


def refuse_unheard(cls: type[object], owner: str, /) -> None:
    """Refuse a class whose checks did not run, because a base keeps its creation to itself.

    Args:
        cls: the class.
        owner: the base whose checks they are.

    Raises:
        ModelError: always, naming the base.
    """
    silent = next((base for base in cls.__mro__[1:] if "__init_subclass__" in vars(base)), cls)
    raise ModelError(
        f"{cls.__qualname__}: expected {silent.__qualname__}.__init_subclass__ to call that of {owner}, "
        f"found that it does not. Write super().__init_subclass__(**keywords) in it."
    )


def _parameters(base: type[object]) -> Iterable[inspect.Parameter]:
    """Return the parameters of an ``__init_subclass__``; none where it is written in C."""
    try:
        return inspect.signature(base.__init_subclass__).parameters.values()
    except ValueError:
        return ()
