"""The vendor's vault: customers with their cards and bank accounts, over paths and methods.

A world of its own beside the Merchant API: the keys stand in headers and name a merchant, no terminal; an
operation is a method and a path; a refusal names everything that is wrong in a list of texts (source: vendor
docs, vault-api-documentation and valor-api-sample-response; paths: public clients). Where no source names a
path, it is our choice, and the operation's ``note`` says so.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from bezant.core.merchants import Denied, Gate, Rejection
from bezant.core.outcomes import Conflict, Reason, Refused, Unavailable
from bezant.core.vault import (
    Address,
    Bins,
    CustomerRefused,
    Customers,
    Details,
    Place,
    Refusal,
)
from bezant.dialects.valor import codes
from bezant.dialects.valor import vault_contract as contract
from bezant.dialects.valor.auth import DENIALS
from bezant.dialects.valor.codes import REFUSALS
from bezant.dialects.valor.families import card_type
from bezant.dialects.valor.vault_contract import Flaw, Listed
from bezant.dialects.wire import body
from bezant.dialects.wire.contract import Field, Layout, read_all_fields
from bezant.dialects.wire.http import Request, Response

ROOTS: Final = ("valor-vault", "fl-valor-vault")
"""The second was seen for one operation (public client) and is an alias for all of them here."""
RETRY_AFTER: Final = (b"retry-after", b"1")

WORDS: Final[dict[Refusal, str]] = {
    Refusal.UNKNOWN_CUSTOMER: "Customer not exist",  # vendor docs
    Refusal.NAME_TAKEN: "Customer name already exist",  # public client
    # Ours from here on.
    Refusal.UNKNOWN_PROFILE: "Payment profile not exist",
    Refusal.UNKNOWN_CARD: "Invalid card token",
    Refusal.UNKNOWN_PAYMENT: "Invalid transaction id",
    Refusal.LABEL_TAKEN: "Address label already exist",
    Refusal.ADDRESSES_FULL: "data/address_details must NOT have more than 5 items",
    Refusal.CARDS_FULL: "Maximum of 5 payment profiles reached",
    Refusal.ACCOUNTS_FULL: "Maximum of 5 ACH profiles reached",
}
"""What a refusal is called."""
MALFORMED: Final = "data must be object"
NOT_FOUND: Final = "Not found"
WRONG_METHOD: Final = "Method not allowed"
METHOD_NOT_ALLOWED: Final = 405

_ID: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_UNKNOWN: Final = (Refusal.UNKNOWN_CUSTOMER, Refusal.UNKNOWN_PROFILE)
"""What a path's ids name, in their order."""


def owns(path: str) -> bool:
    """Whether a path is of this API."""
    return _segments(path)[:2] in [["api", root] for root in ROOTS]


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultServices:
    """The use cases that the vault's operations call."""

    gate: Gate
    customers: Customers
    bins: Bins


