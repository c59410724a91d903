"""What this domain needs from outside, and what it offers to dialects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from bezant.core.credentials.model import (
    ApiKey,
    Bearer,
    Claims,
    EcomToken,
    KeyPair,
    Refusal,
    SigningKey,
    TerminalProfile,
)
from bezant.core.merchants import Account, Caller
from bezant.core.people import AuditTrail, Organization, OwnerRef
from bezant.core.sensitive import Secret

T = TypeVar("T")


# -- offered ------------------------------------------------------------------------------------------------


class BearerCheck(Protocol):
    """Judges tokens: ``Tokens`` is one."""

    async def check(self, text: str) -> Bearer | Refusal:
        """Who shows this token, and what it opens, by the owner's clock. Any text will do."""
        ...


class EcomCheck(Protocol):
    """Judges the lasting tokens of shops: ``EcomTokens`` is one."""

    async def check(self, text: str) -> Caller | None:
        """The terminal that this token was made for."""
        ...


class ProfileNumbers(Protocol):
    """Terminals by their profile numbers: ``Profiles`` is one."""

    async def caller(self, number: str) -> Caller | None:
        """The terminal with that number. Any text will do. Proves nothing of who asks."""
        ...

    async def assign(self, merchant_id: int, terminal_id: int) -> TerminalProfile:
        """A terminal's number; it is given one where it has none yet."""
        ...


# -- needed -------------------------------------------------------------------------------------------------


class CredentialStore(Protocol):
    """Keys, tokens and numbers of one transaction. Secrets are kept sealed, and as keyed hashes."""

    def key_of(self, owner: OwnerRef) -> ApiKey | None:
        """An organization's key."""
        ...

    def key_named(self, name: str) -> ApiKey | None:
        """The key with that public name."""
        ...

    def pair_of(self, owner: OwnerRef) -> KeyPair | None:
        """An organization's key with its secret."""
        ...

    def add_pair(self, pair: KeyPair) -> None:
        """Store an organization's first key. Raises ``Conflict`` when it has one."""
        ...

    def replace_secret(self, pair: KeyPair) -> None:
        """Store a key's next secret. Raises ``Conflict`` when somebody else was first."""
        ...

    def profile_of(self, merchant_id: int, terminal_id: int) -> TerminalProfile | None:
        """A terminal's number, if it has one."""
        ...

    def profile_numbered(self, number: str) -> TerminalProfile | None:
        """The terminal with that number."""
        ...

    def profiles_of(self, merchant_id: int) -> Sequence[TerminalProfile]:
        """A merchant's numbered terminals."""
        ...

    def add_profile(self, profile: TerminalProfile, *, at: datetime) -> None:
        """Store a terminal's number. Raises ``Conflict`` when the number is taken or the terminal has one."""
        ...

    def ecom_token_of(self, profile: TerminalProfile) -> EcomToken | None:
        """A terminal's lasting token, in clear."""
        ...

    def ecom_profile(self, token_hash: bytes) -> TerminalProfile | None:
        """The terminal whose lasting token has that hash."""
        ...

    def put_ecom_token(self, token: EcomToken) -> None:
        """Store a terminal's lasting token, in place of the one it has."""
        ...

    def signing_keys(self) -> Sequence[SigningKey]:
        """Every key that ever signed tokens, the newest first."""
        ...

    def add_signing_key(self, key: SigningKey) -> None:
        """Store a key. Raises ``Conflict`` when its number is taken: somebody else was first."""
        ...

    def retire_signing_keys(self, *, below: int, until: datetime) -> None:
        """Let no key numbered below sign again, and what they signed be over at ``until`` or before."""
        ...


class CredentialBoarding(Protocol):
    """Merchants, and the counter of changes."""

    def account(self, merchant_id: int) -> Account | None:
        """Everything of one merchant."""
        ...

    def changed(self) -> None:
        """Let every process know."""
        ...


class CredentialPeople(Protocol):
    """Organizations."""

    def organization(self, owner: OwnerRef) -> Organization | None:
        """An organization and its place."""
        ...


class CredentialFailures(Protocol):
    """Failed tries, by caller."""

    def record(
        self, caller: bytes, *, at: datetime, attempts_max: int, window: timedelta, lock: timedelta
    ) -> datetime | None:
        """Count one more failure; the instant until which the caller is locked out, if it now is."""
        ...

    def locked_until(self, caller: bytes) -> datetime | None:
        """Until when a caller is locked out, if it was."""
        ...

    def has_failed(self, caller: bytes) -> bool:
        """Whether failures of a caller are counted."""
        ...

    def clear(self, caller: bytes) -> None:
        """Forget a caller's failures."""
        ...


class CredentialTx(Protocol):
    """The stores of one transaction that this domain uses."""

    @property
    def credentials(self) -> CredentialStore:
        """Keys, tokens and numbers."""
        ...

    @property
    def boarding(self) -> CredentialBoarding:
        """Merchants, and the counter of changes."""
        ...

    @property
    def people(self) -> CredentialPeople:
        """Organizations."""
        ...

    @property
    def audit(self) -> AuditTrail:
        """The audit logs."""
        ...

    @property
    def failures(self) -> CredentialFailures:
        """Failed tries."""
        ...


class CredentialUnits(Protocol):
    """Runs work in a transaction. Work is plain code that may run more than once."""

    async def read(self, work: Callable[[CredentialTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...

    async def write(self, work: Callable[[CredentialTx], T], *, merchant_id: int) -> T:
        """Run ``work`` and commit, or raise and leave nothing behind. Owners' ids do for merchants'."""
        ...


class Names(Protocol):
    """Keyed hashes of secrets, and random names."""

    def digest(self, secret: str) -> bytes:
        """A keyed hash of a text."""
        ...

    def random_text(self, length: int) -> str:
        """So many random ASCII letters and digits."""
        ...

    def random_digits(self, length: int) -> str:
        """So many random digits."""
        ...

    def new_client_token(self) -> str:
        """A random UUID."""
        ...


class TokenWriter(Protocol):
    """Signed tokens as texts, and the keys that sign them."""

    async def new_key(self, number: int, *, at: datetime) -> SigningKey:
        """A fresh key. Made beside the event loop: it takes a while."""
        ...

    def write(self, claims: Claims, key: SigningKey) -> Secret:
        """A token that says this, signed."""
        ...

    def read(self, text: str, keys: Sequence[SigningKey]) -> tuple[Claims, SigningKey] | Refusal:
        """What a token says, once one of these keys is proven to have signed it. Never ``EXPIRED``."""
        ...

    def published(self, key: SigningKey) -> Mapping[str, str]:
        """The public half of a key as a JSON Web Key."""
        ...


class Callers(Protocol):
    """Merchants and their terminals: ``merchants.Directory`` is one."""

    async def account(self, merchant_id: int) -> Account | None:
        """Everything of one merchant."""
        ...

    async def caller(self, merchant_id: int, terminal_id: int) -> Caller:
        """A terminal as a caller, without credentials."""
        ...
