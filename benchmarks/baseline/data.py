"""The stored forms of the baseline."""

from __future__ import annotations

import msgspec


class OpenedData(msgspec.Struct):
    """What is stored of ``Opened``."""

    owner: str


class DepositedData(msgspec.Struct):
    """What is stored of ``Deposited``."""

    cents: int
    currency: str


class State(msgspec.Struct):
    """What is stored of an account."""

    owner: str
    balance: int


encode = msgspec.json.Encoder().encode
decode_opened = msgspec.json.Decoder(OpenedData).decode
decode_deposited = msgspec.json.Decoder(DepositedData).decode
decode_state = msgspec.json.Decoder(State).decode
decode_item = msgspec.json.Decoder(int).decode
decode_message = msgspec.json.Decoder(str).decode
