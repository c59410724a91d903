"""The wire engine: contracts as tables, bodies parsed strictly, answers rendered by the same tables."""
