"""Sales organizations, merchants, stores, terminals, credentials, client tokens, failed log-ins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Connection, Row, Table, bindparam, delete, or_, select, update

from bezant.core.batches import BatchState
from bezant.core.merchants import (
    Account,
    AddressCheck,
    Brand,
    CardChecks,
    ClientToken,
    Endpoint,
    ImageKind,
    Iso,
    Logo,
    Merchant,
    MerchantClock,
    Profile,
    RefundFactor,
    Store,
    Terminal,
    TipRule,
)
from bezant.core.money import CURRENCIES
from bezant.core.sensitive import Secret
from bezant.storage import tables as t
from bezant.storage.crypto import Keys
from bezant.storage.instants import from_micros, maybe_instant, maybe_micros, to_micros
from bezant.storage.stores.system import System
from bezant.storage.writes import Writes

APP_ID = "app_id"
TERMINAL_NUMBER = "terminal"
ENDPOINT = "endpoint"

# Made once, since the timetable asks for them all the time.
_SETTLING = select(
    t.terminals.c.merchant_id, t.terminals.c.terminal_id, t.terminals.c.settles_at, t.terminals.c.settled_on
).where(t.terminals.c.settles_at.is_not(None))
_STANDING = select(t.login_failures.c.caller, t.login_failures.c.locked_until).where(
    or_(
        t.login_failures.c.since > bindparam("since", type_=BigInteger),
        t.login_failures.c.locked_until.is_not(None),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRecord:
    """A credential with its key in clear, for those who may see it."""

    credential_id: int
    terminal_id: int
    key: Secret
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SettlingTerminal:
    """A terminal that settles by itself, and the last local day whose time it kept."""

    merchant_id: int
    terminal_id: int
    settles_at: int
    settled_on: date | None


class Merchants:
    """Accounts of one transaction: found whole, changed piece by piece."""

    def __init__(self, connection: Connection, writes: Writes, system: System, keys: Keys) -> None:
        self._connection = connection
        self._writes = writes
        self._system = system
        self._keys = keys

    # -- found ------------------------------------------------------------------------------------

    def by_app_id(self, app_id: str) -> Account | None:
        """The account with that application id."""
        return self._named(APP_ID, app_id)

    def by_terminal_number(self, number: str) -> Account | None:
        """The account that owns the terminal with that number."""
        return self._named(TERMINAL_NUMBER, number)

    def _named(self, kind: str, name: str) -> Account | None:
        merchant_id = self._connection.execute(
            select(t.directory.c.merchant_id).where(t.directory.c.kind == kind, t.directory.c.name == name)
        ).scalar_one_or_none()
        return None if merchant_id is None else self.account(merchant_id)

    def account(self, merchant_id: int) -> Account | None:
        """Everything of one merchant that a request needs."""
        row = self._connection.execute(
            select(t.merchants).where(t.merchants.c.merchant_id == merchant_id)
        ).one_or_none()
        if row is None:
            return None
        endpoints: dict[int, dict[Profile, Endpoint]] = {}
        for found in self._of(t.endpoints, merchant_id):
            endpoints.setdefault(found.terminal_id, {})[Profile(found.profile)] = Endpoint(
                merchant_number=found.merchant_number, terminal_number=found.terminal_number
            )
        opened: dict[bytes, list[int]] = {}
        for found in self._of(t.credentials, merchant_id):
            if found.revoked_at is None:
                opened.setdefault(bytes(found.key_hash), []).append(found.terminal_id)
        return Account(
            merchant=_merchant(row),
            stores={found.store_id: _store(found) for found in self._of(t.stores, merchant_id)},
            terminals={
                found.number: _terminal(found, endpoints.get(found.terminal_id, {}))
                for found in self._of(t.terminals, merchant_id)
            },
            opened=opened,
        )

    def _of(self, table: Table, merchant_id: int) -> Sequence[Row[Any]]:
        return self._connection.execute(select(table).where(table.c.merchant_id == merchant_id)).all()

    def isos(self) -> list[Iso]:
        """Every sales organization."""
        rows = self._connection.execute(select(t.isos).order_by(t.isos.c.iso_id))
        return [Iso(iso_id=row.iso_id, name=row.name) for row in rows]

    def all(self) -> list[Merchant]:
        """Every merchant."""
        rows = self._connection.execute(select(t.merchants).order_by(t.merchants.c.merchant_id))
        return [_merchant(row) for row in rows]

    def credentials(self, merchant_id: int) -> list[CredentialRecord]:
        """A merchant's credentials, revoked ones too, oldest first."""
        rows = self._connection.execute(
            select(t.credentials)
            .where(t.credentials.c.merchant_id == merchant_id)
            .order_by(t.credentials.c.credential_id)
        )
        return [
            CredentialRecord(
                credential_id=row.credential_id,
                terminal_id=row.terminal_id,
                key=self._keys.sealer.open_secret(merchant_id, row.credential_id, bytes(row.sealed)),
                created_at=from_micros(row.created_at),
                revoked_at=maybe_instant(row.revoked_at),
            )
            for row in rows
        ]

    def logo(self, merchant_id: int, store_id: int) -> Logo | None:
        """The logo of a store."""
        row = self._connection.execute(
            select(t.store_logos).where(
                t.store_logos.c.merchant_id == merchant_id, t.store_logos.c.store_id == store_id
            )
        ).one_or_none()
        return None if row is None else Logo(kind=ImageKind(row.kind), content=bytes(row.content))

    def owner_of_store(self, store_id: int) -> int | None:
        """The merchant whose store has that id. Looks at every store: for people, not for requests."""
        return self._connection.execute(
            select(t.stores.c.merchant_id).where(t.stores.c.store_id == store_id)
        ).scalar_one_or_none()

    # -- added and changed ------------------------------------------------------------------------

    def add_iso(self, iso: Iso, *, at: datetime) -> None:
        """Store a sales organization."""
        self._insert(t.isos, iso_id=iso.iso_id, name=iso.name, created_at=to_micros(at))

    def add_merchant(self, merchant: Merchant, *, at: datetime) -> None:
        """Store a merchant and make it findable by its app id."""
        self._insert(
            t.merchants,
            merchant_id=merchant.merchant_id,
            iso_id=merchant.iso_id,
            name=merchant.name,
            app_id=merchant.app_id,
            currency=merchant.currency.code,
            sandbox=merchant.sandbox,
            clock_frozen_at=maybe_micros(merchant.clock.frozen_at),
            clock_offset=merchant.clock.offset // timedelta(microseconds=1),
            created_at=to_micros(at),
            **_rules(merchant),
        )
        self._list(APP_ID, merchant.app_id, merchant.merchant_id)

    def add_store(self, merchant_id: int, store: Store, *, at: datetime) -> None:
        """Store a store."""
        self._insert(
            t.stores,
            merchant_id=merchant_id,
            store_id=store.store_id,
            name=store.name,
            zone=store.zone.key,
            created_at=to_micros(at),
        )

    def set_brand(self, merchant_id: int, store: Store, logo: Logo | None) -> None:
        """Store a store's brand. ``logo`` is given when it is a new one; without a name, there is none."""
        self._writes.touch()
        key = {"merchant_id": merchant_id, "store_id": store.store_id}
        self._connection.execute(
            update(t.stores).filter_by(**key).values(colour=store.brand.colour, logo=store.brand.logo)
        )
        if logo is not None or store.brand.logo is None:
            self._connection.execute(delete(t.store_logos).filter_by(**key))
        if logo is not None:
            self._insert(t.store_logos, **key, kind=logo.kind.value, content=logo.content)

    def add_terminal(self, merchant_id: int, terminal: Terminal, *, at: datetime) -> None:
        """Store a terminal with its merchant accounts and first batch; make it findable by its number."""
        self._insert(
            t.terminals,
            merchant_id=merchant_id,
            terminal_id=terminal.terminal_id,
            store_id=terminal.store_id,
            number=terminal.number,
            label=terminal.label,
            device_model=terminal.device_model,
            tip_adjustable=terminal.tips.adjustable,
            tip_percent_max=terminal.tips.percent_max,
            created_at=to_micros(at),
        )
        for profile, endpoint in terminal.endpoints.items():
            self._insert(
                t.endpoints,
                merchant_id=merchant_id,
                terminal_id=terminal.terminal_id,
                profile=profile.value,
                merchant_number=endpoint.merchant_number,
                terminal_number=endpoint.terminal_number,
            )
        self._list(TERMINAL_NUMBER, terminal.number, merchant_id)
        # Two terminals with one number at the acquirer would reverse and settle each other's payments.
        for endpoint in set(terminal.endpoints.values()):
            self._list(ENDPOINT, f"{endpoint.merchant_number}/{endpoint.terminal_number}", merchant_id)
        self._insert(
            t.batches,
            merchant_id=merchant_id,
            terminal_id=terminal.terminal_id,
            number=1,
            state=BatchState.OPEN.value,
            currency=self._currency(merchant_id),
            audit_number=0,
            transaction_number=0,
            sale_count=0,
            base=0,
            tax=0,
            fee=0,
            tip=0,
            refund_count=0,
            refunded=0,
            tip_count=0,
            opened_at=to_micros(at),
        )

    def add_key(
        self, merchant_id: int, terminal_id: int, credential_id: int, key: Secret, *, at: datetime
    ) -> None:
        """Store an app key: hashed, and sealed for those who may see it again."""
        self._insert(
            t.credentials,
            merchant_id=merchant_id,
            credential_id=credential_id,
            terminal_id=terminal_id,
            key_hash=self._keys.hasher.digest(key.reveal()),
            sealed=self._keys.sealer.seal_secret(merchant_id, credential_id, key),
            created_at=to_micros(at),
            revoked_at=None,
        )

    def put_origins(self, merchant_id: int, origins: Sequence[str]) -> None:
        """Store the origins of a merchant's web pages, in place of those it has."""
        self._writes.touch()
        table = t.merchant_origins
        self._connection.execute(delete(table).where(table.c.merchant_id == merchant_id))
        for origin in origins:
            self._insert(table, merchant_id=merchant_id, origin=origin)

    def origins(self, merchant_id: int) -> list[str]:
        """The origins of a merchant's web pages."""
        return sorted(row.origin for row in self._of(t.merchant_origins, merchant_id))

    def changed(self) -> None:
        """Let every process know that what it has cached may be wrong."""
        self._system.accounts_changed()

    def revoke_keys(self, merchant_id: int, terminal_id: int, *, at: datetime) -> int:
        """End every live credential of a terminal; how many there were."""
        self._writes.touch()
        return self._connection.execute(
            update(t.credentials)
            .where(
                t.credentials.c.merchant_id == merchant_id,
                t.credentials.c.terminal_id == terminal_id,
                t.credentials.c.revoked_at.is_(None),
            )
            .values(revoked_at=to_micros(at))
        ).rowcount

    def set_settlement_time(self, merchant_id: int, terminal_id: int, settles_at: int | None) -> None:
        """Let a terminal settle by itself at that minute of the local day, or no more."""
        self._change_terminal(merchant_id, terminal_id, settles_at=settles_at)

    def note_settled(self, merchant_id: int, terminal_id: int, day: date) -> None:
        """A terminal has kept that local day's settlement time."""
        number = day.year * 10_000 + day.month * 100 + day.day
        self._change_terminal(merchant_id, terminal_id, settled_on=number)

    def settling_terminals(self) -> list[SettlingTerminal]:
        """Terminals that settle by themselves."""
        return [
            SettlingTerminal(row.merchant_id, row.terminal_id, row.settles_at, _day(row.settled_on))
            for row in self._connection.execute(_SETTLING)
        ]

    def _change_terminal(self, merchant_id: int, terminal_id: int, **values: int | None) -> None:
        self._writes.touch()
        self._connection.execute(
            update(t.terminals)
            .where(t.terminals.c.merchant_id == merchant_id, t.terminals.c.terminal_id == terminal_id)
            .values(**values)
        )

    def set_clock(self, merchant_id: int, clock: MerchantClock) -> None:
        """Move, freeze or release a merchant's clock."""
        self._writes.touch()
        self._connection.execute(
            update(t.merchants)
            .where(t.merchants.c.merchant_id == merchant_id)
            .values(
                clock_frozen_at=maybe_micros(clock.frozen_at),
                clock_offset=clock.offset // timedelta(microseconds=1),
            )
        )

    def set_rules(self, merchant: Merchant) -> None:
        """Store a merchant's card checks and refund factor."""
        self._writes.touch()
        self._connection.execute(
            update(t.merchants)
            .where(t.merchants.c.merchant_id == merchant.merchant_id)
            .values(**_rules(merchant))
        )

    def _currency(self, merchant_id: int) -> str:
        found = self._connection.execute(
            select(t.merchants.c.currency).where(t.merchants.c.merchant_id == merchant_id)
        ).scalar_one()
        return str(found)

    def _list(self, kind: str, name: str, merchant_id: int) -> None:
        self._insert(t.directory, kind=kind, name=name, merchant_id=merchant_id)

    def _insert(self, table: Table, **values: object) -> None:
        self._writes.touch()
        self._connection.execute(table.insert().values(**values))

    # -- client tokens ----------------------------------------------------------------------------

    def add_client_token(self, token: ClientToken, *, forget_before: datetime) -> None:
        """Store a token, and drop the merchant's that expired before."""
        c = t.client_tokens.c
        self._connection.execute(
            t.client_tokens.delete().where(
                c.merchant_id == token.merchant_id, c.expires_at < to_micros(forget_before)
            )
        )
        self._insert(
            t.client_tokens,
            merchant_id=token.merchant_id,
            token_hash=token.token_hash,
            terminal_id=token.terminal_id,
            expires_at=to_micros(token.expires_at),
        )

    def find_client_token(self, merchant_id: int, token_hash: bytes) -> ClientToken | None:
        """The token with that hash, expired or not."""
        row = self._connection.execute(
            select(t.client_tokens).where(
                t.client_tokens.c.merchant_id == merchant_id,
                t.client_tokens.c.token_hash == token_hash,
            )
        ).one_or_none()
        if row is None:
            return None
        return ClientToken(
            merchant_id=row.merchant_id,
            terminal_id=row.terminal_id,
            token_hash=bytes(row.token_hash),
            expires_at=from_micros(row.expires_at),
        )


