"""How thorough a run of the tests is: ``desk`` takes minutes, ``ci`` takes all examples and all tests.

``ESMODEL_TEST_PROFILE`` names the profile. Without it, ``CI=true`` selects ``ci``.
"""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, settings

IN_CI: Final = os.environ.get("CI") == "true"
PROFILE: Final = os.environ.get("ESMODEL_TEST_PROFILE") or ("ci" if IN_CI else "desk")
"""The name of the profile of this run."""

DESK_EXAMPLES: Final = 20

settings.register_profile(
    "desk", max_examples=DESK_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "ci",
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
    derandomize=True,  # a run of CI that fails fails again
    print_blob=True,
)


def examples(count: int, /) -> int:
    """Return the number of examples for a test that sets its own: ``count`` in CI, a fifth on a desk.

    >>> examples(5) in {1, 5}
    True
    """
    return count if PROFILE == "ci" else max(1, count // 5)
