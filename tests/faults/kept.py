"""The crash matrix of what is kept and charged with: products and their stock, customers, cards, tokens.

Requests that make something have no key of their own: a client that heard nothing looks whether it is there,
and asks again where it is not. What is charged by a token is charged once, and its reference tells whether.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from bezant.core.sensitive import Pan
from tests.conformance.valor.vaults import Vault
from tests.e2e.ipospays.merchant import Caller
from tests.e2e.valor.shop import approved
from tests.faults.crash import Case, Result
from tests.faults.desk import Act, Desk, play
from tests.faults.launcher import Order
from tests.support.gateway import Answer

STOCK: Final = 10
SOLD: Final = 3
CARD_FIELDS: Final = "/ftd/v1/payment-token"
KNOWN: Final = ["Customer name already exist"]
DUPLICATE: Final = "Duplicate Transaction Reference Id"
USED_UP: Final = "INVALID CARD TOKEN"
EXPIRY: Final = "1236"

_ACCEPTED: Final = Order(point="request.accepted")
_READ: Final = tuple(Order(point=f"request.{step}") for step in ("parsed", "authenticated"))
_WRITE: Final = tuple(Order(point=f"write.{step}") for step in ("half-flushed", "flushed", "committed"))
_ANSWER: Final = tuple(Order(point=f"answer.{step}") for step in ("begun", "sent"))
_MAKING: Final = (_ACCEPTED, *_WRITE, *_ANSWER)
_KEEPING: Final = (*_MAKING, Order(point="vault.written"))
_CHARGING: Final = (
    _ACCEPTED,
    *_READ,
    *_WRITE,
    Order(point="payment.stored"),
    Order(point="link.written"),
    Order(point="link.heard"),
    Order(point="payment.answered"),
    *(Order(point=order.point, hits=2) for order in _WRITE),
    Order(point="payment.finished"),
    *_ANSWER,
)
_TAKING_BACK: Final = tuple(
    Order(point=f"reversal.{step}") for step in ("claimed", "answered", "confirming", "confirmed")
)


def matrix() -> list[Case]:
    """Every case."""
    cases = [Case(name="product added", order=order) for order in (*_MAKING, *_READ)]
    cases += [Case(name="customer added", order=order) for order in _MAKING]
    for name in ("customer's card added", "card made a token", "card made a payment token"):
        cases += [Case(name=name, order=order) for order in _KEEPING]
    for name in ("stock sold", "card token charged", "payment token charged"):
        cases += [Case(name=name, order=order) for order in _CHARGING]
        cases += [Case(name=name, order=order, step={"silent": True}, ask="sale") for order in _TAKING_BACK]
    return cases


def run(desk: Desk, case: Case, *, database: str) -> Result:
    """Carry out a case. Afterwards the gateway runs and is at rest, whatever was found."""
    return play(desk, case, _ACTS[case.name](desk), database=database)


def _said(right: bool, otherwise: str) -> list[str]:  # noqa: FBT001 - reads as a sentence
    return [] if right else [otherwise]


def _making(make: Callable[[], str], there: Callable[[], int]) -> Act:
    """Something that is made by a request without a key."""
    told: list[str] = []

    def call() -> str:
        told.append(make())
        return told[-1]

    def again() -> tuple[str, list[str]]:
        word = "there" if there() else call()
        return word, _said(there() == 1, f"there are {there()}")

    return Act(call=call, wrong=lambda: _said(len(told) <= there() <= 1, f"there are {there()}"), again=again)


def _product(desk: Desk) -> Act:
    till, code = desk.merchant.till, desk.number()

    def make() -> str:
        said: dict[str, Any] = {"item_name": "Apple", "unit_cost": 1, "quantity": STOCK, "inventory": "Yes"}
        return str(approved(till.call("addProduct", product_code=code, **said))["error_no"])

    def there() -> int:
        rows = till.call("getProduct", limit=500).body["data"]
        return sum(row["product_code"] == code for row in rows)

    return _making(make, there)


def _customer(desk: Desk) -> Act:
    vault, name = Vault(desk.merchant.till), f"John {desk.number()}"

    def make() -> str:
        answer = vault.call("POST", "addcustomer", {"customer_name": name})
        return "known" if answer.status == 400 and answer.body["errors"] == KNOWN else str(answer.status)

    def there() -> int:
        rows = vault.call("GET", "getcustomers").body.get("data", [])
        return sum(row["customer_name"] == name for row in rows)

    return _making(make, there)


def _customers_card(desk: Desk) -> Act:
    """A card that the customer has already stays the same one: it can be added again."""
    vault = Vault(desk.merchant.till)
    customer, number = vault.add_customer(f"Jane {desk.number()}"), _fresh(desk)
    given: list[int] = []

    def call() -> str:
        given.append(vault.add_card(customer, pan_num=number))
        return "kept"

    def wrong() -> list[str]:
        kept = [int(row["payment_id"]) for row in vault.cards(customer)]
        return _said(len(kept) <= 1 and set(given) <= set(kept), f"given were {given}, kept are {kept}")

    return Act(call=call, wrong=wrong, again=lambda: (call(), wrong()))


def _token_made(desk: Desk) -> Act:
    """The same card has the same token each time, and it can be charged."""
    number, given = _fresh(desk), set[str]()

    def call() -> str:
        given.add(desk.merchant.card(number))
        return "given"

    def again() -> tuple[str, list[str]]:
        word = call()
        (token,) = given
        approved(desk.merchant.till.charge(desk.bench.amount(), token=token, expirydate=EXPIRY))
        return word, []

    return Act(call=call, wrong=lambda: _said(len(given) <= 1, f"one card has tokens {given}"), again=again)


def _payment_token_made(desk: Desk) -> Act:
    """Whoever heard nothing asks for another, and charges that once."""
    caller, given = desk.bureau.open().caller, list[str]()
    shown = desk.bureau.ecom_token(caller.tpn)

    def call() -> str:
        given.append(_payment_token(desk, shown, _fresh(desk)))
        return "given"

    def again() -> tuple[str, list[str]]:
        call()
        amount = _cents(desk.bench.amount())
        words = [_word(caller.transact(1, amount=amount, paymentTokenId=given[-1])) for _ in range(2)]
        return words[0], _said(words == ["200", USED_UP], f"charged twice, it was told {words}")

    return Act(call=call, wrong=list, again=again)


def _stock_sold(desk: Desk) -> Act:
    till, code, key = desk.merchant.till, desk.number(), desk.number()
    stocked: dict[str, Any] = {"item_name": "Apple", "unit_cost": 1, "quantity": STOCK, "inventory": "Yes"}
    approved(till.call("addProduct", product_code=code, **stocked))

    def row() -> Mapping[str, Any]:
        (found,) = [
            row for row in till.call("getProduct", limit=500).body["data"] if row["product_code"] == code
        ]
        known: Mapping[str, Any] = found
        return known

    amount, basket = desk.bench.amount(), [{"product_id": row()["product_id"], "qty": SOLD}]

    def call() -> str:
        answer = till.charge(amount, productIds=basket, idempotency_key=key)
        return str(answer.body["error_no"])

    def wrong() -> list[str]:
        standing, left = desk.standing(_minor(amount)), int(row()["quantity"])
        return _said(left == STOCK - SOLD * standing, f"{standing} sales stand, and {left} pieces are left")

    def again() -> tuple[str, list[str]]:
        word = call()
        standing = desk.standing(_minor(amount))
        return word, _said(standing == (word == "S00"), f"told {word}, and {standing} stand")

    return Act(call=call, wrong=wrong, again=again)


def _charging(desk: Desk, *, once: bool) -> Act:
    """A sale by a card's token, or by one that is good for one charge, whatever comes of that."""
    merchant = desk.bureau.open()
    caller, reference, amount = merchant.caller, desk.number(), _cents(desk.bench.amount())
    if once:
        shown = desk.bureau.ecom_token(caller.tpn)
        paid_by = {"paymentTokenId": _payment_token(desk, shown, _fresh(desk))}
    else:
        paid_by = {"cardToken": merchant.card(_fresh(desk))}

    def call() -> str:
        return _word(caller.transact(1, reference, amount=amount, **paid_by))

    def again() -> tuple[str, list[str]]:
        word = call()
        desk.rest()
        told, standing = _word(caller.status(reference)), desk.standing(int(amount))
        wrong = _said(standing == (told == "200"), f"its reference tells {told}, and {standing} stand")
        wrong += _said(word in {"200", DUPLICATE}, f"the repeated request was answered {word}")
        if once:  # by now it was charged, whatever came of that
            other = _word(caller.transact(1, amount=_cents(desk.bench.amount()), **paid_by))
            wrong += _said(other == USED_UP, f"charged once more, it was told {other}")
        return word, wrong

    return Act(call=call, wrong=lambda: _said(desk.standing(int(amount)) <= 1, "charged twice"), again=again)


