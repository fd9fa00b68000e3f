"""Scenarios: given some events, a command triggers these events and no others."""

from esmodel.testing.scenarios.clock import FixedClock, FixedIds
from esmodel.testing.scenarios.comparison import EventChangedError
from esmodel.testing.scenarios.outcome import Outcome
from esmodel.testing.scenarios.scenario import Given, Scenario, scenario
from esmodel.testing.scenarios.settled import UnsettledWarning, scenarios_settled
from esmodel.testing.scenarios.subject import ScenarioError

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
