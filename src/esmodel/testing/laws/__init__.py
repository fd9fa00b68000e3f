"""Laws of aggregates, checked on random histories."""
