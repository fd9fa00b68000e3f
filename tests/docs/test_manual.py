"""The manual is built without a warning, and has every public name."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import esmodel

DOORS = [
    "esmodel",
    "esmodel.stores.postgres",
    "esmodel.stores.sqlite",
    "esmodel.testing.contracts",
    "esmodel.testing.laws",
    "esmodel.testing.scenarios",
]
ROOT = next(each for each in Path(__file__).parents if (each / "README.md").is_file())
# what a line of an inventory says: name, domain and kind, priority, place, title
ENTRY = re.compile(r"^(?P<name>\S+) py:(?P<kind>\w+) ", re.MULTILINE)
DEFINITION = re.compile(r"^(?:class|def) ([A-Za-z]\w*)|^([A-Za-z]\w*)(?:: [^=\n]+)? = ", re.MULTILINE)
# a name of the reference, and what stands below it
DESCRIBED = re.compile(
    r'<dt class="sig[^>]*id="([^"]+)">.*?</dt>\s*<dd>(.*?)(?=<dt class="sig|</dd></dl>)', re.DOTALL
)
TYPE_VARIABLE = re.compile(r"^(\w+) = (?:TypeVar|ParamSpec)\(", re.MULTILINE)


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = os.environ.get("ESMODEL_TEST_MANUAL")  # by .ci/run, from this tree
    if built is not None:
        return Path(built)
    if importlib.util.find_spec("sphinx") is None:
        if os.environ.get("CI"):
            pytest.fail("sphinx is not installed, and CI must not pass without it")
        pytest.skip("sphinx is not installed")
    folder = tmp_path_factory.mktemp("manual")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n"]
    done = subprocess.run(
        [*command, "-d", str(folder / "doctrees"), str(ROOT / "docs"), str(folder / "html")],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


@pytest.fixture(scope="module")
def inventory(manual: Path) -> set[str]:
    data = (manual / "objects.inv").read_bytes()
    body = data.split(b"\n", 4)[4]  # four lines say what it is
    return {each["name"] for each in ENTRY.finditer(zlib.decompress(body).decode())}


def modules() -> list[str]:
    found = [each.name for each in pkgutil.walk_packages(esmodel.__path__, "esmodel.")]
    return [name for name in found if "._" not in name]


def source_of(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text(encoding="utf-8")


def public_names_of(module: str) -> set[str]:
    """Return what a module defines, with or without documentation; type variables are left aside."""
    source = source_of(module)
    names = {found[1] or found[2] for found in DEFINITION.finditer(source)}
    return names - set(TYPE_VARIABLE.findall(source))


def test_there_is_a_page_for_each_module(inventory: set[str]) -> None:
    assert len(modules()) > 20
    assert set(modules()) - inventory == set()


@pytest.mark.parametrize("module", modules())
def test_each_public_name_of_a_module_is_in_the_reference(module: str, inventory: set[str]) -> None:
    assert {f"{module}.{name}" for name in public_names_of(module)} - inventory == set()


def test_each_name_of_the_door_is_in_the_reference(inventory: set[str]) -> None:
    known = {each.rpartition(".")[2] for each in inventory}
    assert set(esmodel.__all__) - known == set()


@pytest.mark.parametrize("door", DOORS)
def test_each_name_of_a_door_is_linked_from_its_page(door: str, manual: Path) -> None:
    page = (manual / "reference" / f"{door}.html").read_text(encoding="utf-8")
    linked = {each.rpartition(".")[2] for each in re.findall(r'href="[^"]*#(esmodel\.[\w.]+)"', page)}
    names: list[str] = importlib.import_module(door).__all__
    assert set(names) - linked == set()


def test_each_member_of_a_public_class_is_in_the_reference(inventory: set[str]) -> None:
    missing = [
        f"{value.__module__}.{value.__qualname__}.{member}"
        for name in esmodel.__all__
        if isinstance(value := getattr(esmodel, name), type) and value.__module__.startswith("esmodel.")
        for member, found in vars(value).items()
        if not member.startswith("_")
        and (callable(found) or isinstance(found, (property, classmethod, staticmethod)))
    ]
    assert missing
    assert [each for each in missing if each not in inventory] == []


def test_nothing_in_the_reference_is_without_a_word(manual: Path) -> None:
    silent = [
        entry[1]
        for page in (manual / "reference").glob("esmodel*.html")
        for entry in DESCRIBED.finditer(page.read_text(encoding="utf-8"))
        if re.sub(r"<[^>]+>", "", entry[2]).strip()[:15] in {"", "Alias for field"}
    ]
    assert silent == []


@pytest.mark.parametrize("field", ["HEADER", "event_name", "aliases", "upcaster", "codec"])
def test_each_field_of_an_event_class_is_explained(field: str, manual: Path) -> None:
    page = (manual / "reference" / "esmodel.model.events.html").read_text(encoding="utf-8")
    section = page.partition('id="esmodel.model.events.DomainEvent"')[2].partition("EventWithOriginatorID")[0]
    assert re.search(rf">{field}<", section)


def test_each_public_module_says_what_it_is_for() -> None:
    silent = [name for name in modules() if not source_of(name).lstrip().startswith('"""')]
    assert silent == []


def test_the_manual_asks_nothing_of_the_network(manual: Path) -> None:
    pages = [each.read_text(encoding="utf-8") for each in manual.rglob("*.html")]
    loaded = {
        found for page in pages for found in re.findall(r'<(?:script|link|img)[^>]*"(https?://[^"]+)"', page)
    }
    assert loaded == set()
