"""What goes back: the request's own parameters, what the operation adds, and a signature over both.

An answer repeats what was sent in the JSON type in which it came, and has no null and no empty text, since
clients do not agree on how these are signed (source: public client). Secrets are never repeated.

Before a request's signature is proven its sender may be anybody. The answer then repeats only plain values
of this dialect's parameters, and none that could be read as others: whoever collects our signatures shall
not be able to cut another answer out of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bezant.core.merchants import SigningAccount
from bezant.dialects.aps.codes import Error, Message
from bezant.dialects.aps.signature import SIGNATURE, sign_answer
from bezant.dialects.wire.codecs import as_received, json

Values = Mapping[str, Any]

NEVER_REPEATED: Final = frozenset(
    {"otp", "card_number", "card_security_code", "card_holder_name", "expiry_date"}
)

ALWAYS_MADE: Final = frozenset(
    {
        "authorized_amount",
        "captured_amount",
        "eci",
        "installment_detail",
        "loan_number",
        "otp_status",
        "refunded_amount",
        "response_code",
        "response_message",
        SIGNATURE,
        "status",
        "transaction_code",
        "transaction_message",
        "transaction_status",
        "valu_transaction_id",
    }
)
"""What only an answer says. A request that says it is not believed, and not repeated."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of an answer, for the order of keys and for the documentation."""

    name: str
    value: str = "as it was sent"
    note: str = ""


CODES: Final = (
    Key("response_message", "text, at most 150 characters", "in the request's `language`"),
    Key("response_code", "5 digits, a text", "status and message"),
    Key("status", "2 digits, a text"),
)
SIGNED: Final = Key(
    SIGNATURE, "lower-case hex", "with the response phrase, over all but `installment_detail`"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An answer that is not yet signed. ``made`` wins over what was sent."""

    received: Values
    made: Values
    keys: tuple[Key, ...]
    kept_back: frozenset[str] = field(default=frozenset())
    proven: bool
    known: frozenset[str] = field(default=frozenset())
    """The parameters of this dialect: all that is repeated to an unproven sender."""

    def members(self) -> dict[str, Any]:
        """The answer without its signature."""
        repeated = {
            name: value for name, value in self.received.items() if self._is_repeated(name) and _says(value)
        }
        if not self.proven:
            repeated = {
                name: value
                for name, value in repeated.items()
                if name in self.known and isinstance(value, str) and "=" not in value
            }
        return repeated | {name: value for name, value in self.made.items() if _says(value)}

    def _is_repeated(self, name: str) -> bool:
        return name not in NEVER_REPEATED and name not in ALWAYS_MADE and name not in self.kept_back


def outcome(error: Error, *, failed: str, language: str) -> dict[str, str]:
    """The three keys that tell how it went. ``failed``: the operation's own status for a failure."""
    return told(error.message, error.status or failed, language, error.name)


def told(message: Message, status: str, language: str, name: str | None = None) -> dict[str, str]:
    """The three keys for a message under a status."""
    return {
        "response_message": message.text(language, name),
        "response_code": status + message.code,
        "status": status,
    }


def render(draft: Draft, account: SigningAccount | None) -> bytes:
    """The answer as JSON, its keys in the documented order, signed if there is an account to sign for."""
    members = draft.members()
    if account is not None:
        members[SIGNATURE] = sign_answer(members, account.response_phrase, account.digest)
    ordered = _ordered(members, (key.name for key in draft.keys))
    return b"{" + b",".join([json(name) + b":" + as_received(value) for name, value in ordered]) + b"}"


def _ordered(members: Values, names: Iterable[str]) -> list[tuple[str, Any]]:
    """What is documented in its order, then the rest as it came."""
    first = [(name, members[name]) for name in names if name in members]
    documented = {name for name, _ in first}
    return first + [(name, value) for name, value in members.items() if name not in documented]


def _says(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return value is not None and value != ""
