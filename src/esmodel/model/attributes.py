"""Values of attributes: the payload of the event that an assignment triggers, and back."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import msgspec

from esmodel.codec.fits import misfit_of
from esmodel.codec.typevars import bind
from esmodel.codec.upcasting import Upcasting
from esmodel.codec.wire import VERSION
from esmodel.exceptions import ModelError, PayloadError, UnsupportedTypeError
from esmodel.model.plan import DeclaredAttribute, EntityPlan
from esmodel.model.protocols import AttributeChange


class _StoredChange(
    msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, rename={"version": VERSION}
):
    """The stored form of a changed attribute: its value as JSON, whose type only the entity knows."""

    name: str
    value: msgspec.Raw
    version: int = 0


class AttributeValues:
    """Writes and reads the values of the attributes of one class of entities.

    Args:
        plan: of the class.
        bound: what the type variables of the class stand for.
    """

    __slots__ = ("_bound", "_plan", "_upcastings")

    def __init__(self, plan: EntityPlan, bound: Mapping[object, object], /) -> None:
        """Derive the steps of the attributes that have an upcaster.

        Raises:
            ModelError: if the steps do not fit each other, or the type of the attribute.
        """
        self._plan = plan
        self._bound = bound
        self._upcastings: dict[str, Upcasting] = {}
        for name, attribute in plan.attributes.items():
            if attribute.upcaster is not None:
                codec, current = plan.codec, plan.codec.wire(self._type(attribute))
                self._upcastings[name] = Upcasting(
                    f"@attribute {name}", attribute.upcaster, codec.shapes().wire, current
                )

    def encode(self, change: AttributeChange, /) -> bytes:
        """Return the payload of a change.

        Raises:
            PayloadError: if the value cannot be written.
        """
        attribute = self._plan.attributes[change.name]
        name = f"{self._plan.name}.{change.name}"
        value = self._plan.codec.encode(self._type(attribute), change.value, name=name)
        return msgspec.json.encode(_StoredChange(change.name, msgspec.Raw(value), _version(attribute)))

    def decode(self, data: bytes, /) -> tuple[str, object]:
        """Return the name of today and the value of a change.

        Raises:
            ValueError: if the bytes do not fit, or no attribute has or had the name.
        """
        changed = msgspec.json.decode(data, type=_StoredChange)
        attribute = self._plan.stored_attributes.get(changed.name)
        if attribute is None:
            raise PayloadError(f"the entity has no @attribute {changed.name!r}")
        newest, value = _version(attribute), bytes(changed.value)
        if not 0 <= changed.version <= newest:
            raise PayloadError(
                f"expected a value of @attribute {attribute.name} of class version {newest} or older, found "
                f"{changed.version}"
            )
        if changed.version < newest:
            value = self._upcastings[attribute.name].run(value, changed.version)
        return attribute.name, self._plan.codec.decode(self._type(attribute), value)

    def _type(self, attribute: DeclaredAttribute) -> object:
        return bind(attribute.value_type(), self._bound)


def refuse_other_types(
    entity: type[object], plan: EntityPlan, arguments: tuple[object, ...], bound: Mapping[object, object], /
) -> None:
    """Refuse an attribute whose field has another type than its getter returns.

    Args:
        entity: the class.
        plan: of the class.
        arguments: its type arguments, where it is generic.
        bound: what its type variables stand for.

    Raises:
        ModelError: naming the attribute and both types.
    """
    for name, attribute in plan.attributes.items():
        with contextlib.suppress(UnsupportedTypeError):  # no snapshot can be taken, or values are not carried
            field = plan.codec.struct_codec(entity, [f"_{name}"], arguments).wires[f"_{name}"]
            value = plan.codec.wire(bind(attribute.value_type(), bound))
            finding = misfit_of(value, field)
            if finding is not None:
                raise ModelError(
                    f"{entity.__qualname__}.{name}: expected an @attribute with the type of its field "
                    f"_{name}, {field.spelling}, found {value.spelling}: {finding}. The event of an "
                    f"assignment sets the field."
                )


def _version(attribute: DeclaredAttribute) -> int:
    return 0 if attribute.upcaster is None else len(attribute.upcaster)
