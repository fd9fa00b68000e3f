"""What users import in their own tests: scenarios, laws of aggregates, laws of record stores.

Imported by name, because they need the extra ``esmodel[testing]``: ``esmodel.testing.strategies`` and
``esmodel.testing.laws``. The fixtures come with pytest by themselves.
"""

from esmodel.testing.clock import FixedClock, FixedIds
from esmodel.testing.comparison import EventChangedError
from esmodel.testing.outcome import Outcome, ScenarioError, UnsettledWarning, scenarios_settled
from esmodel.testing.scenario import Given, Scenario, scenario

__all__ = [
    "EventChangedError",
    "FixedClock",
    "FixedIds",
    "Given",
    "Outcome",
    "Scenario",
    "ScenarioError",
    "UnsettledWarning",
    "scenario",
    "scenarios_settled",
]
