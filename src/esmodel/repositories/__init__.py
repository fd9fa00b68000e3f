"""From events to rows and back: the record, the store Protocols, the repositories."""
