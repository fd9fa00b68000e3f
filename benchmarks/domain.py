"""The events of an account, shared by esmodel and the baseline."""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen

from esmodel import AggregateEvent, HashchainedEvent


@frozen(kw_only=True)
class Opened(AggregateEvent):
    """An account was opened."""

    owner: str


@frozen(kw_only=True)
class Deposited(AggregateEvent):
    """Money was paid in."""

    cents: int
    currency: str


@frozen(kw_only=True)
class ChainedOpened(HashchainedEvent, name="Opened"):
    """An account was opened; the event is part of a chain."""

    owner: str


@frozen(kw_only=True)
class ChainedDeposited(HashchainedEvent, name="Deposited"):
    """Money was paid in; the event is part of a chain."""

    cents: int
    currency: str


AccountEvent: TypeAlias = Opened | Deposited
ChainedAccountEvent: TypeAlias = ChainedOpened | ChainedDeposited
