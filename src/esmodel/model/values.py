"""Values: attrs classes and dataclasses in events and state, with a history of their own."""

from __future__ import annotations

from typing import ClassVar, Never

from typing_extensions import override

from esmodel.model.subclassing import refuse_keywords
from esmodel.model.versioning import Upcaster, refuse_wrong_upcaster


class Value:
    """A base for an attrs class or a dataclass that is nested in events, state or items and has an upcaster.

    A class without an upcaster needs no base. Values written before there was an upcaster are of class
    version 0; those written since then carry their class version in the JSON, under ``@version``.

    Class keywords:
        upcaster: the chain of steps from the oldest shape of the fields to today's; not inherited.

    Example:
        >>> from esmodel import Value, upcasts
        >>> from esmodel.codec import TypedCodec
        >>> @frozen
        ... class OldAddress:
        ...     street: str
        >>> def add_country(old: OldAddress) -> "Address":
        ...     return Address(old.street, "DE")
        >>> @frozen
        ... class Address(Value, upcaster=upcasts(add_country)):
        ...     street: str
        ...     country: str
        >>> codec = TypedCodec(list[Address])
        >>> codec.encode([Address("Weg 1", "AT")])
        b'[{"@version":1,"street":"Weg 1","country":"AT"}]'
        >>> codec.decode(b'[{"street":"Weg 1"}]')
        [Address(street='Weg 1', country='DE')]
    """

    __slots__ = ()

    _es_upcaster: ClassVar[Upcaster[Never, object] | None] = None

    @override
    def __init_subclass__(cls, *, upcaster: Upcaster[Never, object] | None = None, **unknown: Never) -> None:
        """Keep what the keyword declares.

        Raises:
            ModelError: if it is not an ``Upcaster``, or another keyword is given.
        """
        refuse_keywords(cls, unknown)
        super().__init_subclass__()
        if "_es_upcaster" in vars(cls):
            return  # attrs and dataclasses make a slotted class a second time, without keywords
        refuse_wrong_upcaster(cls.__qualname__, "upcaster", upcaster)
        cls._es_upcaster = upcaster
