"""Annotations of handlers, and the members of unions."""

from __future__ import annotations

import types
from collections import ChainMap
from collections.abc import Mapping
from types import FrameType, FunctionType
from typing import Annotated, ForwardRef, Union, get_args, get_origin

from typing_extensions import Format, get_annotations

from esmodel._callables import deferred
from esmodel.codec.typevars import bind, is_alias
from esmodel.exceptions import ApplyError, ModelError
from esmodel.model.names import short_name_of


def members_of(union: object, /) -> tuple[object, ...]:
    """Return the members of a union, of any depth; of anything else, itself alone."""
    alias = get_origin(union) or union
    if is_alias(alias):
        bound: Mapping[object, object] = dict(zip(alias.__type_params__, get_args(union), strict=False))
        return members_of(bind(alias.__value__, bound))
    if get_origin(union) in {Union, types.UnionType}:
        return tuple(one for each in get_args(union) for one in members_of(each))
    if get_origin(union) is Annotated:
        return members_of(get_args(union)[0])
    return (union,)


def refuse_deferred_handler(handler: object, /) -> None:
    """Refuse a handler whose call changes nothing, because it only makes a coroutine or a generator.

    Raises:
        ApplyError: naming the handler.
    """
    kind = deferred(handler)
    if kind is not None:
        raise ApplyError(
            f"{short_name_of(handler)}: expected a handler that changes the state when it is called, found "
            f"{kind}, which nobody would run. Write a plain function."
        )


def annotated_event(handler: object, caller: FrameType | None, /) -> object:
    """Return the type of a handler's second parameter, ``None`` where that cannot be told yet.

    Args:
        handler: the function.
        caller: see ``annotation_of``.
    """
    if not isinstance(handler, FunctionType) or handler.__code__.co_argcount < _STATE_AND_EVENT:
        return None
    return annotation_of(handler, handler.__code__.co_varnames[1], caller)


def annotation_of(function: FunctionType, name: str, caller: FrameType | None, /) -> object:
    """Return the type of a parameter, or of ``return``; ``None`` where that cannot be told yet.

    Args:
        function: the function.
        name: the parameter.
        caller: the frame of the class body, or of the module, in which it is decorated. A text may use
            the names in it, and those of the functions around it.
    """
    annotations: Mapping[str, object] = get_annotations(function, format=Format.FORWARDREF)
    found = annotations.get(name)
    text = found.__forward_arg__ if isinstance(found, ForwardRef) else found
    if not isinstance(text, str):
        return found
    try:
        resolved: object = eval(text, function.__globals__, _names_around(function, caller))  # noqa: S307
    except NameError:
        return None
    except Exception as error:
        raise ModelError(
            f"{function.__qualname__}: expected an annotation that can be evaluated, found {text!r}: {error}."
        ) from error
    return resolved


_STATE_AND_EVENT = 2


def _names_around(function: FunctionType, frame: FrameType | None) -> ChainMap[str, object]:
    """Return the names that a function sees: those of its class body, and of the functions around it.

    The frames of mere callers, which are not around it, are left out.
    """
    around = _qualified_names_around(function.__qualname__)
    scopes: list[dict[str, object]] = []
    while frame is not None:
        code = frame.f_code
        if code.co_qualname in around or code.co_name.startswith("<generic parameters"):
            scopes.append(dict(frame.f_locals))
        frame = frame.f_back
    return ChainMap(*scopes)


def _qualified_names_around(name: str) -> set[str]:
    """Return the qualified names of the classes and functions around one."""
    found: set[str] = set()
    while "." in name:
        name = name.rpartition(".")[0].removesuffix(".<locals>")
        found.add(name)
    return found
