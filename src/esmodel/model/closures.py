"""Closure cells: where ``super()`` and ``__class__`` find the class that a method is written in.

attrs makes a slotted class anew, and points the cells of plain methods, class methods and properties to the
new class. It does not look into registries, declared attributes and decorated functions; this module does.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import CellType, FunctionType, MethodType
from typing import Protocol, runtime_checkable

from esmodel.model.apply import ApplyRegistry, Ignored
from esmodel.model.plan import DeclaredAttribute


def repair_class_cells(cls: type[object], /) -> None:
    """Point the cells of all functions in a class body to the class, where they hold its predecessor."""
    for value in vars(cls).values():
        for function in _functions_in(value):
            for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
                if name == "__class__" and _is_predecessor(cell, cls):
                    cell.cell_contents = cls


def _functions_in(value: object) -> Iterator[FunctionType]:
    """Yield the functions behind what stands in a class body, decorated ones included."""
    found: list[object] = [value]
    if isinstance(value, (ApplyRegistry, Ignored)):
        found = list(value.handlers.values())
    elif isinstance(value, DeclaredAttribute):
        found = [value.getter]
    elif type(value) in {classmethod, staticmethod}:
        found = [_function_of(value)]
    elif isinstance(value, property):
        found = [value.fget, value.fset, value.fdel]
    for each in found:
        function: object = each
        while isinstance(function, FunctionType):
            yield function
            function = vars(function).get("__wrapped__")


def _function_of(value: object) -> object:
    """Return the function of a class method or a static method."""
    bound = value.__get__(None, object) if isinstance(value, _Descriptor) else value
    return bound.__func__ if isinstance(bound, MethodType) else bound


@runtime_checkable
class _Descriptor(Protocol):
    def __get__(self, instance: None, owner: type[object], /) -> object: ...


def _is_predecessor(cell: CellType, cls: type[object]) -> bool:
    """Whether a cell holds the class of which attrs made this one."""
    try:
        held: object = cell.cell_contents
    except ValueError:  # the cell is empty
        return False
    return (
        isinstance(held, type)
        and held not in cls.__mro__
        and "__attrs_attrs__" not in vars(held)  # a class that attrs made is not a predecessor
        and (held.__module__, held.__qualname__) == (cls.__module__, cls.__qualname__)
    )
