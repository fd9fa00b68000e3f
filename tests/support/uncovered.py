"""The environment of a process that coverage does not measure."""

from __future__ import annotations

import os


def without_coverage() -> dict[str, str]:
    """Return this environment, less the variables by which coverage loads itself into each Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_PROCESS")}
