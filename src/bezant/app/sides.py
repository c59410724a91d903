"""The far ends of a gateway and what is used through them: one side a rail."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from bezant.app.store import NotReady, Store, channels_of
from bezant.config import Settings
from bezant.core import payments as core_payments
from bezant.core.bnpl import Finance, FinanceRecovery
from bezant.core.credentials import (
    CredentialDirectory,
    Credentials,
    EcomTokens,
    KeyGate,
    Profiles,
    Tokens,
)
from bezant.core.deliveries import Courier, Policy, Route, Senders
from bezant.core.gift import GiftCards, GiftRecovery
from bezant.core.invoices import InvoiceRecovery, Invoices, Receipts
from bezant.core.merchants import Directory, Factors, Gate, SigningDirectory
from bezant.core.notices import HOUR, FactorNotices, Limit, Limits, Notices
from bezant.core.payments import Payments, Recovery, Settlements
from bezant.core.sensitive import Secret
from bezant.dialects import aps, ipospays, valor
from bezant.jobs import StrayBox
from bezant.notices import NoticeComposer
from bezant.rails.acquirer import AcquirerLink, AcquirerRail, Stray
from bezant.rails.gift import GiftLink, GiftRail
from bezant.rails.lender import LenderLink, LenderRail
from bezant.rails.mail import Security, SmtpSender
from bezant.rails.sms import SECONDS_MAX as TEXT_SECONDS_MAX
from bezant.rails.sms import HttpTexts, NoTexts
from bezant.rails.web import WebSender
from bezant.storage.ids import IdBlocks
from bezant.storage.tokens import SignedTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSide:
    """API keys and tokens, and the numbers that terminals have in requests with them."""

    directory: CredentialDirectory
    credentials: Credentials
    gate: KeyGate
    tokens: Tokens
    profiles: Profiles
    ecom_tokens: EcomTokens


def credential_side(store: Store, callers: Directory) -> CredentialSide:
    """API keys and tokens of this database."""
    units, names, clock = store.units, store.keys.hasher, store.clock
    directory = CredentialDirectory(units)
    return CredentialSide(
        directory=directory,
        credentials=Credentials(units=units, directory=directory, names=names, clock=clock),
        gate=KeyGate(units=units, directory=directory, names=names, clock=clock),
        tokens=Tokens(
            units=units,
            directory=directory,
            callers=callers,
            writer=SignedTokens(),
            names=names,
            clock=clock,
        ),
        profiles=Profiles(units=units, directory=directory, callers=callers, names=names, clock=clock),
        ecom_tokens=EcomTokens(units=units, directory=directory, callers=callers, names=names, clock=clock),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSide:
    """Who may call, and as whom."""

    directory: Directory
    signing: SigningDirectory
    credentials: CredentialSide
    gate: Gate
    factors: Factors

    def forget(self) -> None:
        """Ask the database again for accounts and credentials."""
        self.directory.forget()
        self.signing.forget()
        self.credentials.directory.forget()


def notices_of(store: Store, ids: IdBlocks) -> Notices:
    """What people are told, over the channels of the settings."""
    settings = store.settings
    return Notices(
        units=store.units,
        ids=ids,
        hasher=store.keys.hasher,
        clock=store.clock,
        channels=channels_of(settings),
        limits=Limits(
            notices=(
                Limit(notices=settings.messages_per_target, within=HOUR, per_target=True),
                Limit(notices=settings.messages_per_merchant, within=HOUR, per_target=False),
            )
        ),
    )


def access_side(store: Store, notices: Notices | None = None) -> AccessSide:
    """Accounts, credentials and lock-outs of this database. Without ``notices``, nobody is told anything."""
    units, hasher, clock = store.units, store.keys.hasher, store.clock
    directory = Directory(units)
    return AccessSide(
        directory=directory,
        signing=SigningDirectory(units),
        credentials=credential_side(store, directory),
        gate=Gate(directory=directory, units=units, hasher=hasher, clock=clock),
        factors=Factors(
            units=units,
            hasher=hasher,
            clock=clock,
            notifier=None if notices is None else FactorNotices(notices),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSide:
    """Card payments with the link to their acquirer."""

    payments: Payments
    settlements: Settlements
    recovery: Recovery
    link: AcquirerLink


def card_side(
    store: Store,
    acquirer: tuple[str, int],
    *,
    access: AccessSide,
    ids: IdBlocks,
    strays: StrayBox,
    jitter: Callable[[], float],
) -> CardSide:
    """Card payments through the acquirer at this address (host, port)."""
    settings, units, clock, sealer = store.settings, store.units, store.clock, store.keys.sealer
    host, port = acquirer
    link = AcquirerLink(
        host,
        port,
        connections=settings.acquirer_connections,
        connect_timeout_seconds=settings.acquirer_connect_seconds,
        read_timeout_seconds=settings.acquirer_read_seconds,
        on_stray=lambda stray: strays.put(_kept(stray)),
        jitter=jitter,
        now=clock.now,
    )
    rail = AcquirerRail(link)
    return CardSide(
        payments=Payments(
            units=units,
            acquirer=rail,
            sealer=sealer,
            factors=access.factors,
            ids=ids,
            clock=clock,
            pause=_pause,
            settings=core_payments.Settings(lease=settings.lease),
        ),
        settlements=Settlements(units=units, acquirer=rail, ids=ids, clock=clock),
        recovery=Recovery(
            units=units,
            acquirer=rail,
            sealer=sealer,
            callers=access.directory,
            ids=ids,
            clock=clock,
            lease=settings.lease,
        ),
        link=link,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceSide:
    """Links to pay by, and receipts."""

    invoices: Invoices
    receipts: Receipts
    recovery: InvoiceRecovery


def invoice_side(
    store: Store, directory: Directory, payments: Payments, notices: Notices, ids: IdBlocks
) -> InvoiceSide:
    """Invoices that are paid by these card payments."""
    units, clock, hasher = store.units, store.clock, store.keys.hasher
    return InvoiceSide(
        invoices=Invoices(
            units=units,
            payments=payments,
            callers=directory,
            hasher=hasher,
            ids=ids,
            new_uid=hasher.app_name,
            notices=notices,
            clock=clock,
        ),
        receipts=Receipts(units=units, callers=directory, hasher=hasher, notices=notices),
        recovery=InvoiceRecovery(units=units, callers=directory, ids=ids, notices=notices, clock=clock),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftSide:
    """Gift cards with the link to their host."""

    cards: GiftCards
    recovery: GiftRecovery
    link: GiftLink


def gift_side(store: Store, directory: Directory, ids: IdBlocks) -> GiftSide:
    """Gift cards through the host of the settings."""
    settings, units, clock = store.settings, store.units, store.clock
    link = GiftLink(
        settings.gift_address,
        connect_timeout_seconds=settings.acquirer_connect_seconds,
        read_timeout_seconds=settings.acquirer_read_seconds,
    )
    rail = GiftRail(link)
    return GiftSide(
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
class FinanceSide:
    """Consumer finance with the link to its lender."""

    finance: Finance
    recovery: FinanceRecovery
    link: LenderLink


def texts_of(settings: Settings) -> HttpTexts | NoTexts:
    """Text messages through the gateway of the settings."""
    if not settings.sms:
        return NoTexts()
    return HttpTexts(
        settings.sms,
        token=_token(settings.sms_token_file),
        timeout_seconds=min(TEXT_SECONDS_MAX, settings.notice_seconds),
    )


def finance_side(
    store: Store, directory: Directory, texts: HttpTexts | NoTexts, ids: IdBlocks
) -> FinanceSide:
    """Consumer finance through the lender of the settings."""
    settings, units, clock = store.settings, store.units, store.clock
    link = LenderLink(
        settings.lender or None,
        token=_token(settings.lender_token_file),
        connect_timeout_seconds=settings.acquirer_connect_seconds,
        read_timeout_seconds=settings.acquirer_read_seconds,
    )
    rail = LenderRail(link)
    return FinanceSide(
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
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySide:
    """What the outside is told: merchants' own servers, and people."""

    courier: Courier
    parcels: WebSender
    texts: HttpTexts | NoTexts

    async def stop(self) -> None:
        """Close the connections."""
        await self.parcels.stop()
        await self.texts.stop()


