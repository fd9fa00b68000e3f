"""Storms: writers at work while their engine is killed, failed over, restored and replaced beneath them.

``just storm-stores SECONDS SEED`` lets each engine's rage for longer. A failure names the seed.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Final

import pytest
from store_storm import StormyEngine, storm
from stormy_postgres import StormyPostgres
from stormy_sqlite import StormySQLite

from esmodel.stores.postgres import Order

SECONDS: Final = float(os.environ.get("ESMODEL_STORM", "10"))
SEED: Final = int(os.environ.get("ESMODEL_STORM_SEED", str(time.time_ns() // 1000)))

pytestmark = pytest.mark.slow


def survive(stormy: StormyEngine, folder: Path) -> None:
    report = storm(stormy, folder, SECONDS, SEED)
    sys.stdout.write(
        f"{stormy.engine}, seed {SEED}: {report.acknowledged} batches acknowledged, {report.lost} lost to "
        f"restores, {report.faults}\n"
    )
    assert report.wrong[:5] == [], f"{len(report.wrong)} faults, seed {SEED}"
    assert report.acknowledged > report.lost


@pytest.mark.parametrize("order", ["dense", "transaction"])
def test_postgres_survives_a_storm(order: Order, postgres_cluster: Path, tmp_path: Path) -> None:
    stormy = StormyPostgres(order, postgres_cluster, tmp_path)
    try:
        survive(stormy, tmp_path)
    finally:
        stormy.remove()


def test_sqlite_survives_a_storm(tmp_path: Path) -> None:
    survive(StormySQLite(tmp_path), tmp_path)
