"""The tables of docs/guides/payload-types.md say what becomes of each type and value."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from esmodel import PayloadError
from esmodel.exceptions import StoredDataError, UnsupportedTypeError

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


def test_the_fold_of_a_time_is_still_lost(namespace: dict[str, object]) -> None:
    run(REPOSITORY.format(hint="dt.time") + TRIGGER.format(value="dt.time(2, 30, fold=1)") + SAVE, namespace)

    assert repr(namespace["loaded"]) == "datetime.time(2, 30)"


def test_a_value_is_still_read_at_the_save(namespace: dict[str, object]) -> None:
    run(REPOSITORY.format(hint="list[int]") + "given = [1]\n" + TRIGGER.format(value="given"), namespace)
    run("given.append(2)" + SAVE, namespace)

    assert namespace["loaded"] == [1, 2]


def test_a_literal_of_an_enum_is_still_a_plain_type_error(namespace: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="Literal may only contain"):
        run(REPOSITORY.format(hint="Literal[Colour.RED]"), namespace)


def test_a_subclass_of_text_is_still_refused(namespace: dict[str, object]) -> None:
    run(
        "class Text(str): pass" + REPOSITORY.format(hint="str") + TRIGGER.format(value='Text("a")'), namespace
    )

    with pytest.raises(PayloadError):
        run(SAVE, namespace)


def test_post_init_of_a_dataclass_still_runs_on_history(namespace: dict[str, object]) -> None:
    positive = """
@dataclass
class Positive:
    x: int
    def __post_init__(self):
        if self.x <= least: raise ValueError("positive")
least = 0
"""
    run(positive + REPOSITORY.format(hint="Positive") + TRIGGER.format(value="Positive(1)") + SAVE, namespace)

    with pytest.raises(StoredDataError, match="positive"):
        run("least = 5; list(things.events(thing.id))", namespace)


def test_each_table_is_found() -> None:
    tables = ("carried", "refused", "refused values", "changed")

    assert all(len(rows_of(table)) > 5 for table in tables)
