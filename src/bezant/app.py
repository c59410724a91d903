"""The composition root: the only place that names concrete stores, rails and dialects."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from bezant.config import Settings
from bezant.core import payments as core_payments
from bezant.core.bnpl import Finance, FinanceRecovery
from bezant.core.deliveries import Courier, Policy
from bezant.core.gift import GiftCards, GiftRecovery
from bezant.core.merchants import Boarding, Directory, Factors, Gate, SigningDirectory
from bezant.core.outcomes import Refused, Unavailable
from bezant.core.payments import Cutoffs, Payments, Recovery, Settlements
from bezant.core.sensitive import Secret
from bezant.core.vault import Bins
from bezant.dialects import aps
from bezant.jobs import Job, StrayBox, Timetable, delivery_jobs, finance_jobs, gift_jobs
from bezant.rails.acquirer import AcquirerLink, AcquirerRail, Stray
from bezant.rails.gift import GiftLink, GiftRail
from bezant.rails.lender import LenderLink, LenderRail
from bezant.rails.sms import HttpTexts, NoTexts
from bezant.rails.web import Guard, WebSender
from bezant.storage import migrate
from bezant.storage.crypto import Keys
from bezant.storage.engine import open_engine
from bezant.storage.ids import IdBlocks
from bezant.storage.keyring import has_keys, open_keys, open_root_key
from bezant.storage.units import Units, open_units
from bezant.storage.watch import Watch
from bezant.telemetry import Metrics


class NotReady(Exception):
    """The gateway cannot start; the text says what to do."""


class RealClock:
    """The system's time."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        return datetime.now(UTC)


class Names:
    """Fresh ids and random names for boarding."""

    def __init__(self, ids: IdBlocks, keys: Keys) -> None:
        self._ids = ids
        self._keys = keys

    async def take(self) -> int:
        """A new id."""
        return await self._ids.take()

    def app_name(self) -> str:
        """A new app id or app key."""
        return self._keys.hasher.app_name()


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """An opened database: what commands and servers alike begin with."""

    settings: Settings
    engine: Engine
    keys: Keys
    units: Units
    clock: RealClock
    boarding: Boarding


@asynccontextmanager
async def open_store(settings: Settings, *, create: bool = False) -> AsyncIterator[Store]:
    """Open the database and its keys. With ``create``, migrate it and make a root key if there is none.

    Raises ``NotReady`` when the schema is not the one that this code speaks.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = open_engine(settings.database)
    try:
        if create:
            migrate.upgrade(engine)
        found, wanted = migrate.version(engine), migrate.head()
        if found != wanted:
            message = f"the database has schema {found or 'none'}, not {wanted}: run `bezant migrate`"
            raise NotReady(message)
        root = open_root_key(settings.root_key, create=create and not has_keys(engine))
        keys = open_keys(engine, root)
        units = open_units(
            engine,
            keys,
            writers=settings.write_lanes,
            readers=settings.read_lanes,
            group_max=settings.group_max,
            queue_max=settings.queue_max,
        )
        units.start()
        clock = RealClock()
        boarding = Boarding(
            units=units, names=Names(IdBlocks(units, "boarding", size=1, first=1), keys), clock=clock
        )
        try:
            yield Store(
                settings=settings, engine=engine, keys=keys, units=units, clock=clock, boarding=boarding
            )
        finally:
            units.stop()
    finally:
        engine.dispose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A running gateway: its use cases, its link, its timetable."""

    store: Store
    directory: Directory
    signing: SigningDirectory
    gate: Gate
    factors: Factors
    payments: Payments
    settlements: Settlements
    recovery: Recovery
    gift: GiftCards
    finance: Finance
    link: AcquirerLink
    timetable: Timetable
    metrics: Metrics
    bins: Bins

    async def database_answers(self) -> bool:
        """Whether the database can be read within a second."""
        try:
            async with asyncio.timeout(1):
                await self.store.units.read(lambda unit: unit.system.accounts_version())
        except (TimeoutError, Unavailable, Refused):
            return False
        return True


@asynccontextmanager
async def open_gateway(
    store: Store, acquirer: tuple[str, int], *, housekeeping: bool
) -> AsyncIterator[Gateway]:
    """Wire everything, connect to the acquirer, start the timetable; undo all of it at the end."""
    settings, units, clock = store.settings, store.units, store.clock
    metrics = Metrics()
    ids = IdBlocks(units, "payments")
    directory = Directory(units)
    signing = SigningDirectory(units)
    gate = Gate(directory=directory, units=units, hasher=store.keys.hasher, clock=clock)
    factors = Factors(units=units, hasher=store.keys.hasher, clock=clock)
    strays = StrayBox(metrics)
    link = _acquirer_link(settings, acquirer, strays)
    rail = AcquirerRail(link)
    recovery = _recovery(store, rail, directory, ids)
    gift = _gift_side(store, directory, ids)
    finance = _finance_side(store, directory, ids)
    sender = WebSender(
        Guard(allow_loopback=settings.notices_to_loopback), timeout_seconds=settings.notice_seconds
    )
    settlements = Settlements(units=units, acquirer=rail, ids=ids, clock=clock)
    bins = Bins()

    async def take_changes_over() -> None:
        directory.forget()
        signing.forget()
        bins.replace(await units.read(lambda unit: unit.system.bins()))

    timetable = Timetable(
        recovery=recovery,
        settlements=settlements,
        cutoffs=Cutoffs(units=units, settlements=settlements, callers=directory, clock=clock),
        directory=directory,
        gate=gate,
        on_change=take_changes_over,
        watched=Watch(units),
        strays=strays,
        metrics=metrics,
        acquirer_up=lambda: link.connected,
        housekeeping=housekeeping,
        more=_more_jobs(settings, gift, finance, _courier(store, signing, sender)),
    )
    await take_changes_over()
    await gate.refresh_locks()
    await link.start()
    timetable.start()
    try:
        yield Gateway(
            store=store,
            directory=directory,
            signing=signing,
            gate=gate,
            factors=factors,
            payments=_payments(store, rail, factors, ids),
            settlements=settlements,
            recovery=recovery,
            gift=gift.cards,
            finance=finance.finance,
            link=link,
            timetable=timetable,
            metrics=metrics,
            bins=bins,
        )
    finally:
        await timetable.stop()
        await link.stop()
        await gift.link.stop()
        await finance.stop()
        await sender.stop()


