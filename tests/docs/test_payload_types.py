"""The tables of docs/guides/payload-types.md say what becomes of each type and value."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from esmodel import PayloadError
from esmodel.exceptions import UnsupportedTypeError

ROOT = next(each for each in Path(__file__).parents if (each / "README.md").is_file())
TEXT = (ROOT / "docs" / "guides" / "payload-types.md").read_text(encoding="utf-8")
BETWEEN_CELLS = re.compile(r"(?<!\\)\|")
REPOSITORY = """
from attrs import define, frozen
from esmodel import AggregateEvent, AggregateRoot, EventSourcedRepository, ignores
from esmodel.stores.memory import MemoryStore

@frozen
class Triggered(AggregateEvent):
    value: {hint}

@define
class Thing(AggregateRoot[Triggered]):
    apply = ignores(Triggered).exhaustive

store = MemoryStore()
things = EventSourcedRepository(Thing, store)
"""
TRIGGER = "thing = Thing.create(Triggered, value={value})"
SAVE = """
things.save(thing)
stored = next(iter(store.read(thing.id))).data.decode()
[event] = things.events(thing.id)
loaded = event.value
"""


def rows_of(table: str) -> list[tuple[str, ...]]:
    """Return the cells of the table after a mark, without their backticks."""
    text = TEXT.partition(f"<!-- {table} -->\n")[2].lstrip("\n").partition("\n\n")[0]
    rows = [[cell.strip() for cell in BETWEEN_CELLS.split(line)[1:-1]] for line in text.splitlines()[2:]]
    return [
        tuple(each.removeprefix("`").removesuffix("`").replace(r"\|", "|") for each in row) for row in rows
    ]


@pytest.fixture
def namespace() -> dict[str, object]:
    """Give what the first block of the page defines."""
    module = ModuleType("page_of_payload_types")
    sys.modules[module.__name__] = module  # where the annotations of its classes are resolved
    names = vars(module)
    run(TEXT.partition("```python\n")[2].partition("```")[0], names)
    return names


def run(code: str, names: dict[str, object]) -> None:
    # without the future import of this file, because the annotation of a field is the thing under test
    exec(compile(code, "<page>", "exec", dont_inherit=True), names)  # noqa: S102  # the same


@pytest.mark.parametrize("row", rows_of("carried"), ids=lambda row: f"{row[0]}, {row[1]}")
def test_a_carried_value_comes_back_as_it_was(
    row: tuple[str, str, str], namespace: dict[str, object]
) -> None:
    hint, value, stored = row
    run(REPOSITORY.format(hint=hint) + TRIGGER.format(value=value) + SAVE, namespace)
    given: object = eval(value, namespace)  # noqa: S307  # because it is a cell of our own page

    assert namespace["stored"] == f'{{"value":{stored}}}'
    assert namespace["loaded"] == given
    assert type(namespace["loaded"]) is type(given)
    if not isinstance(given, set):  # which has no order to compare
        assert repr(namespace["loaded"]) == repr(given)


@pytest.mark.parametrize("row", rows_of("refused"), ids=lambda row: row[0])
def test_a_refused_type_is_refused_by_the_repository(
    row: tuple[str, str], namespace: dict[str, object]
) -> None:
    with pytest.raises(UnsupportedTypeError, match=r"Triggered\.value"):
        run(REPOSITORY.format(hint=row[0]), namespace)


@pytest.mark.parametrize("row", rows_of("refused values"), ids=lambda row: f"{row[0]}, {row[1]}")
def test_a_refused_value_is_refused_by_the_trigger(
    row: tuple[str, str, str], namespace: dict[str, object]
) -> None:
    run(REPOSITORY.format(hint=row[0]), namespace)

    with pytest.raises(PayloadError, match=r"^Triggered\.value"):
        run(TRIGGER.format(value=row[1]), namespace)


def test_a_payload_is_encoded_when_it_is_triggered(namespace: dict[str, object]) -> None:
    run(REPOSITORY.format(hint="list[int]") + "given = [1]\n" + TRIGGER.format(value="given"), namespace)
    run("given.append(2)" + SAVE, namespace)

    assert namespace["loaded"] == [1]


def test_post_init_of_a_dataclass_does_not_run_on_history(namespace: dict[str, object]) -> None:
    positive = """
@dataclass
class Positive:
    x: int
    def __post_init__(self):
        if self.x <= least: raise ValueError("positive")
least = 0
"""
    run(positive + REPOSITORY.format(hint="Positive") + TRIGGER.format(value="Positive(1)") + SAVE, namespace)
    run("least = 5; [event] = things.events(thing.id); found = event.value.x", namespace)

    assert namespace["found"] == 1


def test_each_table_is_found() -> None:
    tables = ("carried", "refused", "refused values")

    assert all(len(rows_of(table)) > 5 for table in tables)