class Failures:
    """Failed log-ins of one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes

    def record(
        self, caller: bytes, *, at: datetime, attempts_max: int, window: timedelta, lock: timedelta
    ) -> datetime | None:
        """Count one more failure; the instant until which the caller is locked out, if it now is."""
        self._writes.touch()
        table = t.login_failures
        row = self._connection.execute(
            select(table).where(table.c.caller == caller).with_for_update()
        ).one_or_none()
        fresh = row is None or from_micros(row.since) + window <= at
        failures = 1 if fresh or row is None else row.failures + 1
        until = at + lock if failures >= attempts_max else None
        values = {
            "failures": failures,
            "since": to_micros(at) if fresh or row is None else row.since,
            "locked_until": maybe_micros(until),
        }
        if row is None:
            self._connection.execute(table.insert().values(caller=caller, **values))
        else:
            self._connection.execute(update(table).where(table.c.caller == caller).values(**values))
        return until

    def locked_until(self, caller: bytes) -> datetime | None:
        """Until when a caller is locked out, if it was."""
        table = t.login_failures
        return maybe_instant(
            self._connection.execute(
                select(table.c.locked_until).where(table.c.caller == caller)
            ).scalar_one_or_none()
        )

    def has_failed(self, caller: bytes) -> bool:
        """Whether failures of a caller are counted."""
        table = t.login_failures
        found = self._connection.execute(select(table.c.failures).where(table.c.caller == caller))
        return found.scalar_one_or_none() is not None

    def clear(self, caller: bytes) -> None:
        """Forget a caller's failures."""
        self._writes.touch()
        self._connection.execute(t.login_failures.delete().where(t.login_failures.c.caller == caller))

    def standing(self, since: datetime) -> dict[bytes, datetime | None]:
        """Callers that failed since then or are locked out, and until when."""
        rows = self._connection.execute(_STANDING, {"since": to_micros(since)})
        return {bytes(row.caller): maybe_instant(row.locked_until) for row in rows}

    def forget(self, *, before: datetime, now: datetime) -> None:
        """Drop failures that began before then, of callers that are not locked out now."""
        table = t.login_failures
        forgotten = self._connection.execute(
            table.delete().where(
                table.c.since <= to_micros(before),
                or_(table.c.locked_until.is_(None), table.c.locked_until <= to_micros(now)),
            )
        ).rowcount
        if forgotten:
            self._writes.touch()


