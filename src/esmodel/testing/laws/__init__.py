"""Laws of aggregates, which random commands check, and strategies that draw events.

It needs hypothesis, which ``pip install 'esmodel[testing]'`` installs.
"""

from importlib.util import find_spec

if not find_spec("hypothesis"):
    raise ImportError(
        "esmodel.testing.laws: expected hypothesis, found none. "
        "Install it with the extra: pip install 'esmodel[testing]'.",
        name="hypothesis",
    )

from esmodel.testing.laws.commands import Creation, Errors, RandomCommand, aggregate_laws, command, creation
from esmodel.testing.laws.law import LAWS, LawError
from esmodel.testing.laws.strategies import events, payloads, values

__all__ = [
    "LAWS",
    "Creation",
    "Errors",
    "LawError",
    "RandomCommand",
    "aggregate_laws",
    "command",
    "creation",
    "events",
    "payloads",
    "values",
]
