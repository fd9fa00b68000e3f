"""The stored forms of the baseline."""

from __future__ import annotations

import msgspec


class OpenedData(msgspec.Struct):
    """The stored form of ``Opened``."""

    owner: str


class DepositedData(msgspec.Struct):
    """The stored form of ``Deposited``."""

    cents: int
    currency: str


class State(msgspec.Struct):
    """The stored form of an account."""

    owner: str
    balance: int


encode = msgspec.json.Encoder().encode
decode_opened = msgspec.json.Decoder(OpenedData).decode
decode_deposited = msgspec.json.Decoder(DepositedData).decode
decode_state = msgspec.json.Decoder(State).decode
decode_item = msgspec.json.Decoder(int).decode
decode_message = msgspec.json.Decoder(str).decode
