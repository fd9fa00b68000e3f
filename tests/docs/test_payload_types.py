"""The tables of docs/guides/payload-types.md say what becomes of each type and value."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator, Mapping
from pathlib import Path

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


def rows_of(table: str) -> Iterator[tuple[str, ...]]:
    """Yield the cells of the table after a mark, without their backticks."""
    text = TEXT.partition(f"<!-- {table} -->\n")[2].lstrip("\n").partition("\n\n")[0]
    for line in text.splitlines()[2:]:
        cells = [cell.strip() for cell in BETWEEN_CELLS.split(line)[1:-1]]
        yield tuple(cell.removeprefix("`").removesuffix("`").replace(r"\|", "|") for cell in cells)


@pytest.fixture(scope="module")
def defined(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, object]:
    """Give what the first block of the page defines."""
    script = tmp_path_factory.mktemp("page") / "defined.py"
    script.write_text(TEXT.partition("```python\n")[2].partition("```")[0], encoding="utf-8")
    return runpy.run_path(str(script))


@pytest.fixture
def namespace(defined: Mapping[str, object]) -> dict[str, object]:
    return dict(defined)


def run(code: str, namespace: dict[str, object]) -> None:
    exec(code, namespace)  # noqa: S102  # because the annotation of a field is the thing under test


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
    assert repr(namespace["loaded"]) == repr(given)


@pytest.mark.parametrize("row", rows_of("refused"), ids=lambda row: row[0])
def test_a_refused_type_is_refused_by_the_repository(
    row: tuple[str, str], namespace: dict[str, object]
) -> None:
    with pytest.raises(UnsupportedTypeError, match=r"Triggered\.value"):
        run(REPOSITORY.format(hint=row[0]), namespace)


@pytest.mark.parametrize("row", rows_of("refused values"), ids=lambda row: f"{row[0]}, {row[1]}")
def test_a_refused_value_is_refused_by_the_save(
    row: tuple[str, str, str], namespace: dict[str, object]
) -> None:
    run(REPOSITORY.format(hint=row[0]) + TRIGGER.format(value=row[1]), namespace)

    with pytest.raises(PayloadError):
        run(SAVE, namespace)


@pytest.mark.parametrize("row", rows_of("changed"), ids=lambda row: f"{row[0]}, {row[1]}")
def test_a_known_gap_is_still_there(row: tuple[str, str, str], namespace: dict[str, object]) -> None:
    """If this fails, the gap is closed: take it off the page."""
    hint, value, loaded = row
    run(REPOSITORY.format(hint=hint) + TRIGGER.format(value=value) + SAVE, namespace)
    given: object = eval(value, namespace)  # noqa: S307  # because it is a cell of our own page
    expected: object = eval(loaded, namespace)  # noqa: S307  # the same

    assert repr(namespace["loaded"]) == repr(expected)
    assert repr(namespace["loaded"]) != repr(given)


def test_each_table_is_found() -> None:
    tables = ("carried", "refused", "refused values", "changed")

    assert all(len(list(rows_of(table))) > 5 for table in tables)
