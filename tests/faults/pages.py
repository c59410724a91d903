"""The crash matrix of payment links: one is paid once, or not at all, wherever the server dies.

As ``crash``, with somebody else who asks: a payer, who sends a form, hears nothing, sends it again, as a
browser does that is told to reload, and pays anew where it is told that nothing was charged. Each API that
makes links makes them. The shop's own server, phones and mailboxes outlive the gateway: what they heard is
held against the books, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol

from bezant.core.merchants import move
from tests.e2e.valor.shop import Till, approved
from tests.faults.crash import Case, Result
from tests.faults.desk import Act, Desk, play
from tests.faults.launcher import Order
from tests.support.browser import DECLINED
from tests.support.forms import Page, Visitor
from tests.support.gateway import Answer, eventually

MAKE: Final = "/api/v1/external-payment-transaction"
CANCEL: Final = "/api/v1/cancel"
DUPLICATE: Final = "Duplicate Transaction Reference Id"
PAID, OPEN, CLOSED = "paid", "open", "closed"
_UID: Final = re.compile(r"[0-9A-Za-z]{32}", re.ASCII)
_KIND: Final = re.compile(r'<body class="(?:modal-page )?([a-z]+)')

_NUMBERED: Final = "SELECT uid FROM invoices WHERE number = :number"

_REQUEST: Final = tuple(Order(point=f"request.{step}") for step in ("accepted", "parsed", "authenticated"))
_WRITE: Final = tuple(Order(point=f"write.{step}") for step in ("half-flushed", "flushed", "committed"))
_PAYING: Final = (
    *_REQUEST,
    *_WRITE,
    Order(point="payment.stored"),
    *(Order(point=f"link.{step}") for step in ("written", "heard", "decoded")),
    Order(point="payment.answered"),
    Order(point="invoice.paying"),
    *(Order(point=f"write.{step}", hits=2) for step in ("half-flushed", "flushed", "committed")),
    *(Order(point=f"{step}.{done}") for step, done in (("payment", "finished"), ("invoice", "answered"))),
    Order(point="page.answered"),
    *(Order(point=f"delivery.{step}") for step in ("claimed", "packed", "answered")),
    Order(point="delivery.packed", delay=0.2),
)
_DECLINING: Final = (
    Order(point="payment.answered"),
    *(Order(point=f"write.{step}", hits=2) for step in ("half-flushed", "flushed", "committed")),
    Order(point="page.answered"),
)
_IN_DOUBT: Final = (
    *(Order(point=f"reversal.{step}") for step in ("claimed", "answered", "confirming", "confirmed")),
    Order(point="invoice.unsettled"),
    Order(point="page.answered"),
)
_WAITING: Final = Order(point="link.written", delay=0.05)
_MAKING: Final = (*_REQUEST, *_WRITE, *(Order(point=f"answer.{step}") for step in ("begun", "sent")))
_SENDING: Final = tuple(Order(point=f"delivery.{step}") for step in ("claimed", "packed", "answered"))
_SENT: Final = (*_SENDING, *(Order(point=f"write.{step}", hits=4) for step in ("flushed", "committed")))
_LEAVING: Final = (*_REQUEST, *_WRITE, Order(point="page.answered"))


def matrix() -> list[Case]:
    """Every case."""
    cases = []
    for api in APIS:
        paid = f"{api} link paid"
        cases += [Case(name=paid, order=order) for order in _PAYING]
        cases += [Case(name=paid, order=_WAITING, step={"late": 0.4}, ask="sale")]
        cases += [Case(name=paid, order=Order(point="link.written"), half=True)]
        cases += [Case(name=paid, order=order, step={"silent": True}, ask="sale") for order in _IN_DOUBT]
        cases += [Case(name=f"{api} link declined", order=order) for order in _DECLINING]
        cases += [Case(name=f"{api} link made", order=order) for order in (*_MAKING, *_SENT)]
        cases += [Case(name=f"{api} link cancelled", order=order) for order in _MAKING]
    cases += [Case(name="iPOSpays link left", order=order) for order in (*_LEAVING, *_SENDING)]
    cases += [Case(name="Valor link changed", order=order) for order in (*_MAKING, *_SENDING)]
    overdue = (Order(point="invoice.overdue"), *_WRITE)
    return [*cases, *(Case(name="Valor link overdue", order=order) for order in overdue)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link that was made. ``number`` is what its shop calls it, ``minor`` what it asks for."""

    uid: str
    number: str
    minor: int


