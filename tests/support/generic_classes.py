"""Generic classes whose type variables have another meaning on each level."""

from __future__ import annotations

from typing import (
    Generic,
    TypeAlias,
    TypeVar,
)

from attrs import define, frozen

T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")


class Plain:
    """A class without type variables."""


class Root(Generic[T]):
    """Generic in one type."""


class Two(Generic[T, U]):
    """Generic in two types."""


class Fixed(Root[int]):
    """Gives the type argument."""


class Passed(Root[T], Generic[T]):
    """Shares the type variable of its base, with the same meaning."""


class Wrapped(Root[Root[T]], Generic[T]):
    """Shares the type variable of its base, with another meaning."""


class WrappedTwice(Wrapped[Root[T]], Generic[T]):
    """Does the same once more."""


class Innermost(WrappedTwice[int]):
    """Gives the type argument three levels below the root."""


class Renamed(Root[U], Generic[U]):
    """Has another type variable than its base."""


class Swapped(Two[U, T], Generic[T, U]):
    """Swaps the type variables of its base."""


class Half(Two[int, T], Generic[T]):
    """Binds one of two type variables; the other one takes its name."""


class Whole(Half[str]):
    """Binds both type variables, on two levels."""


class Bare(Root):  # type: ignore[type-arg]  # because what it stands for is open
    """Leaves out the type argument of its base."""


class Left(Root[T], Generic[T]):
    """One side of a diamond."""


class Right(Root[T], Generic[T]):
    """The other side."""


class Diamond(Left[int], Right[int]):
    """Reaches the root through two bases."""


class HalfBareDiamond(Bare, Left[int]):
    """Reaches the root through two bases; only the second gives the type argument."""


class BareHalfDiamond(Left[int], Bare):
    """Reaches the root through two bases; only the first gives the type argument."""


class OpenDiamond(Left[T], Right[T], Generic[T]):
    """A diamond that is still generic."""


Some: TypeAlias = list[T] | dict[str, T] | None


@frozen
class Pair(Generic[T]):
    left: T
    right: T


@frozen
class Named(Pair[str], Generic[T]):
    """Shares the type variable of its base, where it is bound to text."""

    value: T


@frozen
class Paired(Pair[Pair[T]], Generic[T]):
    """Shares the type variable of its base, where it stands for a pair."""

    value: T


@frozen
class Deep(Paired[Named[T]], Generic[T]):
    """Does the same once more."""

    deepest: T


@frozen
class Mixed(Generic[T, U]):
    some: Some[T]
    others: tuple[U, ...] = ()
    nested: Pair[T] | None = None
    of_both: dict[str, Pair[U]] | None = None


@frozen
class HalfMixed(Mixed[int, T], Generic[T]):
    """Gives one of two type arguments."""


@frozen
class WholeMixed(HalfMixed[str]):
    """Gives both type arguments."""


@frozen
class OfLists(Generic[T]):
    pair: Pair[list[T]]


@frozen
class ListPair(Pair[list[T]], Generic[T]):
    value: T


@define
class Loose(Generic[T]):
    """A mutable class with slots."""

    value: T


@define(slots=False)
class LooseChild(Loose[int]):
    other: str
