"""The table of reserved names in docs/guides/2-apply.md is the list of the library."""

from __future__ import annotations

import re
from pathlib import Path

from esmodel import AggregateRoot, AggregateRootWithECC, Command, HashchainedAggregateRoot
from esmodel.model import EntityWithHashchain
from esmodel.model.events import RESERVED_BY_EVENTS
from esmodel.model.reserved import RESERVED_BY_ENTITIES

ROOT = next(each for each in Path(__file__).parents if (each / "README.md").is_file())
PAGE = (ROOT / "docs" / "guides" / "2-apply.md").read_text(encoding="utf-8")


def names_of(row: str) -> set[str]:
    """Return the names in a row of the table."""
    [line] = [each for each in PAGE.splitlines() if each.startswith(f"| {row} |")]
    return set(re.findall(r"`(\w+)`", line.split("|")[2]))


def reserved_by(cls: type[object]) -> object:
    """Return the names that a base class reserves."""
    return next(vars(base)["_es_reserved"] for base in cls.__mro__ if "_es_reserved" in vars(base))


def test_the_page_lists_the_names_that_every_entity_reserves() -> None:
    assert names_of("every entity and aggregate") == RESERVED_BY_ENTITIES
    assert reserved_by(AggregateRoot) == reserved_by(AggregateRootWithECC) == RESERVED_BY_ENTITIES


def test_the_page_lists_what_the_other_kinds_add() -> None:
    chained = RESERVED_BY_ENTITIES | names_of("a hash chain")

    assert reserved_by(HashchainedAggregateRoot) == reserved_by(EntityWithHashchain) == chained
    assert reserved_by(Command) == RESERVED_BY_ENTITIES | names_of("a `Command`")
    assert names_of("an event") == RESERVED_BY_EVENTS
