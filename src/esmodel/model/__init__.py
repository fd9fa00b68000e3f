"""What a user writes: events, entities, aggregates, and what is made of them."""
