"""Fault points: named places at which a test can have the process die.

Nothing here dies or reads the environment: in the package as it is installed no switch exists, so none can be
left on. The launcher of the tests (``tests/faults/launcher.py``) installs the observer; without one a fault
point is a call and a comparison.
"""

from __future__ import annotations

from collections.abc import Callable

Observer = Callable[[str], None]

_observe: Observer | None = None


def fault_point(name: str) -> None:
    """Execution has come to the step called ``name``. Called on any thread; changes nothing by itself."""
    if _observe is not None:
        _observe(name)


def observe_fault_points(observe: Observer | None) -> None:
    """Have ``observe`` called at every fault point of this process from now on; for tests only."""
    global _observe  # noqa: PLW0603 - one switch for all threads, read on every hot path
    _observe = observe
