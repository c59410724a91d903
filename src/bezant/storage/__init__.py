"""The database: SQLite or PostgreSQL, by one set of statements."""
