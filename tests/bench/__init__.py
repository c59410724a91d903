"""How many payments a second, and how fast: a load on a real server, with its costs and a yardstick.

``python -m tests.bench`` (or ``make bench``) starts the sandbox acquirer host and a server as processes of
their own, boards merchants, sells, and prints one table. ``docs/performance.md`` says how to read it.
"""
