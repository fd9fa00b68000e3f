"""Annotations of handlers, and the members of unions."""

from __future__ import annotations

import types
from collections import ChainMap
from collections.abc import Mapping
from types import FrameType, FunctionType
from typing import Annotated, ForwardRef, Union, get_args, get_origin

from typing_extensions import Format, get_annotations

from esmodel.codec.typevars import bind, is_alias


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
        resolved: object = eval(text, function.__globals__, _names_around(caller))  # noqa: S307
    except NameError:
        return None
    return resolved


_STATE_AND_EVENT = 2


def _names_around(frame: FrameType | None) -> ChainMap[str, object]:
    """Return the names that a class body sees: its own, then those of the functions around it."""
    scopes: list[dict[str, object]] = []
    while frame is not None and frame.f_code.co_name != "<module>":
        scopes.append(dict(frame.f_locals))
        if frame.f_back is None or frame.f_back.f_globals is not frame.f_globals:
            break
        frame = frame.f_back
    return ChainMap(*scopes)
