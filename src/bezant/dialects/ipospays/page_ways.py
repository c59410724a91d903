"""The addresses that lead payers to a page, and back from it to the shop with what came of the payment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from bezant.core.credentials import ProfileNumbers
from bezant.core.invoices import UID, Invoices, Named, State
from bezant.core.payments import Kind
from bezant.core.payments import State as PaymentState
from bezant.dialects.ipospays.addresses import BACK, OPEN, SHORT, Addresses
from bezant.dialects.ipospays.envelope import TRANSACTION, TYPES, View
from bezant.dialects.ipospays.operation import key_of
from bezant.dialects.ipospays.page_outcomes import LEFT_IN_CENTS
from bezant.dialects.ipospays.pages import CANCELLATION, FAILURE, RETURN
from bezant.dialects.wire.http import Request, Response

BROUGHT_BACK: Final = (
    *("responseCode", "responseMessage", "transactionReferenceId", "transactionType", "transactionId"),
    *("transactionNumber", "batchNumber", "cardType", "cardLast4Digit", "amount", "tips", "customFee"),
    *("localTax", "stateTax", "totalAmount", "responseApprovalCode", "RRN"),
)
"""Parameters of the address that a payer comes back to; amounts in cents (source: public client)."""
BROUGHT_BACK_VALIDATED: Final = (*BROUGHT_BACK, "cardToken")
"""Of a card validation, whose token is what the shop wanted (our choice)."""


def _ended(link: Named) -> tuple[str, bytes] | None:
    """How a page ended, as the name of a shop's address and as JSON; nothing while it has not."""
    attempt = link.attempt
    if attempt is None:
        return (CANCELLATION, LEFT_IN_CENTS.render(link.invoice)) if link.state is State.CANCELLED else None
    if attempt.state is PaymentState.SENDING:
        return None
    return RETURN if attempt.approved else FAILURE, TRANSACTION.render(View(attempt))


def brought_back(url: str, ended: bytes) -> str:
    """The shop's address with how the page ended. Its own parameters stay."""
    shown: dict[str, Any] = json.loads(ended)
    validated = shown["transactionType"] == TYPES[Kind.VERIFICATION]
    keys = BROUGHT_BACK_VALIDATED if validated else BROUGHT_BACK
    said = urlencode([(key, str(shown[key])) for key in keys if shown.get(key) is not None])
    address, mark, fragment = url.partition("#")
    return f"{address}{'&' if '?' in address else '?'}{said}{mark}{fragment}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageServices:
    """What these addresses need."""

    invoices: Invoices
    profiles: ProfileNumbers
    addresses: Addresses


class PageDialect:
    """Leads on whoever opens such an address; nobody has to prove anything."""

    def __init__(self, services: PageServices) -> None:
        self._services = services

    @staticmethod
    def owns(method: str, path: str) -> bool:
        """Whether a request is for one of these addresses."""
        return method == "GET" and (path == OPEN or path.startswith((SHORT, BACK)))

    async def answer(self, request: Request) -> Response:
        """Lead on; 404 for an address that leads nowhere."""
        back = request.path.startswith(BACK)
        goal = await self._shop(request.path) if back else self._page(request)
        if goal is None:
            return Response(status=404, body=b"", operation="payment_page", outcome="unknown")
        headers = ((b"location", goal.encode("ascii")), (b"cache-control", b"no-store"))
        return Response(status=302, body=b"", operation="payment_page", outcome="led on", headers=headers)

    def too_large(self) -> Response:
        """The answer to a body over the limit."""
        return Response(status=413, body=b"", operation="payment_page", outcome="too large")

    def busy(self) -> Response:
        """The answer to a request that is not let in: it may come again later."""
        return Response(
            status=503,
            body=b"",
            operation="payment_page",
            outcome="busy",
            headers=((b"retry-after", b"1"),),
        )

    def crashed(self) -> Response:
        """The answer when something went wrong that nobody expected."""
        return Response(status=500, body=b"", operation="payment_page", outcome="crashed")

    def _page(self, request: Request) -> str | None:
        if request.path == OPEN:
            uid = dict(parse_qsl(request.query.decode("latin-1"))).get("t", "")
        else:
            uid = request.path.removeprefix(SHORT)
        return self._services.addresses.page(uid) if UID.fullmatch(uid) else None

    async def _shop(self, path: str) -> str | None:
        """Where the shop wants its payer back, once the page has ended."""
        named = self._services.addresses.read_back(path)
        if named is None:
            return None
        tpn, reference = named
        caller = await self._services.profiles.caller(tpn)
        link = caller and await self._services.invoices.named(caller, key_of(reference))
        ended = link and _ended(link)
        if not link or not ended:
            return None
        where, told = ended
        url = link.invoice.terms.kept.get(where)
        return None if url is None else brought_back(url, told)
