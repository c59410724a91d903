"""API keys, profile numbers, lasting tokens, signing keys. Each statement is sent when it is asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, or_, select, update

from bezant.core.credentials import ApiKey, EcomToken, KeyPair, SigningKey, TerminalProfile
from bezant.core.outcomes import Conflict
from bezant.core.people import OrganizationKind, OwnerRef
from bezant.storage.crypto import Keys
from bezant.storage.instants import from_micros, maybe_instant, maybe_micros, to_micros
from bezant.storage.tables import api_keys, directory, ecom_tokens, terminal_profiles, token_keys
from bezant.storage.writes import Writes

PROFILE_NUMBER: Final = "profile"
ECOM_TOKEN: Final = "ecom_token"  # noqa: S105 - what a row of the directory names, not a token
_SECRET, _TOKEN, _SIGNING = "api secret", "ecom token", "signing key"
_GATEWAY: Final = "gateway"


class CredentialRows:
    """Credentials of one transaction."""

    def __init__(self, connection: Connection, writes: Writes, keys: Keys) -> None:
        self._connection = connection
        self._writes = writes
        self._keys = keys

    # -- API keys ---------------------------------------------------------------------------------

    def key_of(self, owner: OwnerRef) -> ApiKey | None:
        """An organization's key."""
        row = self._row_of(owner)
        return None if row is None else _api_key(row)

    def key_named(self, name: str) -> ApiKey | None:
        """The key with that public name."""
        row = self._connection.execute(select(api_keys).where(api_keys.c.name == name)).one_or_none()
        return None if row is None else _api_key(row)

    def pair_of(self, owner: OwnerRef) -> KeyPair | None:
        """An organization's key with its secret."""
        row = self._row_of(owner)
        if row is None:
            return None
        secret = self._keys.sealer.open_owned(str(owner), _SECRET, bytes(row.sealed))
        return KeyPair(key=_api_key(row), secret=secret)

    def add_pair(self, pair: KeyPair) -> None:
        """Store an organization's first key. A second one fails as a conflict."""
        self._writes.touch()
        key = pair.key
        self._connection.execute(
            api_keys.insert().values(
                owner_kind=key.owner.kind.value,
                owner_id=key.owner.owner_id,
                name=key.name,
                made_at=to_micros(key.made_at),
                **self._changeable(pair),
            )
        )

    def replace_secret(self, pair: KeyPair) -> None:
        """Store a key's next secret. Raises ``Conflict`` when somebody else was first."""
        self._writes.touch()
        changed = self._connection.execute(
            update(api_keys)
            .where(api_keys.c.name == pair.key.name, api_keys.c.generation == pair.key.generation - 1)
            .values(**self._changeable(pair))
        ).rowcount
        if changed != 1:
            raise Conflict("the secret was reset by somebody else")

    def _row_of(self, owner: OwnerRef) -> Row[Any] | None:
        return self._connection.execute(
            select(api_keys).where(
                api_keys.c.owner_kind == owner.kind.value, api_keys.c.owner_id == owner.owner_id
            )
        ).one_or_none()

    def _changeable(self, pair: KeyPair) -> dict[str, object]:
        key = pair.key
        return {
            "secret_hash": key.secret_hash,
            "sealed": self._keys.sealer.seal_owned(str(key.owner), _SECRET, pair.secret),
            "generation": key.generation,
            "reset_at": maybe_micros(key.reset_at),
        }

    # -- terminals --------------------------------------------------------------------------------

    def profile_of(self, merchant_id: int, terminal_id: int) -> TerminalProfile | None:
        """A terminal's number, if it has one."""
        c = terminal_profiles.c
        return self._profile(c.merchant_id == merchant_id, c.terminal_id == terminal_id)

    def profile_numbered(self, number: str) -> TerminalProfile | None:
        """The terminal with that number."""
        merchant_id = self._listed(PROFILE_NUMBER, number)
        if merchant_id is None:
            return None
        c = terminal_profiles.c
        return self._profile(c.merchant_id == merchant_id, c.number == number)

    def profiles_of(self, merchant_id: int) -> list[TerminalProfile]:
        """A merchant's numbered terminals."""
        c = terminal_profiles.c
        query = select(terminal_profiles).where(c.merchant_id == merchant_id).order_by(c.terminal_id)
        return [_profile(row) for row in self._connection.execute(query)]

    def add_profile(self, profile: TerminalProfile, *, at: datetime) -> None:
        """Store a terminal's number. One that is taken, or a terminal's second, fails as a conflict."""
        self._list(PROFILE_NUMBER, profile.number, profile.merchant_id)
        self._connection.execute(
            terminal_profiles.insert().values(
                merchant_id=profile.merchant_id,
                terminal_id=profile.terminal_id,
                number=profile.number,
                made_at=to_micros(at),
            )
        )

    def ecom_token_of(self, profile: TerminalProfile) -> EcomToken | None:
        """A terminal's lasting token, in clear."""
        row = self._connection.execute(select(ecom_tokens).where(*_of(profile))).one_or_none()
        if row is None:
            return None
        text = self._keys.sealer.open_owned(_bound(profile), _TOKEN, bytes(row.sealed))
        return EcomToken(profile=profile, text=text, made_at=from_micros(row.made_at))

    def ecom_profile(self, token_hash: bytes) -> TerminalProfile | None:
        """The terminal whose lasting token has that hash."""
        name = token_hash.hex()
        merchant_id = self._listed(ECOM_TOKEN, name)
        if merchant_id is None:
            return None
        c = ecom_tokens.c
        terminal_id = self._connection.execute(
            select(c.terminal_id).where(c.merchant_id == merchant_id, c.token_hash == name)
        ).scalar_one_or_none()
        return None if terminal_id is None else self.profile_of(merchant_id, terminal_id)

    def put_ecom_token(self, token: EcomToken) -> None:
        """Store a terminal's lasting token, in place of the one it has."""
        self._writes.touch()
        profile = token.profile
        old = self._connection.execute(
            select(ecom_tokens.c.token_hash).where(*_of(profile)).with_for_update()
        ).scalar_one_or_none()
        if old is not None:
            self._connection.execute(
                delete(directory).where(directory.c.kind == ECOM_TOKEN, directory.c.name == old)
            )
            self._connection.execute(delete(ecom_tokens).where(*_of(profile)))
        name = self._keys.hasher.digest(token.text.reveal()).hex()
        self._list(ECOM_TOKEN, name, profile.merchant_id)
        self._connection.execute(
            ecom_tokens.insert().values(
                merchant_id=profile.merchant_id,
                terminal_id=profile.terminal_id,
                token_hash=name,
                sealed=self._keys.sealer.seal_owned(_bound(profile), _TOKEN, token.text),
                made_at=to_micros(token.made_at),
            )
        )

    def _profile(self, *conditions: Any) -> TerminalProfile | None:  # noqa: ANN401 - SQLAlchemy's conditions
        row = self._connection.execute(select(terminal_profiles).where(*conditions)).one_or_none()
        return None if row is None else _profile(row)

    def _listed(self, kind: str, name: str) -> int | None:
        return self._connection.execute(
            select(directory.c.merchant_id).where(directory.c.kind == kind, directory.c.name == name)
        ).scalar_one_or_none()

    def _list(self, kind: str, name: str, merchant_id: int) -> None:
        self._writes.touch()
        self._connection.execute(directory.insert().values(kind=kind, name=name, merchant_id=merchant_id))

    # -- signing keys -----------------------------------------------------------------------------

    def signing_keys(self) -> list[SigningKey]:
        """Every key that ever signed tokens, the newest first."""
        rows = self._connection.execute(select(token_keys).order_by(token_keys.c.number.desc()))
        return [self._signing_key(row) for row in rows]

    def add_signing_key(self, key: SigningKey) -> None:
        """Store a key. One whose number is taken fails as a conflict: somebody else was first."""
        assert key.private is not None, "a new key can sign"
        self._writes.touch()
        self._connection.execute(
            token_keys.insert().values(
                number=key.number,
                key_id=key.key_id,
                public=key.public,
                sealed=self._keys.sealer.seal_owned(_GATEWAY, f"{_SIGNING}:{key.key_id}", key.private),
                made_at=to_micros(key.made_at),
                until=maybe_micros(key.until),
            )
        )

    def retire_signing_keys(self, *, below: int, until: datetime) -> None:
        """Let no key numbered below sign again, and what they signed be over at ``until`` or before."""
        self._writes.touch()
        c, end = token_keys.c, to_micros(until)
        self._connection.execute(update(token_keys).where(c.number < below).values(sealed=None))
        self._connection.execute(
            update(token_keys)
            .where(c.number < below, or_(c.until.is_(None), c.until > end))
            .values(until=end)
        )

    def _signing_key(self, row: Row[Any]) -> SigningKey:
        private = None
        if row.sealed is not None:
            private = self._keys.sealer.open_owned(_GATEWAY, f"{_SIGNING}:{row.key_id}", bytes(row.sealed))
        return SigningKey(
            number=row.number,
            key_id=row.key_id,
            public=bytes(row.public),
            private=private,
            made_at=from_micros(row.made_at),
            until=maybe_instant(row.until),
        )


def _of(profile: TerminalProfile) -> tuple[Any, ...]:
    c = ecom_tokens.c
    return c.merchant_id == profile.merchant_id, c.terminal_id == profile.terminal_id


def _bound(profile: TerminalProfile) -> str:
    return f"terminal:{profile.merchant_id}:{profile.terminal_id}"


def _profile(row: Row[Any]) -> TerminalProfile:
    return TerminalProfile(number=row.number, merchant_id=row.merchant_id, terminal_id=row.terminal_id)


def _api_key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        owner=OwnerRef(kind=OrganizationKind(row.owner_kind), owner_id=row.owner_id),
        name=row.name,
        secret_hash=bytes(row.secret_hash),
        generation=row.generation,
        made_at=from_micros(row.made_at),
        reset_at=maybe_instant(row.reset_at),
    )
