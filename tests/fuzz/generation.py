"""How hypothesis generates for fuzzing: as many inputs as were asked for, and nothing kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase

F = TypeVar("F", bound=Callable[..., None])


def settings(examples: int, **more: Any) -> hypothesis.settings:
    """With ``more`` of hypothesis' own."""
    return hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        **more,
    )


def generating(examples: int, *, seed: int) -> Callable[[F], F]:
    """Decorates what ``hypothesis.given`` made: the same inputs for a seed."""

    def decorated(given: F) -> F:
        return hypothesis.seed(seed)(settings(examples)(given))

    return decorated
