"""A state machine as a table, and the only code that reads such a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


class IllegalStep(AssertionError):
    """A step that the table does not have: a bug, never an input error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle(Generic[S, E]):
    """States, events, and which event leads from which state to which."""

    name: str
    initial: S
    rows: Mapping[tuple[S, E], S]

    def allows(self, state: S, event: E) -> bool:
        """Whether ``event`` may happen in ``state``."""
        return (state, event) in self.rows

    def after(self, state: S, event: E) -> S:
        """The state that ``event`` leads to. Raises ``IllegalStep`` when there is none."""
        try:
            return self.rows[state, event]
        except KeyError:
            message = f"{self.name}: no {event.value} in state {state.value}"
            raise IllegalStep(message) from None

    def sources(self, event: E) -> frozenset[S]:
        """The states in which ``event`` may happen."""
        return frozenset(state for state, known in self.rows if known == event)

    def reachable(self) -> frozenset[S]:
        """Every state that some path from the initial one reaches, itself included."""
        found = {self.initial}
        grew = True
        while grew:
            step = {after for (state, _), after in self.rows.items() if state in found}
            grew = not step <= found
            found |= step
        return frozenset(found)

    def terminal(self) -> frozenset[S]:
        """Reachable states that nothing leads out of."""
        return self.reachable() - {state for state, _ in self.rows}
