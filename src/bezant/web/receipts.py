"""Receipts: what was paid, and what was voided or given back of it since, as a page and as a document."""

from __future__ import annotations

from starlette.requests import Request

from bezant.core.invoices import Receipt, Receipts
from bezant.receipts import pdf, slip_of, worded
from bezant.web.answers import PageResponse, security_headers
from bezant.web.languages import Language
from bezant.web.site import Site
from bezant.web.views import ReceiptPage
from bezant.web.wording import payee_of


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


def receipt_page(receipt: Receipt, language: Language, *, document: str) -> ReceiptPage:
    """The receipt's view: the words that its PDF and its mail have, too."""
    slip = slip_of(receipt)
    return ReceiptPage(
        payee=payee_of(receipt.store, receipt.merchant.merchant_id),
        sheet=worded(slip, language.core),
        standing=slip.standing,
        document=document,
    )
