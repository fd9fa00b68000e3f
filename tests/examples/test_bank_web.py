"""The example examples/bank_web.py, asked as a client would ask."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from fastapi.testclient import TestClient

from bank import Account
from bank_web import AccountNow, make_app
from esmodel import EventSourcedRepository
from esmodel.stores.sqlite import SQLiteStore


class Detail(msgspec.Struct):
    detail: str


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bank.db"


@pytest.fixture
def client(path: Path) -> Iterator[TestClient]:
    with TestClient(make_app(SQLiteStore(path))) as client:
        yield client


def opened(client: TestClient) -> AccountNow:
    response = client.post("/accounts", json={"owner": "Ada"})
    assert response.status_code == 201
    return account_in(response.content)


def account_in(content: bytes) -> AccountNow:
    return msgspec.json.decode(content, type=AccountNow)


def detail_in(content: bytes) -> str:
    return msgspec.json.decode(content, type=Detail).detail


def test_an_account_is_opened_and_shown(client: TestClient) -> None:
    account = opened(client)

    response = client.get(f"/accounts/{account.id}")

    assert response.status_code == 200
    assert account_in(response.content) == AccountNow(account.id, "Ada", 0, is_open=True, version=0)


def test_what_was_deposited_is_in_the_file_when_the_application_has_stopped(path: Path) -> None:
    with TestClient(make_app(SQLiteStore(path))) as client:
        account = opened(client)
        deposits = f"/accounts/{account.id}/deposits"
        assert client.post(deposits, json={"cents": 500}).status_code == 200
        assert client.post(f"/accounts/{account.id}/closing").status_code == 200

    with SQLiteStore(path) as store:
        kept = EventSourcedRepository(Account, store)[account.id]
    assert (kept.balance, kept.is_open, kept.version) == (500, False, 2)


def test_an_account_that_is_not_there_is_a_404(client: TestClient) -> None:
    missing = uuid4()

    response = client.get(f"/accounts/{missing}")

    assert response.status_code == 404
    assert str(missing) in detail_in(response.content)


def test_a_discarded_account_is_a_404(client: TestClient) -> None:
    account = opened(client)
    assert client.delete(f"/accounts/{account.id}").status_code == 204

    assert client.post(f"/accounts/{account.id}/deposits", json={"cents": 1}).status_code == 404


def test_a_stale_command_is_a_409_and_stores_nothing(client: TestClient) -> None:
    account = opened(client)
    deposits = f"/accounts/{account.id}/deposits"
    seen = {"If-Match": str(account.version)}
    assert client.post(deposits, json={"cents": 500}, headers=seen).status_code == 200

    response = client.post(deposits, json={"cents": 500}, headers=seen)

    assert response.status_code == 409
    assert "expected version 0, found 1" in detail_in(response.content)
    assert account_in(client.get(f"/accounts/{account.id}").content).balance == 500


def test_many_at_once_lose_no_deposit_that_was_acknowledged(client: TestClient) -> None:
    account = opened(client)
    deposits = f"/accounts/{account.id}/deposits"

    def deposit(_: int) -> int:
        return client.post(deposits, json={"cents": 1}).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(deposit, range(40)))

    assert set(statuses) <= {200, 409}
    shown = account_in(client.get(f"/accounts/{account.id}").content)
    assert shown.balance == shown.version == statuses.count(200)


@pytest.mark.parametrize("cents", [0, -5])
def test_what_the_model_refuses_is_a_422_with_its_sentence(cents: int, client: TestClient) -> None:
    account = opened(client)

    response = client.post(f"/accounts/{account.id}/deposits", json={"cents": cents})

    assert response.status_code == 422
    assert detail_in(response.content) == f"a deposit must be positive, not {cents}"


@pytest.mark.parametrize("body", [{}, {"cents": "much"}, {"cents": None}])
def test_what_is_no_deposit_is_a_422(body: dict[str, str | None], client: TestClient) -> None:
    account = opened(client)

    assert client.post(f"/accounts/{account.id}/deposits", json=body).status_code == 422
    assert account_in(client.get(f"/accounts/{account.id}").content).version == 0