class Api(Protocol):
    """How one API makes links, and what it and its notices say of them. Amounts are like ``12.34``."""

    def make(self, desk: Desk, amount: str, number: str, *, by_mail: bool = False) -> Answer:
        """Ask for a link; with ``by_mail`` it is sent to somebody, too."""
        ...

    def uid(self, answer: Answer) -> str | None:
        """The link that an answer gives; none where it says that there is one already."""
        ...

    def stands(self, desk: Desk, link: Link) -> str:
        """``PAID``, ``OPEN`` or ``CLOSED``, as the shop is told that asks."""
        ...

    def cancel(self, desk: Desk, link: Link) -> bool:
        """Close it; whether it is closed then."""
        ...

    def untold(self, desk: Desk, link: Link) -> list[str]:
        """Where what the shop was told of a link is not what it is told when it asks."""
        ...

    def sent(self, desk: Desk, number: str) -> list[str]:
        """What came to whom a link was sent."""
        ...


class Valor:
    """An e-invoice. Its shop is told that it was paid."""

    def make(self, desk: Desk, amount: str, number: str, *, by_mail: bool = False) -> Answer:
        """Ask for it, with an idempotency key."""
        said: dict[str, Any] = {"epage": 1, "amount": amount, "invoicenumber": number}
        said["redirect_url"] = desk.receiver.url
        if by_mail:
            said["email"] = _address(number)
        return desk.merchant.till.call("sale", idempotency_key=number, **said)

    def uid(self, answer: Answer) -> str | None:
        """It is given each time."""
        uid: str = approved(answer)["uid"]
        return uid

    def stands(self, desk: Desk, link: Link) -> str:
        """As the list of invoices has it."""
        return self._WORDS.get(self._row(desk, link)["STATUS"], CLOSED)

    def cancel(self, desk: Desk, link: Link) -> bool:
        """By the API, which says so the second time, too."""
        answer = desk.merchant.till.call("cancelEinvoice", uid=link.uid)
        said, status = str(answer.body["error_no"]), str(self._row(desk, link)["STATUS"])
        return said == "S00" or status == "CANCELED"

    def untold(self, desk: Desk, link: Link) -> list[str]:
        """Of a payment, and of nothing else."""
        told = {n.body for n in desk.receiver.notices if json.loads(n.body).get("uid") == link.uid}
        heard = sorted(json.loads(body)["txnid"] for body in told)
        row = self._row(desk, link)
        expected = [str(row["TXN_ID"])] if row["STATUS"] == "PAID" else []
        return [] if heard == expected else [f"the shop heard {heard} and not {expected}"]

    def sent(self, desk: Desk, number: str) -> list[str]:
        """Mails."""
        return [mail.text for mail in desk.far.mails(_address(number))]

    def change(self, desk: Desk, link: Link, amount: str) -> Answer:
        """Ask for another amount."""
        return desk.merchant.till.call("resendEinvoice", uid=link.uid, amount=amount)

    def asked(self, desk: Desk, link: Link) -> str:
        """What it asks for."""
        whole, _, cents = self._row(desk, link)["AMOUNT"].partition(".")
        return f"{whole}.{cents:0<2}"

    @staticmethod
    def _row(desk: Desk, link: Link) -> dict[str, Any]:
        rows = desk.merchant.till.call("getEinvoice", date_filter=9, filter_text=link.number)
        (row,) = [row for row in rows.body["data"] if row["UID"] == link.uid]
        found: dict[str, Any] = row
        return found

    _WORDS: Final = {"PAID": PAID, "PENDING": OPEN}