def _payment_token(desk: Desk, shown: str, number: str) -> str:
    said = {"security_key": shown, "ccnumber": number, "ccexpiry": EXPIRY}
    token: str = Caller(desk.bench.gateway, "", "").post(CARD_FIELDS, said).body["payment_token_id"]
    return token


def _word(answer: Answer) -> str:
    """What an answer comes to: the code of an approval, else what is wrong."""
    if errors := answer.body.get("errors"):
        return str(errors[0]["message"])
    told = answer.body["iposhpresponse"]
    approved = told["responseCode"] == "200"
    return str(told["responseCode"] if approved else told["errResponseMessage"])


def _fresh(desk: Desk) -> str:
    """The number of a card that nothing else here has."""
    mark = next(desk.bench.marks)
    numbers = (Pan(f"4012000{mark:08d}{check}") for check in range(10))
    return next(number for number in numbers if number.passes_luhn()).reveal()


def _cents(amount: str) -> str:
    return amount.replace(".", "")


def _minor(amount: str) -> int:
    return int(_cents(amount))


_ACTS: Final[Mapping[str, Callable[[Desk], Act]]] = {
    "product added": _product,
    "customer added": _customer,
    "customer's card added": _customers_card,
    "card made a token": _token_made,
    "card made a payment token": _payment_token_made,
    "stock sold": _stock_sold,
    "card token charged": partial(_charging, once=False),
    "payment token charged": partial(_charging, once=True),
}