class Failure(Exception):
    """Why a request is not carried out, in texts, and a word for logs and metrics."""

    def __init__(self, *errors: str, outcome: str, status: int = 400) -> None:
        super().__init__(outcome)
        self.errors = errors
        self.outcome = outcome
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was let in: of which merchant, for whom, and what it says."""

    services: VaultServices
    merchant_id: int
    ids: tuple[int, ...]
    """The customer, then the profile, as far as the path names them."""
    values: Mapping[str, Any]

    @property
    def customer(self) -> tuple[int, int]:
        """The merchant and its customer."""
        return self.merchant_id, self.ids[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultOperation:
    """One operation: its methods, its path after the root, its fields in the order of their checks.

    With ``plain``, the errors are one text and not a list (vendor docs: adding a bank account).
    """

    name: str
    title: str
    methods: tuple[str, ...]
    ids: tuple[str, ...] = ()
    fields: tuple[Field[Flaw], ...] = ()
    answer: Callable[[Call], Awaitable[bytes]]
    layout: Layout[Any]
    status: int = 200
    plain: bool = False
    note: str = ""


# What operations do -----------------------------------------------------------------------------------------


async def _add_customer(call: Call) -> bytes:
    added = await call.services.customers.add(call.merchant_id, Details(**_given(call.values)))
    return contract.ADDED_CUSTOMER.render(added)


async def _edit_customer(call: Call) -> bytes:
    given = _given(call.values)
    await call.services.customers.edit(*call.customer, lambda details: replace(details, **given))
    return contract.DONE.render(None)


async def _get_customer(call: Call) -> bytes:
    return contract.CUSTOMERS.render([await call.services.customers.get(*call.customer)])


async def _get_customers(call: Call) -> bytes:
    found = await call.services.customers.page(
        call.merchant_id, limit=call.values["limit"], offset=call.values["offset"]
    )
    return contract.CUSTOMERS.render(found)


async def _add_card(call: Call) -> bytes:
    values = call.values
    added = await call.services.customers.add_card(
        *call.customer, values["pan_num"], cardholder=values["cardholder_name"], expiry=values["expiry"]
    )
    return contract.ADDED_CARD.render(added)


async def _add_card_by_token(call: Call) -> bytes:
    added = await call.services.customers.add_card_by_token(
        *call.customer, call.values["token"], cardholder=call.values["cardholder_name"]
    )
    return contract.ADDED_CARD.render(added)


async def _add_card_of_payment(call: Call) -> bytes:
    added = await call.services.customers.add_card_of_payment(
        *call.customer, call.values["ref_txn_id"], cardholder=call.values["cardholder_name"]
    )
    return contract.ADDED_CARD.render(added)


async def _get_cards(call: Call) -> bytes:
    bins = call.services.bins
    profiles = await call.services.customers.cards(*call.customer)
    return contract.CARDS.render(
        [Listed(profile, card_type(bins.find(profile.card.bin))) for profile in profiles]
    )


async def _add_account(call: Call) -> bytes:
    values = call.values
    added = await call.services.customers.add_account(
        *call.customer,
        routing_number=values["routing_number"],
        number=values["account_number"],
        kind=values["account_type"],
        holder=values["account_holder_name"],
    )
    return contract.ADDED_ACCOUNT.render(added)


async def _get_accounts(call: Call) -> bytes:
    return contract.ACCOUNTS.render(await call.services.customers.accounts(*call.customer))


async def _delete_profile(call: Call) -> bytes:
    await call.services.customers.remove(*call.customer, call.ids[1])
    return contract.DONE.render(None)


OPERATIONS: Final = (
    VaultOperation(
        name="addcustomer",
        title="Add a customer",
        methods=("POST",),
        fields=contract.CUSTOMER,
        answer=_add_customer,
        layout=contract.ADDED_CUSTOMER,
        status=201,
    ),
    VaultOperation(
        name="editcustomer",
        title="Edit a customer",
        methods=("PUT", "POST"),
        ids=("customer",),
        fields=contract.CHANGES,
        answer=_edit_customer,
        layout=contract.DONE,
        note="our path; what is not sent stays as it is, addresses that are sent replace all others",
    ),
    VaultOperation(
        name="getcustomer",
        title="Show a customer",
        methods=("GET",),
        ids=("customer",),
        answer=_get_customer,
        layout=contract.CUSTOMERS,
        note="our path",
    ),
    VaultOperation(
        name="getcustomers",
        title="List customers",
        methods=("GET",),
        fields=contract.PAGE,
        answer=_get_customers,
        layout=contract.CUSTOMERS,
        note="our path; limit and offset stand in the query",
    ),
    VaultOperation(
        name="addpaymentprofile",
        title="Add a card",
        methods=("POST",),
        ids=("customer",),
        fields=contract.CARD,
        answer=_add_card,
        layout=contract.ADDED_CARD,
        status=201,
        note="a card that the customer has already keeps its payment_id",
    ),
    VaultOperation(
        name="addpaymentprofiletoken",
        title="Add a card by its token",
        methods=("POST",),
        ids=("customer",),
        fields=contract.CARD_BY_TOKEN,
        answer=_add_card_by_token,
        layout=contract.ADDED_CARD,
        status=201,
    ),
    VaultOperation(
        name="addpaymentprofiletxn",
        title="Add the card of an approved payment",
        methods=("POST",),
        ids=("customer",),
        fields=contract.CARD_OF_PAYMENT,
        answer=_add_card_of_payment,
        layout=contract.ADDED_CARD,
        status=201,
    ),
    VaultOperation(
        name="getpaymentprofile",
        title="List a customer's cards",
        methods=("GET",),
        ids=("customer",),
        answer=_get_cards,
        layout=contract.CARDS,
    ),
    VaultOperation(
        name="deletepaymentprofile",
        title="Remove a card or a bank account",
        methods=("DELETE",),
        ids=("customer", "profile"),
        answer=_delete_profile,
        layout=contract.DONE,
    ),
    VaultOperation(
        name="addachprofile",
        title="Add a bank account",
        methods=("POST",),
        ids=("customer",),
        fields=contract.ACCOUNT,
        answer=_add_account,
        layout=contract.ADDED_ACCOUNT,
        plain=True,
        note="our path",
    ),
    VaultOperation(
        name="getachprofile",
        title="List a customer's bank accounts",
        methods=("GET",),
        ids=("customer",),
        answer=_get_accounts,
        layout=contract.ACCOUNTS,
        note="our path",
    ),
)
"""Every operation of the vault."""


class VaultDialect:
    """Answers every request of this API."""

    def __init__(self, services: VaultServices) -> None:
        self._services = services
        self._operations = {(operation.name, len(operation.ids)): operation for operation in OPERATIONS}

    async def answer(self, request: Request) -> Response:
        """Answer a request; what cannot be carried out is answered with texts that say why."""
        name, *texts = _segments(request.path)[2:] or [""]
        operation = self._operations.get((name, len(texts)))
        if operation is None:
            return _failed(Failure(NOT_FOUND, outcome="not found", status=404), None)
        if request.method not in operation.methods:
            return _failed(
                Failure(WRONG_METHOD, outcome="wrong method", status=METHOD_NOT_ALLOWED), operation
            )
        try:
            content = await self._perform(operation, request, texts)
        except Failure as failure:
            return _failed(failure, operation)
        except CustomerRefused as refused:
            return _failed(Failure(WORDS[refused.refusal], outcome=refused.refusal.value), operation)
        except (Conflict, Refused, Unavailable) as refused:
            error = REFUSALS[refused.reason if isinstance(refused, Refused) else Reason.BUSY]
            return _failed(Failure(error.text, outcome=error.code, status=error.status), operation)
        return Response(status=operation.status, body=content, operation=operation.name, outcome="OK")

    def too_large(self) -> Response:
        """The answer to a body over the limit."""
        return _failed(Failure(MALFORMED, outcome="too large"), None)

    def busy(self) -> Response:
        """The answer to a request that is not let in: it may come again later."""
        error = codes.TRY_LATER
        return _failed(Failure(error.text, outcome=error.code, status=error.status), None)

    def crashed(self) -> Response:
        """The answer when something went wrong that nobody expected."""
        error = codes.CRASHED
        return _failed(Failure(error.text, outcome=error.code, status=error.status), None)

    async def _perform(self, operation: VaultOperation, request: Request, texts: list[str]) -> bytes:
        merchant_id = await self._enter(request)
        call = Call(
            services=self._services,
            merchant_id=merchant_id,
            ids=tuple(_ids(texts)),
            values=_values(operation, request) if operation.fields else {},
        )
        return await operation.answer(call)

    async def _enter(self, request: Request) -> int:
        """The merchant that the headers name. An absent key is said in other words than a wrong one."""
        app_id, app_key = request.header("valor-app-id"), request.header("valor-app-key")
        if not app_id:
            raise _denied(codes.APP_ID_REQUIRED)
        try:
            merchant = await self._services.gate.enter_merchant(
                app_id=app_id, app_key=app_key or "", address=request.address
            )
        except Rejection as rejection:
            if rejection.denied is Denied.WRONG_KEY and not app_key:
                raise _denied(codes.APP_KEY_REQUIRED) from None
            raise _denied(DENIALS[rejection.denied]) from None
        return merchant.merchant_id


def _denied(error: codes.Error) -> Failure:
    return Failure(error.text, outcome=error.code)


def _ids(texts: Iterable[str]) -> Iterator[int]:
    """The ids in a path. What is no id names nothing that there is."""
    for text, unknown in zip(texts, _UNKNOWN, strict=False):
        if _ID.fullmatch(text) is None:
            raise Failure(WORDS[unknown], outcome=unknown.value)
        yield int(text)


def _values(operation: VaultOperation, request: Request) -> dict[str, Any]:
    """The operation's fields, read: from the query of a GET, from the body of the others."""
    reads = request.method == "GET"
    try:
        sent = body.parse(
            query=request.query if reads else b"",
            content_type=request.headers.get(b"content-type", b"").decode("latin-1"),
            body=b"" if reads else request.body,
        ).values
    except body.Malformed:
        raise Failure(MALFORMED, outcome="malformed") from None
    values, flaws = read_all_fields(operation.fields, sent)
    if operation.plain and flaws:
        raise Failure(_plainly(flaws), outcome="bad fields")
    errors = [flaw.said("data") for flaw in flaws]
    if values.get("address_details") is not None:
        values["address_details"] = tuple(_addresses(values["address_details"], errors))
    if errors:
        raise Failure(*errors, outcome="bad fields")
    return values


