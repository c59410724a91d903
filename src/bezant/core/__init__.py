"""The business. No HTTP, SQL, sockets, clock, randomness or environment in here."""
