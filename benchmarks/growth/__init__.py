"""How cost grows with the length of a history and with the number of writers, on an SQLite file."""
