"""The far ends of a gateway and what is used through them: one side a rail."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from bezant.app.store import NotReady, Store
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
from bezant.core.deliveries import Courier, Policy, Route
from bezant.core.gift import GiftCards, GiftRecovery
from bezant.core.invoices import InvoiceRecovery, Invoices, Receipts
from bezant.core.merchants import Directory, Factors, Gate, SigningDirectory
from bezant.core.payments import Payments, Recovery, Settlements
from bezant.core.sensitive import Secret
from bezant.dialects import aps, ipospays, valor
from bezant.jobs import StrayBox
from bezant.rails.acquirer import AcquirerLink, AcquirerRail, Stray
from bezant.rails.gift import GiftLink, GiftRail
from bezant.rails.lender import LenderLink, LenderRail
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


def access_side(store: Store) -> AccessSide:
    """Accounts, credentials and lock-outs of this database."""
    units, hasher, clock = store.units, store.keys.hasher, store.clock
    directory = Directory(units)
    return AccessSide(
        directory=directory,
        signing=SigningDirectory(units),
        credentials=credential_side(store, directory),
        gate=Gate(directory=directory, units=units, hasher=hasher, clock=clock),
        factors=Factors(units=units, hasher=hasher, clock=clock),
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


def invoice_side(store: Store, directory: Directory, payments: Payments, ids: IdBlocks) -> InvoiceSide:
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
            clock=clock,
        ),
        receipts=Receipts(units=units, callers=directory, hasher=hasher, ids=ids, clock=clock),
        recovery=InvoiceRecovery(units=units, callers=directory, ids=ids, clock=clock),
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
    texts: HttpTexts | NoTexts

    async def stop(self) -> None:
        """Close the connections."""
        await self.link.stop()
        await self.texts.stop()


def finance_side(store: Store, directory: Directory, ids: IdBlocks) -> FinanceSide:
    """Consumer finance through the lender and the text messages of the settings."""
    settings, units, clock = store.settings, store.units, store.clock
    link = LenderLink(
        settings.lender or None,
        token=_token(settings.lender_token_file),
        connect_timeout_seconds=settings.acquirer_connect_seconds,
        read_timeout_seconds=settings.acquirer_read_seconds,
    )
    rail = LenderRail(link)
    texts = HttpTexts(settings.sms, token=_token(settings.sms_token_file)) if settings.sms else NoTexts()
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
        texts=texts,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSide:
    """Notices to merchants' own servers."""

    courier: Courier
    sender: WebSender


def notice_side(store: Store, access: AccessSide) -> NoticeSide:
    """Carries what dialects word, by the first word of its topic."""
    settings = store.settings
    sender = WebSender(
        loopback_for_sandboxes=settings.notices_to_loopback, timeout_seconds=settings.notice_seconds
    )
    feedback = aps.Feedback(units=store.units, signing=access.signing, callers=access.directory)
    callbacks = valor.Callbacks(units=store.units, callers=access.directory)
    page_callbacks = ipospays.PageCallbacks(units=store.units, callers=access.directory)
    policy = Policy(
        retries=settings.notice_retries,
        pause=timedelta(seconds=settings.notice_pause_seconds),
        taken=aps.FEEDBACK_TAKEN,
    )
    courier = Courier(
        units=store.units,
        routes={
            "loan": Route(composer=feedback, policy=policy),
            "attempt": Route(composer=page_callbacks, policy=replace(policy, taken=(range(200, 300),))),
            "invoice": Route(composer=callbacks, policy=replace(policy, taken=(range(200, 300),))),
        },
        sender=sender,
        clock=store.clock,
        answer_within=timedelta(seconds=settings.notice_seconds),
    )
    return NoticeSide(courier=courier, sender=sender)


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
