"""Where a contender keeps its tables: one database for all of a run, a schema for each file of SQLite.

This module needs nothing but the standard library: it is read in every environment.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

VARIABLE: Final = "ESMODEL_BENCHMARK_POSTGRES"
"""The environment variable that tells the processes of the contenders the connection string."""


def dsn() -> str:
    """Return the connection string of the database of this run."""
    return os.environ[VARIABLE]


def schema(path: Path) -> str:
    """Return the name of the schema that stands for a file, which is new in each row and each turn."""
    return re.sub(r"[^a-z0-9_]", "_", f"bench_{path.parent.name}_{path.stem}".lower())
