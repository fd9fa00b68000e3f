"""Hypothesis settings for tests that run on a store, which may be slow."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import HealthCheck, settings

TCheck = TypeVar("TCheck")


def without_deadline(check: TCheck, /) -> TCheck:
    """Lift the deadline of a property; the active profile decides the rest, such as how many examples run."""
    return settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])(check)


def machine_settings() -> settings:
    """Return settings for a state machine; the active profile decides the number of examples."""
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    return settings(deadline=None, stateful_step_count=30, suppress_health_check=slow)
