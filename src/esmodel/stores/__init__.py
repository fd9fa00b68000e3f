"""Engines that keep rows: strangers to each other, each behind its own import."""
