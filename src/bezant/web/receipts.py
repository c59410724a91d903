"""Receipts: what was paid, and what was voided or given back of it since, as a page and as a document."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from bezant.core.invoices import Copy, Receipt, Receipts
from bezant.core.money import Money
from bezant.core.payments import Kind, Payment, State
from bezant.core.vault import mask_card_numbers
from bezant.receipts import pdf, slip_of
from bezant.web.answers import PageResponse, security_headers
from bezant.web.languages import Language, english
from bezant.web.site import Site
from bezant.web.views import AmountRow, Later, ReceiptPage, Status
from bezant.web.wording import STATUSES, card_text, payee_of

_STATES: Final = {
    **dict.fromkeys(
        (State.VOIDING, State.RELEASING, State.VOIDED, State.REVERSED, State.EXPIRED), Status.VOID
    ),
    **dict.fromkeys((State.SENDING, State.IN_DOUBT), Status.PENDING),
    **dict.fromkeys((State.AUTHORIZED, State.COMPLETING, State.INCREMENTING), Status.AUTHORIZED),
    State.DECLINED: Status.DECLINED,
}
_KIND_STATES: Final = {Kind.REFUND: Status.REFUNDED, Kind.VOID: Status.VOID}


class ReceiptPages:
    """The pages of receipts."""

    def __init__(self, site: Site, receipts: Receipts) -> None:
        self._site = site
        self._receipts = receipts

    async def page(self, request: Request) -> PageResponse:
        """GET: the receipt."""
        receipt = await self._receipts.open(request.path_params["receipt"])
        if receipt is None:
            return self._site.missing(request)
        language = self._site.language(request)
        document = self._site.within(request, f"/r/{request.path_params['receipt']}.pdf")
        view = receipt_page(receipt, language, document=document)
        return self._site.draw("receipt.html", view, language=language, outcome="receipt")

    async def document(self, request: Request) -> PageResponse:
        """GET: the same as PDF."""
        receipt = await self._receipts.open(request.path_params["receipt"])
        if receipt is None:
            return self._site.missing(request)
        language = self._site.language(request)
        name = f"receipt-{receipt.payment.payment_id}.pdf"
        return PageResponse(
            pdf(slip_of(receipt), language.core),
            outcome="document",
            media_type="application/pdf",
            headers={
                **security_headers(secure=self._site.secure),
                "content-disposition": f'inline; filename="{name}"',
            },
        )


def status_of(payment: Payment) -> Status:
    """What a receipt says of a payment, in one word."""
    if payment.state in _STATES:
        return _STATES[payment.state]
    if payment.kind in _KIND_STATES:
        return _KIND_STATES[payment.kind]
    if payment.refunded:
        return Status.PARTLY_REFUNDED if payment.refundable else Status.REFUNDED
    return Status.PAID


def receipt_page(receipt: Receipt, language: Language, *, document: str) -> ReceiptPage:
    """The receipt's view, in a language."""
    payment, zone = receipt.payment, receipt.store.zone
    status = status_of(payment)
    return ReceiptPage(
        payee=payee_of(receipt.store, receipt.merchant.merchant_id),
        test=receipt.merchant.sandbox,
        payment_id=str(payment.payment_id),
        status=status,
        status_text=language.text(STATUSES[status]),
        moment=language.moment(payment.requested_at, zone),
        total=payment.amounts.total,
        rows=_rows(payment, language),
        facts=_facts(receipt, language),
        later=tuple(
            Later(
                name=language.text(_KINDS[each.kind]),
                moment=language.moment(each.requested_at, zone),
                amount=_signed(each),
            )
            for each in receipt.follow_ups
            if each.kind in _KINDS
        ),
        document=document,
    )


_KINDS: Final = {
    Kind.REFUND: english("Refund"),
    Kind.VOID: english("Void"),
    Kind.CAPTURE: english("Capture"),
    Kind.INCREMENT: english("Increase"),
    Kind.TIP: english("Change of tip"),
}
_GIVES_BACK: Final = frozenset({Kind.REFUND, Kind.VOID})


def _signed(payment: Payment) -> Money:
    total = payment.amounts.total
    return -total if payment.kind in _GIVES_BACK else total


def _rows(payment: Payment, language: Language) -> tuple[AmountRow, ...]:
    amounts = payment.amounts
    extras = (
        (english("Tax"), amounts.tax),
        (english("Card surcharge"), amounts.fee),
        (english("Tip"), amounts.tip),
    )
    return (
        AmountRow(name=language.text("Subtotal"), amount=amounts.base, kind="first"),
        *(AmountRow(name=language.text(name), amount=amount) for name, amount in extras if amount),
        AmountRow(name=language.text("Total"), amount=amounts.total, kind="total"),
    )


def _facts(receipt: Receipt, language: Language) -> tuple[tuple[str, str], ...]:
    """Names and values, without those that are not known. The merchant's copy says where to find it again.

    Card numbers that somebody wrote into a text are masked.
    """
    payment = receipt.payment
    shown = [
        (english("Card"), card_text(payment.card)),
        (english("Approval code"), payment.approval_code),
        (english("Reference"), payment.retrieval_reference),
        (english("Invoice"), mask_card_numbers(payment.order.invoice or "")),
        (english("Description"), mask_card_numbers(payment.order.description or "")),
    ]
    if receipt.copy is Copy.MERCHANT:
        shown += [
            (english("Name on card"), mask_card_numbers(payment.order.cardholder or "")),
            (english("Batch"), str(payment.batch_number)),
        ]
    return tuple((language.text(name), value) for name, value in shown if value)
