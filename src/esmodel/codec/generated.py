"""Functions that are generated for the fields of one class, as attrs generates ``__init__``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, cast

from typing_extensions import TypeForm

F = TypeVar("F")


def generated(
    signature: TypeForm[F], parameters: str, statements: Sequence[str], known: dict[str, object], /
) -> F:
    """Compile a function.

    Args:
        signature: the type of the function, for type checkers.
        parameters: the names of its parameters, separated by commas.
        statements: its body. It may contain the names of fields, which are identifiers, but no values.
        known: the globals of the function.
    """
    del signature
    body = "".join(f"\n    {each}" for each in statements)
    exec(f"def function({parameters}):{body}", known)  # noqa: S102  # because fields are identifiers
    return cast("F", known["function"])  # because the caller, who wrote the statements, states their type
