"""A typed value to canonical JSON and back; it knows no event."""

from esmodel.codec.codec import DEFAULT_CODEC, Codec, CodecHook, TypedCodec, TypeHook

__all__ = [
    "DEFAULT_CODEC",
    "Codec",
    "CodecHook",
    "TypeHook",
    "TypedCodec",
]