class Ipospays:
    """A hosted page, which can be tried once. Its shop is told of how that ended."""

    def make(self, desk: Desk, amount: str, number: str, *, by_mail: bool = False) -> Answer:
        """Ask for it, under a reference; it is sent to a phone."""
        caller = desk.merchant.caller
        notified: dict[str, Any] = {"notifyByPOST": True, "postAPI": desk.receiver.url}
        if by_mail:
            notified |= {"notifyBySMS": True, "mobileNumber": _phone(number)}
        said = {
            "merchantAuthentication": {"merchantId": caller.tpn, "transactionReferenceId": number},
            "transactionRequest": {"transactionType": 1, "amount": amount.replace(".", "")},
            "notificationOption": notified,
            "preferences": {"invoiceId": number},
        }
        return caller.post(MAKE, said)

    def uid(self, answer: Answer) -> str | None:
        """It is given once."""
        if answer.status == 400:
            assert answer.body["errors"][0]["message"] == DUPLICATE, answer
            return None
        found = _UID.search(answer.body.get("information", ""))
        assert found is not None, answer
        return found[0]

    def stands(self, desk: Desk, link: Link) -> str:
        """As its reference says."""
        told = desk.merchant.caller.query(link.number)["status"]
        return {"Successful": PAID, "Pending": OPEN}.get(told, CLOSED)

    def cancel(self, desk: Desk, link: Link) -> bool:
        """By the API, which objects the second time."""
        caller = desk.merchant.caller
        caller.post(CANCEL, {"merchantId": caller.tpn, "transactionReferenceId": link.number})
        status: str = caller.query(link.number)["status"]
        return status == "Cancelled"

    def untold(self, desk: Desk, link: Link) -> list[str]:
        """Of an attempt, and of a payer that left."""
        told = [json.loads(notice.body).get("iposHPResponse", {}) for notice in desk.receiver.notices]
        heard = {
            (each["responseCode"], each.get("transactionId"))
            for each in told
            if each.get("transactionReferenceId") == link.number
        }
        asked = desk.merchant.caller.query(link.number)
        data = asked["data"]
        expected = {(data["responseCode"], data["transactionId"])} if data else set()
        if asked["status"] == "Cancelled":
            expected |= heard & {("401", None)}
        return [] if heard == expected else [f"the shop heard {heard} and not {expected}"]

    def sent(self, desk: Desk, number: str) -> list[str]:
        """Texts."""
        return desk.far.texts(_phone(number))


VALOR: Final = Valor()
IPOSPAYS: Final = Ipospays()
APIS: Final[Mapping[str, Api]] = {"Valor": VALOR, "iPOSpays": IPOSPAYS}


def _address(number: str) -> str:
    return f"{number}@example.com"


def _phone(number: str) -> str:
    return f"+1602555{number.removeprefix('L')}"


def run(desk: Desk, case: Case, *, database: str) -> Result:
    """Carry out a case. Afterwards the gateway runs and is at rest, whatever was found."""
    api, _, what = case.name.partition(" ")
    with Visitor(desk.bench.gateway) as visitor:
        act = _ACTS[what](desk, APIS[api], visitor)
        return play(desk, case, act, database=database, died=visitor.hang_up)


def _made(desk: Desk, api: Api, *, by_mail: bool = False) -> Link:
    amount, number = desk.bench.amount(), desk.number()
    uid = api.uid(api.make(desk, amount, number, by_mail=by_mail))
    assert uid is not None
    return Link(uid=uid, number=number, minor=int(amount.replace(".", "")))


def _shown(visitor: Visitor, link: Link, page: Page) -> str:
    """What a payer sees who is led to the result: the kind of the page."""
    if page.status == 303:
        page = visitor.get(f"/pay/{link.uid}/result")
    found = _KIND.search(page.body)
    return found[1] if found else str(page.status)


def _agree(desk: Desk, api: Api, link: Link) -> list[str]:
    """Where a link's state, the host's books and what the shop was told do not agree."""
    stands, standing = api.stands(desk, link), desk.standing(link.minor)
    wrong = api.untold(desk, link)
    if standing != (stands == PAID):
        wrong.append(f"the link is {stands}, and {standing} charges stand")
    return wrong


def _paying(desk: Desk, api: Api, visitor: Visitor, *, card: Mapping[str, str]) -> Act:
    link = _made(desk, api)
    path, address = f"/pay/{link.uid}", _address(link.number)
    form = {**visitor.form(link.uid), "email": address, **card}

    def call() -> str:
        return _shown(visitor, link, visitor.send(path, form))

    def again() -> tuple[str, list[str]]:
        opened = _shown(visitor, link, visitor.get(path))
        word = call()
        wrong = []
        if opened not in {"pay", word}:
            wrong.append(f"the payer saw {opened}, and after a reload {word}")
        if word == "declined" and api.stands(desk, link) == OPEN:  # it is told that it can try again
            word = _shown(visitor, link, visitor.pay(link.uid, email=address))
        if (word == "approved") != (api.stands(desk, link) == PAID):
            wrong.append(f"the payer was told {word}, the shop {api.stands(desk, link)}")
        if word not in {"approved", "declined"} or (word == "declined" and api.stands(desk, link) == OPEN):
            wrong.append(f"the payer was left with {word}")
        return word, wrong

    def wrong() -> list[str]:
        unthanked = api.stands(desk, link) == PAID and not desk.far.mails(address)
        return [*_agree(desk, api, link), *(["no receipt came"] if unthanked else [])]

    return Act(call=call, wrong=wrong, again=again)


