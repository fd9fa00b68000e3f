"""Names that the examples of docstrings use without importing them."""

from __future__ import annotations

import attrs
import pytest

import esmodel


@pytest.fixture(autouse=True)
def _names_of_the_docstrings(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace.update({name: getattr(esmodel, name) for name in esmodel.__all__})
    doctest_namespace.update({"define": attrs.define, "frozen": attrs.frozen})
