"""Contracts of record stores."""