PASSWORD_POLICY: Final = Policy(retries=20, pause=timedelta(seconds=5))
"""Whoever waits for a one-time password asks for another soon, and that is good for minutes only."""


def delivery_side(
    store: Store, access: AccessSide, receipts: Receipts, texts: HttpTexts | NoTexts
) -> DeliverySide:
    """Carries what dialects and notices word, by the first word of its topic."""
    settings, units = store.settings, store.units
    parcels = WebSender(
        loopback_for_sandboxes=settings.notices_to_loopback, timeout_seconds=settings.notice_seconds
    )
    people = NoticeComposer(
        units=units,
        callers=access.directory,
        opens=receipts,
        clock=store.clock,
        pages_url=settings.pages_url,
    )
    servers_policy = Policy(
        retries=settings.notice_retries, pause=timedelta(seconds=settings.notice_pause_seconds)
    )
    people_policy = Policy(
        retries=settings.message_retries, pause=timedelta(seconds=settings.message_pause_seconds)
    )
    courier = Courier(
        units=units,
        routes={
            "loan": Route(
                composer=aps.Feedback(units=units, signing=access.signing, callers=access.directory),
                policy=replace(servers_policy, taken=aps.FEEDBACK_TAKEN),
            ),
            "invoice": Route(
                composer=valor.Callbacks(units=units, callers=access.directory), policy=servers_policy
            ),
            **dict.fromkeys(
                ipospays.PageCallbacks.FAMILIES,
                Route(
                    composer=ipospays.PageCallbacks(units=units, callers=access.directory),
                    policy=servers_policy,
                ),
            ),
            "notice": Route(composer=people, policy=people_policy),
            "password": Route(composer=people, policy=PASSWORD_POLICY),
        },
        sender=Senders(parcels=parcels, letters=_letters(settings), texts=texts),
        clock=store.clock,
        answer_within=timedelta(seconds=settings.notice_seconds),
    )
    return DeliverySide(courier=courier, parcels=parcels, texts=texts)


def _letters(settings: Settings) -> SmtpSender | None:
    if settings.smtp_address is None:
        return None
    return SmtpSender(
        settings.smtp_address,
        sender=settings.mail_from,
        security=Security(settings.smtp_security),
        user=settings.smtp_user or None,
        password=_token(settings.smtp_password_file),
        ca_file=settings.smtp_ca_file,
        timeout_seconds=settings.notice_seconds,
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
