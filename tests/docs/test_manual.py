"""The manual builds without a warning, and its reference has every public name and no other."""

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

pytestmark = pytest.mark.slow  # the manual takes a minute to build

ROOT = next(each for each in Path(__file__).parents if (each / "README.md").is_file())
# an entry of an inventory: name, domain and kind, priority, place, title
ENTRY = re.compile(r"^(?P<name>\S+) py:(?P<kind>\w+) (?P<priority>\S+) ", re.MULTILINE)
# a name of the reference, and the text below it
DESCRIBED = re.compile(
    r'<dt class="sig[^>]*id="([^"]+)">.*?</dt>\s*<dd>(.*?)(?=<dt class="sig|</dd></dl>)', re.DOTALL
)
OLD_MODULES = [
    "model.events",
    "model.entity",
    "model.aggregate",
    "model.command",
    "model.decorators",
    "model.snapshot",
    "model.versioning",
    "structures.timebucketedlog",
    "structures.collection",
    "structures.array",
]


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
        timeout=900,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


@pytest.fixture(scope="module")
def inventory(manual: Path) -> dict[str, str]:
    """Return the kind of each name; aliases, which lead to the spelling of a name, are left out."""
    data = (manual / "objects.inv").read_bytes()
    body = data.split(b"\n", 4)[4]  # after four lines of header
    entries = ENTRY.finditer(zlib.decompress(body).decode())
    return {each["name"]: each["kind"] for each in entries if each["priority"] != "-1"}


def modules() -> list[str]:
    found = [each.name for each in pkgutil.walk_packages(esmodel.__path__, "esmodel.")]
    return [name for name in found if "._" not in name]


def exports_of(module: str) -> list[str]:
    names: list[str] = getattr(importlib.import_module(module), "__all__", [])
    return names


def packages() -> list[str]:
    return [each for each in modules() if exports_of(each)]


@pytest.mark.parametrize("package", packages())
def test_each_public_name_is_in_the_reference(package: str, inventory: dict[str, str]) -> None:
    inner = {name for each in packages() if each.startswith(f"{package}.") for name in exports_of(each)}
    missing = {f"{package}.{name}" for name in exports_of(package) if name not in inner} - set(inventory)

    assert missing == set()


def test_each_name_in_the_reference_is_public(inventory: dict[str, str]) -> None:
    public = {f"{package}.{name}" for package in packages() for name in exports_of(package)}
    covered = tuple(f"{package}." for package in packages())
    kinds = {"class", "function", "data", "exception"}
    shown = {name for name, kind in inventory.items() if kind in kinds and name.startswith(covered)}

    assert len(shown) > 50
    assert shown - public == set()


@pytest.mark.parametrize("package", ["esmodel", *packages()])
def test_the_page_of_a_package_links_to_each_name(package: str, manual: Path) -> None:
    name = package.removeprefix("esmodel.")
    page = (manual / "reference" / f"{name}.html").read_text(encoding="utf-8")
    linked = {each.rpartition(".")[2] for each in re.findall(r'href="[^"]*#(esmodel\.[\w.]+)"', page)}

    assert set(exports_of(package)) - linked == set()


def test_the_reference_begins_with_the_modules_of_the_old_library(manual: Path) -> None:
    page = (manual / "reference" / "index.html").read_text(encoding="utf-8")
    tree = re.findall(r'class="toctree-l2[^"]*"><a class="reference internal" href="([\w.]+)\.html"', page)

    assert tree[1 : 1 + len(OLD_MODULES)] == OLD_MODULES


def test_each_member_of_a_public_class_is_in_the_reference(inventory: dict[str, str]) -> None:
    members = [
        f"{package}.{name}.{member}"
        for package in packages()
        for name in exports_of(package)
        if f"{package}.{name}" in inventory and isinstance(value := _value(package, name), type)
        for member, found in vars(value).items()
        if not member.startswith("_")
        and (callable(found) or isinstance(found, (property, classmethod, staticmethod)))
    ]

    assert members
    assert [each for each in members if each not in inventory] == []


def _value(package: str, name: str) -> object:
    value: object = vars(importlib.import_module(package))[name]
    return value


def test_each_entry_of_the_reference_has_a_description(manual: Path) -> None:
    silent = [
        entry[1]
        for page in (manual / "reference").glob("*.html")
        for entry in DESCRIBED.finditer(page.read_text(encoding="utf-8"))
        if re.sub(r"<[^>]+>", "", entry[2]).strip()[:15] in {"", "Alias for field"}
    ]

    assert silent == []


@pytest.mark.parametrize("keyword", ["name", "aliases", "upcaster", "codec"])
def test_each_class_keyword_of_an_event_is_described(keyword: str, manual: Path) -> None:
    page = (manual / "reference" / "model.events.html").read_text(encoding="utf-8")
    section = page.partition('id="esmodel.model.DomainEvent"')[2].partition('id="esmodel.')[0]

    assert re.search(rf">{keyword}<", section)


def test_each_public_module_has_a_docstring() -> None:
    specs = {name: importlib.util.find_spec(name) for name in modules()}
    sources = {
        name: Path(spec.origin).read_text(encoding="utf-8")
        for name, spec in specs.items()
        if spec is not None and spec.origin is not None
    }

    assert len(sources) > 20
    assert [name for name, source in sources.items() if not source.lstrip().startswith('"""')] == []


def test_the_manual_loads_nothing_from_the_network(manual: Path) -> None:
    pages = [each.read_text(encoding="utf-8") for each in manual.rglob("*.html")]
    loaded = {
        found for page in pages for found in re.findall(r'<(?:script|link|img)[^>]*"(https?://[^"]+)"', page)
    }

    assert loaded == set()
