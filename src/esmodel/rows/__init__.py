"""What a store owes: the record, and the Protocols of record stores."""
