"""The place of a contender's tables: one database per run, one schema per SQLite file.

This module needs nothing but the standard library: it is read in every environment.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

VARIABLE: Final = "ESMODEL_BENCHMARK_POSTGRES"
"""The environment variable that passes the connection string to the contenders."""


def dsn() -> str:
    """Return the connection string of the database of this run."""
    return os.environ[VARIABLE]


def schema(path: Path) -> str:
    """Return the schema that stands for a file; each row and turn has a new one."""
    return re.sub(r"[^a-z0-9_]", "_", f"bench_{path.parent.name}_{path.stem}".lower())