def _day(number: int | None) -> date | None:
    return None if number is None else date(number // 10_000, number // 100 % 100, number % 100)


def _merchant(row: Row[Any]) -> Merchant:
    return Merchant(
        merchant_id=row.merchant_id,
        iso_id=row.iso_id,
        name=row.name,
        app_id=row.app_id,
        currency=CURRENCIES[row.currency],
        sandbox=bool(row.sandbox),
        clock=MerchantClock(
            frozen_at=maybe_instant(row.clock_frozen_at),
            offset=timedelta(microseconds=row.clock_offset),
        ),
        checks=CardChecks(
            address=AddressCheck(row.address_check),
            address_declines=bool(row.address_declines),
            verification_required=bool(row.verification_required),
            verification_declines=bool(row.verification_declines),
            shown=bool(row.checks_shown),
        ),
        refund_factor=RefundFactor(
            enabled=bool(row.refund_factor), email=row.refund_email, phone=row.refund_phone
        ),
    )


def _rules(merchant: Merchant) -> dict[str, object]:
    checks, factor = merchant.checks, merchant.refund_factor
    return {
        "address_check": checks.address.value,
        "address_declines": checks.address_declines,
        "verification_required": checks.verification_required,
        "verification_declines": checks.verification_declines,
        "checks_shown": checks.shown,
        "refund_factor": factor.enabled,
        "refund_email": factor.email,
        "refund_phone": factor.phone,
    }


def _store(row: Row[Any]) -> Store:
    brand = Brand(colour=row.colour, logo=row.logo)
    return Store(store_id=row.store_id, name=row.name, zone=ZoneInfo(row.zone), brand=brand)


def _terminal(row: Row[Any], endpoints: dict[Profile, Endpoint]) -> Terminal:
    return Terminal(
        terminal_id=row.terminal_id,
        store_id=row.store_id,
        number=row.number,
        label=row.label,
        device_model=row.device_model,
        endpoints=endpoints,
        tips=TipRule(adjustable=bool(row.tip_adjustable), percent_max=row.tip_percent_max),
    )
