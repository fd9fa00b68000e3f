"""esmodel beside a floor and beside ``eventsourcing`` 9.5 on one PostgreSQL server."""