def _plainly(flaws: list[Flaw]) -> str:
    """One text (missing fields: vendor docs; wrong ones: ours)."""
    missing = [flaw.field for flaw in flaws if not flaw.words]
    if missing:
        return f"Missing required field(s): {', '.join(missing)}"
    return f"Invalid field(s): {', '.join(flaw.field for flaw in flaws)}"


def _addresses(sent: list[dict[str, Any]], errors: list[str]) -> Iterator[Address]:
    """The addresses that are sent. What is wrong with one is added to ``errors``."""
    for number, item in enumerate(sent):
        values, flaws = read_all_fields(contract.ADDRESS, item)
        errors += [flaw.said(f"data/address_details/{number}") for flaw in flaws]
        if not flaws:
            yield Address(
                label=values["address_label"],
                billing=_place("billing", values),
                shipping=_place("shipping", values),
            )


def _place(kind: str, values: Mapping[str, Any]) -> Place:
    return Place(**{name: values[f"{kind}_{key}"] for key, name in contract.PLACE_NAMES.items()})


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The details of a customer that were sent."""
    return {name: values[key] for key, name in _DETAIL_NAMES.items() if values[key] is not None}


_DETAIL_NAMES: Final = {
    "customer_name": "name",
    "company_name": "company",
    "customer_phone": "phone",
    "customer_email": "email",
    "address_details": "addresses",
}


def _failed(failure: Failure, operation: VaultOperation | None) -> Response:
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if failure.status == codes.TRY_LATER.status:
        headers += (RETRY_AFTER,)
    if operation is not None and failure.status == METHOD_NOT_ALLOWED:
        headers += ((b"allow", ", ".join(operation.methods).encode()),)
    plain = operation is not None and operation.plain
    errors = ", ".join(failure.errors) if plain else list(failure.errors)
    return Response(
        status=failure.status,
        body=contract.FAILED.render((failure.status, errors)),
        operation=operation.name if operation else "none",
        outcome=failure.outcome,
        headers=headers,
    )
