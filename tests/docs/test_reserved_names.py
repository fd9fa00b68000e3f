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


def test_the_page_lists_the_names_that_every_entity_reserves() -> None:
    assert names_of("every entity and aggregate") == RESERVED_BY_ENTITIES
    assert AggregateRoot._es_reserved == AggregateRootWithECC._es_reserved == RESERVED_BY_ENTITIES


def test_the_page_lists_what_the_other_kinds_add() -> None:
    chained = RESERVED_BY_ENTITIES | names_of("a hash chain")

    assert HashchainedAggregateRoot._es_reserved == EntityWithHashchain._es_reserved == chained
    assert Command._es_reserved == RESERVED_BY_ENTITIES | names_of("a `Command`")
    assert names_of("an event") == RESERVED_BY_EVENTS
