"""Settings of hypothesis for properties and machines that run on a store."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import HealthCheck, settings

TCheck = TypeVar("TCheck")


def on_one_store(check: TCheck, /) -> TCheck:
    """Have a property of hypothesis take its time: all examples share a store, which may be slow.

    The rest is as the profile of hypothesis says, at the moment of the call.
    """
    return settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])(check)


def machine_settings() -> settings:
    """Return the settings of a state machine."""
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    return settings(deadline=None, stateful_step_count=30, suppress_health_check=slow)
