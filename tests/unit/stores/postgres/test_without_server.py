"""``PostgresStore`` without a server, and esmodel without the driver."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import psycopg
import pytest
from sample_rows import STREAM

from esmodel.exceptions import PayloadError, StoreError
from esmodel.stores.postgres import Order, PostgresStore


@pytest.mark.parametrize(
    ("argument", "make_store"),
    [
        ("order", lambda: PostgresStore("", order=cast("Order", "sparse"))),
        ("schema", lambda: PostgresStore("", schema='a"b')),
        ("schema", lambda: PostgresStore("", schema="")),
        ("schema", lambda: PostgresStore("", schema="pg_mine")),
        ("connections", lambda: PostgresStore("", connections=0)),
    ],
)
def test_a_wrong_setting_is_refused(argument: str, make_store: Callable[[], PostgresStore]) -> None:
    with pytest.raises(PayloadError, match=f"^{argument}: expected"):
        make_store()


def test_a_missing_server_is_named_at_once(tmp_path: Path) -> None:
    with PostgresStore(f"host={tmp_path} dbname=nothing") as store:
        started = time.monotonic()
        with pytest.raises(StoreError, match="Check that the server runs") as caught:
            store.last(STREAM)
        assert isinstance(caught.value.__cause__, psycopg.OperationalError)
        assert time.monotonic() - started < 5
        with pytest.raises(StoreError, match="Check that the server runs"):
            store.migrate()


def test_a_wrong_connection_string_is_named() -> None:
    with pytest.raises(StoreError, match="expected a connection string"):
        PostgresStore("not a connection string")


def test_the_import_without_the_driver_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "try: import esmodel.stores.postgres\nexcept ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("esmodel.stores.postgres: expected psycopg 3 and psycopg_pool, found:")
    assert done.stdout.rstrip().endswith("pip install 'esmodel[postgres]'")


def test_the_package_root_does_not_load_the_driver() -> None:
    code = "import sys, esmodel; sys.exit(any(name.startswith('psycopg') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
