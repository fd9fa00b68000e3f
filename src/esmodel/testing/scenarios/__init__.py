"""Scenarios: given some events, when a command runs, then these events."""
