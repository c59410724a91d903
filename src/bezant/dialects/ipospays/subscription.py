"""Cards and bank accounts that are kept for a customer (source: vendor docs; an item's keys: our choice)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bezant.core.credentials import Scope
from bezant.core.vault import BankProfile, CardProfile, CustomerRefused
from bezant.dialects.ipospays import codes
from bezant.dialects.ipospays.codes import Error
from bezant.dialects.ipospays.envelope import BRANDS
from bezant.dialects.ipospays.operation import Call, Form, Operation, Shown
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Field, Layout, Reply, array

NO_CUSTOMER: Final = Error("customer_id", "Customer Id cannot be empty")

CUSTOMER: Final = Field(
    name="customer_id",
    read=codecs.pattern(r"[0-9A-Za-z_\-]{1,64}"),
    missing=NO_CUSTOMER,
    invalid=codes.invalid("customer_id", "Customer Id"),
    aliases=("consumer_id",),
)
_ID: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A card or a bank account as it is shown."""

    token: str
    kind: str
    brand: str | None
    last4: str
    expiry: str | None
    holder: str | None
    is_first: bool


def _of_card(profile: CardProfile, *, is_first: bool) -> _Kept:
    return _Kept(
        token=profile.card.token,
        kind="CARD",
        brand=BRANDS[profile.card.brand],
        last4=profile.card.last4,
        expiry=profile.expiry,
        holder=profile.cardholder,
        is_first=is_first,
    )


def _of_account(profile: BankProfile) -> _Kept:
    return _Kept(
        token=str(profile.profile_id),
        kind="BANK",
        brand=None,
        last4=profile.account.last4,
        expiry=None,
        holder=profile.account.holder,
        is_first=False,
    )


_KEPT: Layout[_Kept] = Layout(
    Reply("card_token", codecs.json, lambda k: k.token, "of a bank account, its profile's number"),
    Reply("token_type", codecs.json, lambda k: k.kind, "`CARD` or `BANK`"),
    Reply("card_type", codecs.json, lambda k: k.brand),
    Reply("card_last4", codecs.json, lambda k: k.last4),
    Reply("exp_date", codecs.json, lambda k: k.expiry and k.expiry[2:] + k.expiry[:2], "MMYY"),
    Reply("holder_name", codecs.json, lambda k: k.holder),
    Reply("is_default", codecs.json, lambda k: k.is_first, "the customer's first card"),
)
CARDS: Layout[Sequence[_Kept]] = Layout(
    Constant("status_code", 200),
    Constant("message", "Success"),
    Reply("data", array(_KEPT), lambda kept: kept, "cards, then bank accounts, oldest first"),
)
UNKNOWN: Layout[None] = Layout(
    Constant("status_code", 404), Constant("message", "Customer not found"), Constant("data", [])
)


async def _cards(call: Call) -> Shown:
    assert call.bearer is not None, "a terminal's own token does not come here"
    merchant_id, customer_id = call.bearer.owner.owner_id, call[CUSTOMER]
    customers = call.services.customers
    try:
        if _ID.fullmatch(customer_id) is None:
            return Shown(UNKNOWN.render(None), "unknown", status=404)
        cards = await customers.cards(merchant_id, int(customer_id))
        accounts = await customers.accounts(merchant_id, int(customer_id))
    except CustomerRefused:
        return Shown(UNKNOWN.render(None), "unknown", status=404)
    kept = [
        *(_of_card(card, is_first=index == 0) for index, card in enumerate(cards)),
        *(_of_account(account) for account in accounts),
    ]
    return Shown(CARDS.render(kept), "200")


GET_CARDS: Final = Operation(
    name="get_cards",
    paths=("/v1/subscription/get-cards",),
    scope=Scope.RECURRING,
    forms=(
        Form(
            title="Payment tokens of a customer",
            fields=(CUSTOMER,),
            perform=_cards,
            layouts=(CARDS, UNKNOWN),
            note="A customer of the vault: its id is the one that Valor's vault gives.",
        ),
    ),
)
