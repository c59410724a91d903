"""What an operation of this dialect is: a path, a scope, its fields as a table, and one function.

A request is read whole before anything is done, so that an answer can name all that is wrong with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from bezant.core.credentials import Bearer, Scope
from bezant.core.merchants import Caller
from bezant.core.payments import Key
from bezant.dialects.ipospays import fields
from bezant.dialects.ipospays.codes import Error
from bezant.dialects.ipospays.services import Services
from bezant.dialects.wire.contract import Field, Layout

Values = Mapping[str, Any]

KEY_PREFIX: Final = "ipospays:"
"""Sets a transaction's reference apart from idempotency keys of another dialect on the same terminal."""


class Problems(Exception):
    """All that is wrong with a request: it is not carried out."""

    def __init__(self, *errors: Error) -> None:
        super().__init__("problems")
        self.errors = errors


class Shown(msgspec.Struct, frozen=True):
    """An answer: its bytes, and a word for logs and metrics."""

    body: bytes
    outcome: str
    status: int = 200


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was let in and read."""

    services: Services
    bearer: Bearer | None
    """Whose token it is; None for one that is bound to a terminal."""
    terminal: Caller | None
    """The terminal that it names."""
    values: Values
    request_id: str
    address: str

    def __getitem__(self, spec: Field[Error]) -> Any:  # noqa: ANN401 - what the field reads
        return self.values[spec.name]

    @property
    def caller(self) -> Caller:
        """The terminal, where the operation names one."""
        assert self.terminal is not None, "the operation names no terminal"
        return self.terminal

    @property
    def reference(self) -> str:
        """The transaction's reference."""
        found: str = self[fields.REFERENCE]
        return found

    @property
    def key(self) -> Key:
        """The reference as an idempotency key.

        No two requests are the same one: whatever comes again with a reference is refused, and asks for the
        transaction's status if it needs to know.
        """
        return Key(value=key_of(self.reference), fingerprint=self.request_id.encode())


def key_of(reference: str) -> str:
    """The idempotency key that a transaction's reference is."""
    return f"{KEY_PREFIX}{reference}"


def _no_problems(_values: Values) -> Iterable[Error]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a request says, and what is done then.

    ``check`` finds what is wrong between fields: it sees those that could be read.
    """

    title: str
    fields: tuple[Field[Error], ...]
    perform: Callable[[Call], Awaitable[Shown]]
    layouts: tuple[Layout[Any], ...]
    check: Callable[[Values], Iterable[Error]] = _no_problems
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation: its paths, who may call it, and its form.

    ``ecom_paths`` are those that take a terminal's own token, too. ``select`` finds the form of a request
    where there are several; it may raise ``Problems``.
    """

    name: str
    method: str = "POST"
    paths: tuple[str, ...]
    scope: Scope
    ecom_paths: frozenset[str] = field(default=frozenset())
    authorization: bool = False
    """Whether the token may stand in the header ``Authorization``, too."""
    forms: tuple[Form, ...]
    select: Callable[[Values], Form] | None = None

    def form(self, values: Values) -> Form:
        """The form of a request. Raises ``Problems``."""
        return self.forms[0] if self.select is None else self.select(values)
