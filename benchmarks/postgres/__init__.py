"""esmodel beside a baseline and beside ``eventsourcing`` 9.5 on one PostgreSQL server."""
