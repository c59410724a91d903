"""What an operation of this dialect is: its name, its parameters and keys as tables, and one function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bezant.core.merchants import Caller, Edition, SigningAccount
from bezant.dialects.aps import codes
from bezant.dialects.aps.answers import Key
from bezant.dialects.aps.codes import Error, Message
from bezant.dialects.aps.services import Services
from bezant.dialects.wire.contract import Field

COMMANDS: Final = ("service_command", "command", "query_command")
"""The parameters that name an operation. A request has one of them."""

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request whose signature is right and whose parameters are read."""

    services: Services
    account: SigningAccount
    caller: Caller
    edition: Edition
    address: str
    values: Values
    """The operation's parameters, read."""
    received: Values
    """Everything that was sent, in its JSON type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an operation answers: the keys that it adds, and how it went.

    Without an ``error`` it went well; the ``message`` then is of the operation's status for success. An
    error is one that comes with keys of its own; one without is raised as a ``Fault``.
    """

    made: Values = field(default_factory=dict)
    message: Message = codes.SUCCESS
    error: Error | None = None


Perform = Callable[[Call], Awaitable[Result]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """An operation as one edition has it.

    ``fields`` are in the order of their checks. ``kept_back`` are parameters that the answer does not
    repeat. ``succeeded`` and ``failed`` are the statuses of its answers.
    """

    fields: tuple[Field[Error], ...]
    keys: tuple[Key, ...]
    succeeded: str
    failed: str
    kept_back: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation, named by the ``word`` in the ``parameter``."""

    parameter: str
    word: str
    title: str
    perform: Perform
    current: Form
    classic: Form
    speaks: Callable[[Values, Edition], Edition] = lambda _received, edition: edition
    """Which edition a request speaks, given its merchant's."""

    def form(self, edition: Edition) -> Form:
        """The operation as an edition has it."""
        return self.classic if edition is Edition.CLASSIC else self.current
