"""A typed value to canonical JSON and back; the layer knows nothing of events."""

from esmodel.codec.codec import DEFAULT_CODEC, Codec
from esmodel.codec.hook import CodecHook, TypeHook
from esmodel.codec.typed import TypedCodec
from esmodel.codec.wire import Wire

__all__ = [
    "DEFAULT_CODEC",
    "Codec",
    "CodecHook",
    "TypeHook",
    "TypedCodec",
    "Wire",
]
