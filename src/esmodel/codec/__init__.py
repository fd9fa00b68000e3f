"""A typed value to canonical JSON and back; it knows no event."""