def _more_jobs(
    settings: Settings, gift: _GiftSide, finance: _FinanceSide, courier: Courier
) -> tuple[Job, ...]:
    """Where the gift host or the lender is not known, others are left to clear up with it."""
    return (
        *(gift_jobs(gift.recovery) if settings.gift_address else ()),
        *(finance_jobs(finance.recovery) if settings.lender else ()),
        *delivery_jobs(courier),
    )


def _payments(store: Store, rail: AcquirerRail, factors: Factors, ids: IdBlocks) -> Payments:
    return Payments(
        units=store.units,
        acquirer=rail,
        sealer=store.keys.sealer,
        factors=factors,
        ids=ids,
        clock=store.clock,
        pause=_pause,
        settings=core_payments.Settings(lease=store.settings.lease),
    )


def _recovery(store: Store, rail: AcquirerRail, directory: Directory, ids: IdBlocks) -> Recovery:
    return Recovery(
        units=store.units,
        acquirer=rail,
        sealer=store.keys.sealer,
        callers=directory,
        ids=ids,
        clock=store.clock,
        lease=store.settings.lease,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _GiftSide:
    """Gift cards with the link to their host."""

    cards: GiftCards
    recovery: GiftRecovery
    link: GiftLink


def _gift_side(store: Store, directory: Directory, ids: IdBlocks) -> _GiftSide:
    settings, units, clock = store.settings, store.units, store.clock
    link = GiftLink(
        settings.gift_address,
        connect_timeout_seconds=settings.acquirer_connect_seconds,
        read_timeout_seconds=settings.acquirer_read_seconds,
    )
    rail = GiftRail(link)
    return _GiftSide(
        cards=GiftCards(
            units=units,
            host=rail,
            tokens=store.keys.sealer,
            ids=ids,
            clock=clock,
            pause=_pause,
            lease=settings.lease,
        ),
        recovery=GiftRecovery(units=units, host=rail, callers=directory, clock=clock, lease=settings.lease),
        link=link,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _FinanceSide:
    """Consumer finance with the link to its lender."""

    finance: Finance
    recovery: FinanceRecovery
    link: LenderLink
    texts: HttpTexts | NoTexts

    async def stop(self) -> None:
        """Close the connections."""
        await self.link.stop()
        await self.texts.stop()


def _finance_side(store: Store, directory: Directory, ids: IdBlocks) -> _FinanceSide:
    settings, units, clock = store.settings, store.units, store.clock
    link = LenderLink(
        settings.lender or None,
        token=_token(settings.lender_token_file),
        connect_timeout_seconds=settings.acquirer_connect_seconds,
        read_timeout_seconds=settings.acquirer_read_seconds,
    )
    rail = LenderRail(link)
    texts = HttpTexts(settings.sms, token=_token(settings.sms_token_file)) if settings.sms else NoTexts()
    return _FinanceSide(
        finance=Finance(
            units=units,
            lender=rail,
            texts=texts,
            passwords=store.keys.hasher,
            ids=ids,
            clock=clock,
            lease=settings.lease,
        ),
        recovery=FinanceRecovery(
            units=units, lender=rail, callers=directory, ids=ids, clock=clock, lease=settings.lease
        ),
        link=link,
        texts=texts,
    )


def _courier(store: Store, signing: SigningDirectory, sender: WebSender) -> Courier:
    """Carries what dialects word, by the first word of its topic."""
    settings = store.settings
    return Courier(
        units=store.units,
        composers={"loan": aps.Feedback(units=store.units, signing=signing)},
        sender=sender,
        clock=store.clock,
        policy=Policy(
            retries=settings.notice_retries, pause=timedelta(seconds=settings.notice_pause_seconds)
        ),
        lease=settings.lease + timedelta(seconds=settings.notice_seconds),
    )


def _token(path: Path | None) -> Secret | None:
    """The token in a file that its owner alone may read. Raises ``NotReady`` for any other file."""
    if path is None:
        return None
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise NotReady(f"{path} is readable by others: chmod 600 it")
        return Secret(path.read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError) as trouble:
        raise NotReady(f"{path} cannot be read: {type(trouble).__name__}") from None


def _acquirer_link(settings: Settings, address: tuple[str, int], strays: StrayBox) -> AcquirerLink:
    host, port = address
    return AcquirerLink(
        host,
        port,
        connections=settings.acquirer_connections,
        connect_timeout_seconds=settings.acquirer_connect_seconds,
        read_timeout_seconds=settings.acquirer_read_seconds,
        on_stray=lambda stray: strays.put(_kept(stray)),
    )


def _kept(stray: Stray) -> core_payments.Stray:
    return core_payments.Stray(
        kind=stray.kind.value,
        received_at=stray.received_at,
        terminal_number=stray.terminal_number,
        audit_number=stray.audit_number,
        retrieval_reference=stray.retrieval_reference,
        response_code=stray.response_code,
        approval_code=stray.approval_code,
        amount_minor=stray.amount.minor if stray.amount else None,
    )


async def _pause(seconds: float) -> None:
    await asyncio.sleep(seconds)
