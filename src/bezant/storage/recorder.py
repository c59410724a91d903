"""What a transaction of blind works writes, noted down to be sent later as one.

Blind works read nothing but what was fetched for all of them, so nothing needs a connection until all of
them have run: a recorder stands where the stores expect one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from sqlalchemy import Connection

Statement = tuple[str, Sequence[str]]
"""Its text, with ``%s`` for each value, and its values as PostgreSQL reads them."""
Written = Sequence[Sequence[bytes | None]]
"""Rows as PostgreSQL wrote them."""


class Unprimed(Exception):
    """A work that was said to be blind wants to read."""


@dataclass(frozen=True, slots=True)
class _Dialect:
    name: str = "postgresql"


class Recorder:
    """Stands for a connection to PostgreSQL, and notes what is to be sent."""

    def __init__(self) -> None:
        self.dialect = _Dialect()
        self.statements: list[Statement] = []

    def as_connection(self) -> Connection:
        """What the stores take it for."""
        return cast("Connection", self)

    def record(self, text: str, values: Sequence[str]) -> None:
        """Note a statement."""
        self.statements.append((text, values))

    def execute(self, *_: Any) -> NoReturn:  # noqa: ANN401 - whatever is asked
        """Refuses: it has no rows. Raises ``Unprimed``."""
        raise Unprimed