def _making(desk: Desk, api: Api, visitor: Visitor) -> Act:
    amount, number = desk.bench.amount(), desk.number()
    given: list[str | None] = []

    def call() -> str:
        given.append(api.uid(api.make(desk, amount, number, by_mail=True)))
        return "made" if given[-1] else "known"

    def wrong() -> list[str]:
        links = {uid for sent in api.sent(desk, number) for uid in _UID.findall(sent)}
        known = {row["uid"] for row in desk.bench.gateway.rows(_NUMBERED, number=number)}
        if {uid for uid in given if uid} <= known and links == known and len(known) <= 1:
            return []
        return [f"there are {known}, given were {given}, sent were {links}"]

    def again() -> tuple[str, list[str]]:
        word = call()
        desk.rest()  # nobody writes of a link that was paid before its letter left
        (row,) = desk.bench.gateway.rows(_NUMBERED, number=number)
        link = Link(uid=row["uid"], number=number, minor=int(amount.replace(".", "")))
        paid = _shown(visitor, link, visitor.pay(link.uid))
        desk.rest()
        return word, [*_agree(desk, api, link), *([] if paid == "approved" else [f"paying it ended {paid}"])]

    return Act(call=call, wrong=wrong, again=again)


def _cancelling(desk: Desk, api: Api, _visitor: Visitor) -> Act:
    link = _made(desk, api)

    def call() -> str:
        return CLOSED if api.cancel(desk, link) else api.stands(desk, link)

    def again() -> tuple[str, list[str]]:
        word = call()
        return word, [] if word == CLOSED else [f"it was cancelled, and is {word}"]

    return Act(call=call, wrong=partial(_agree, desk, api, link), again=again)


def _changing(desk: Desk, _api: Api, _visitor: Visitor) -> Act:
    link = _made(desk, VALOR, by_mail=True)
    after = desk.bench.amount()

    def call() -> str:
        return str(VALOR.change(desk, link, after).body["error_no"])

    def wrong() -> list[str]:
        letters = VALOR.sent(desk, link.number)
        changed = VALOR.asked(desk, link) == after
        told = any(after in letter for letter in letters)
        return [] if told == changed else [f"changed is {changed}, and told {told}"]

    def again() -> tuple[str, list[str]]:
        word = call()
        asked = VALOR.asked(desk, link)
        return word, [] if (word, asked) == ("S00", after) else [f"{word}, and it asks for {asked}"]

    return Act(call=call, wrong=wrong, again=again)


def _leaving(desk: Desk, api: Api, visitor: Visitor) -> Act:
    link = _made(desk, api)
    form = visitor.form(link.uid)

    def call() -> str:
        return _shown(visitor, link, visitor.send(f"/pay/{link.uid}/cancel", form))

    def again() -> tuple[str, list[str]]:
        word = call()
        desk.rest()
        codes = [json.loads(notice.body).get("iposHPResponse", {}) for notice in desk.receiver.notices]
        told = {each["responseCode"] for each in codes if each.get("transactionReferenceId") == link.number}
        wrong = [] if (word, told) == ("cancelled", {"401"}) else [f"left: {word}, and its shop heard {told}"]
        return word, wrong

    return Act(call=call, wrong=partial(_agree, desk, api, link), again=again)


def _overdue(desk: Desk, _api: Api, visitor: Visitor) -> Act:
    merchant = desk.bureau.open()
    own = Desk(bench=desk.bench, bureau=desk.bureau, merchant=merchant, receiver=desk.receiver, far=desk.far)
    link = _made(own, VALOR)
    till: Till = merchant.till

    def call() -> str:
        desk.bureau.change_clock(merchant.shop, move(timedelta(days=2)))
        return "moved"

    def again() -> tuple[str, list[str]]:
        eventually(lambda: desk.bench.gateway.rows(_EXPIRED, uid=link.uid))
        page = visitor.get(f"/pay/{link.uid}")
        numbered = till.call("sale", epage=1, amount="1.00", invoicenumber=link.number).body["error_no"]
        good = page.status == 410 and numbered == "S00"
        return "gone", [] if good else [f"its page is {page.status}, its number {numbered}"]

    return Act(call=call, wrong=partial(_agree, own, VALOR, link), again=again)


_EXPIRED: Final = "SELECT uid FROM invoices WHERE uid = :uid AND state = 'expired'"
_ACTS: Final[Mapping[str, Callable[[Desk, Api, Visitor], Act]]] = {
    "link paid": partial(_paying, card={}),
    "link declined": partial(_paying, card={"card_number": DECLINED}),
    "link made": _making,
    "link cancelled": _cancelling,
    "link changed": _changing,
    "link left": _leaving,
    "link overdue": _overdue,
}
