"""Benchmarks: esmodel beside a hand-written loop and other libraries."""
