"""A shop that sells in installments: real storage, the real service, and a lender at the end of a socket.

The lender keeps books of its own and does as told: it loses answers before or after booking, garbles them,
or books late. The rail that ships and its sandbox have tests of their own.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from bezant.core.bnpl import (
    CustomerAnswer,
    CustomerQuestion,
    Finance,
    FinanceRecovery,
    Granted,
    Inquiry,
    InquiryAnswer,
    Loan,
    LoanAnswer,
    LoanMessage,
    LoanRefund,
    Offer,
    OfferRequest,
    Order,
    Plan,
    PlansAnswer,
    PlansQuestion,
    Program,
    Purchase,
    Quote,
    Registered,
    Return,
    ReturnAnswer,
    Returned,
    ReturnMessage,
    Terms,
)
from bezant.core.merchants import SANDBOX_PASSWORD, Caller
from bezant.core.money import EGP, Currency, Money
from bezant.core.outcomes import Declined, NotSent, Reason, Unresolved
from bezant.core.sensitive import Secret
from bezant.storage.ids import IdBlocks
from tests.storage.shop import Shop

PHONE: Final = "01220422223"
STRANGER: Final = "01220420000"
LIMIT: Final = 50_000_00
BALANCE: Final = 10_000_00
MONTHS: Final = (6, 12, 24)


def egp(minor: int) -> Money:
    """An amount in piasters."""
    return Money(minor, EGP)


def terms(
    minor: int = 1_000_00,
    *,
    phone: str = PHONE,
    wallet: int = 0,
    cashback: int = 0,
    down_payment: int | None = None,
    currency: Currency = EGP,
) -> Terms:
    """What a customer wants to finance."""
    return Terms(
        phone=phone,
        amount=Money(minor, currency),
        wallet=Money(wallet, currency),
        cashback=Money(cashback, currency),
        down_payment=None if down_payment is None else Money(down_payment, currency),
    )


def plan(minor: int, months: int) -> dict[str, int]:
    """Flat five percent a year."""
    total = minor + minor * months // 240
    return {"months": months, "fee": total - minor, "installment": total // months, "total": total}


class Bank:
    """A lender that answers one JSON object a connection.

    What it is told with ``will`` it does with the next message of that kind: ``lose`` (books, and hangs up),
    ``drop`` (hangs up), ``garble`` (books, and answers nonsense), ``halve`` (books, and answers another
    amount), ``wait`` (books when ``go_on`` is called, if it still may), or declines with any other word.
    """

    def __init__(self) -> None:
        self.booked: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self._fenced: set[str] = set()
        self._orders: deque[tuple[str, str]] = deque()
        self._gate = asyncio.Event()
        self._arrived = asyncio.Semaphore(0)
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self._gate.set()
        await self._server.wait_closed()

    def will(self, what: str, *, to: str = "grant", times: int = 1) -> None:
        """What to do with the next messages of a kind."""
        self._orders.extend([(to, what)] * times)

    async def waits(self) -> None:
        """Until a message has arrived that is waited with."""
        await self._arrived.acquire()

    def go_on(self) -> None:
        """Book what was waited with."""
        self._gate.set()

    def total(self) -> int:
        """What all loans come to, less what was given back."""
        return sum(entry["moved"] for entry in self.booked.values())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            message = json.loads(await reader.readuntil(b"\n"))
            self.asked.append(message)
            answer = await self._answer(message)
            if answer is not None:
                writer.write(answer + b"\n")
                await writer.drain()
        writer.close()

    async def _answer(self, message: dict[str, Any]) -> bytes | None:
        kind, told = message["kind"], None
        if self._orders and self._orders[0][0] == kind:
            told = self._orders.popleft()[1]
        if told == "drop":
            return None
        if told == "wait":
            self._arrived.release()
            await self._gate.wait()
        elif told not in {None, "lose", "garble", "halve"}:
            return json.dumps({"no": told}).encode()
        answer = getattr(self, f"_{kind}")(message)
        if told in {"lose", "wait"}:
            return None
        if told == "halve":
            answer = {**answer, "amount": answer["amount"] // 2}
        return b"{]" if told == "garble" else json.dumps(answer).encode()

    def _customer(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"no": "unknown_customer"} if message["phone"].endswith("0000") else {"yes": "customer"}

    def _refusal(self, message: dict[str, Any]) -> str | None:
        if message["phone"].endswith("0000"):
            return "unknown_customer"
        if message["amount"] > LIMIT:
            return "over_customer_limit"
        if max(message["wallet"], message["cashback"]) > BALANCE:
            return "wallet_too_small"
        return None

    def _plans(self, message: dict[str, Any]) -> dict[str, Any]:
        if reason := self._refusal(message):
            return {"no": reason}
        return {"yes": "plans", "plans": [plan(message["amount"], months) for months in MONTHS]}

    def _grant(self, message: dict[str, Any]) -> dict[str, Any]:
        reference = message["reference"]
        if reference in self.booked:
            return self.booked[reference]["answer"]  # type: ignore[no-any-return]  # parsed from JSON
        if reference in self._fenced:
            return {"no": "not_booked"}
        if reason := self._refusal(message):
            return {"no": reason}
        if message["months"] not in MONTHS:
            return {"no": "plan_not_offered"}
        amount, number = message["amount"], len(self.booked) + 1
        answer = {
            "yes": "granted",
            "loan": f"VL{number:09d}",
            "transaction": f"VTX{number:09d}",
            "amount": amount,
            "plan": plan(amount, message["months"]),
        }
        self.booked[reference] = {"answer": answer, "moved": amount}
        return answer

    def _return(self, message: dict[str, Any]) -> dict[str, Any]:
        reference, amount = message["reference"], message["amount"]
        if reference in self.booked:
            return self.booked[reference]["answer"]  # type: ignore[no-any-return]  # parsed from JSON
        if reference in self._fenced or message["original"] not in self.booked:
            return {"no": "not_booked"}
        answer = {"yes": "returned", "transaction": f"VTX{len(self.booked):09d}", "amount": amount}
        self.booked[reference] = {"answer": answer, "moved": -amount}
        return answer

    def _inquire(self, message: dict[str, Any]) -> dict[str, Any]:
        reference = message["reference"]
        if reference in self.booked:
            return self.booked[reference]["answer"]  # type: ignore[no-any-return]  # parsed from JSON
        self._fenced.add(reference)
        return {"no": "not_booked"}


class Wire:
    """Speaks to the bank."""

    def __init__(self, bank: Bank, *, read_timeout_seconds: float) -> None:
        self._bank = bank
        self._read_timeout_seconds = read_timeout_seconds

    async def customer(self, question: CustomerQuestion) -> CustomerAnswer:
        answer = await self._ask("customer", phone=question.phone)
        return Registered() if isinstance(answer, dict) else answer

    async def plans(self, question: PlansQuestion) -> PlansAnswer:
        answer = await self._ask("plans", **_terms(question.terms))
        if not isinstance(answer, dict):
            return answer
        return Quote(plans=tuple(_plan(each) for each in answer["plans"]))

    async def grant(self, message: LoanMessage) -> LoanAnswer:
        asked = {"reference": message.reference, "months": message.months, **_terms(message.terms)}
        answer = await self._ask("grant", **asked)
        return _granted(answer) if isinstance(answer, dict) else answer

    async def give_back(self, message: ReturnMessage) -> ReturnAnswer:
        asked = {"original": message.original, "amount": message.amount.minor}
        answer = await self._ask("return", reference=message.reference, **asked)
        return _returned(answer) if isinstance(answer, dict) else answer

    async def inquire(self, inquiry: Inquiry) -> InquiryAnswer:
        answer = await self._ask("inquire", reference=inquiry.reference)
        if not isinstance(answer, dict):
            return answer
        return _granted(answer) if answer["yes"] == "granted" else _returned(answer)

    async def _ask(self, kind: str, **facts: object) -> dict[str, Any] | Declined | Unresolved | NotSent:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._bank.port)
        except OSError:
            return NotSent(cause="no link")
        try:
            writer.write(json.dumps({"kind": kind, **facts}).encode() + b"\n")
            line = await asyncio.wait_for(reader.readline(), self._read_timeout_seconds)
            answer = json.loads(line)
        except TimeoutError:
            return Unresolved(cause="time-out")
        except (OSError, ValueError):
            return Unresolved(cause="garbled")
        finally:
            writer.close()
        return Declined(reason=Reason(answer["no"])) if "no" in answer else answer


def _terms(terms: Terms) -> dict[str, Any]:
    return {
        "phone": terms.phone,
        "amount": terms.amount.minor,
        "wallet": terms.wallet.minor,
        "cashback": terms.cashback.minor,
        "down_payment": None if terms.down_payment is None else terms.down_payment.minor,
    }


def _plan(facts: dict[str, int]) -> Plan:
    return Plan(
        months=facts["months"],
        fee=egp(facts["fee"]),
        installment=egp(facts["installment"]),
        total=egp(facts["total"]),
    )


def _granted(facts: dict[str, Any]) -> Granted:
    return Granted(
        loan_number=facts["loan"],
        transaction_number=facts["transaction"],
        amount=egp(facts["amount"]),
        plan=_plan(facts["plan"]),
    )


def _returned(facts: dict[str, Any]) -> Returned:
    return Returned(transaction_number=facts["transaction"], amount=egp(facts["amount"]))


@dataclass
class Inbox:
    """What came to phones."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    up: bool = True

    async def send(self, *, phone: str, text: Secret) -> bool:
        if self.up:
            self.texts.append((phone, text.reveal()))
        return self.up

    @property
    def password(self) -> Secret:
        """The password in the last text."""
        return Secret(self.texts[-1][1][:6])


@dataclass(kw_only=True)
class Counter:
    """What a shop does with consumer finance, and the other side of it."""

    shop: Shop
    bank: Bank
    inbox: Inbox
    finance: Finance
    recovery: FinanceRecovery
    caller: Caller

    async def offer(self, reference: str = "order-1", wanted: Terms | None = None) -> Offer:
        request = OfferRequest(reference=reference, terms=wanted or terms())
        return await self.finance.offer(self.caller, request)

    async def buy(
        self,
        reference: str = "order-1",
        wanted: Terms | None = None,
        *,
        months: int = 6,
        password: Secret = SANDBOX_PASSWORD,
    ) -> Loan:
        purchase = Purchase(
            reference=reference,
            terms=wanted or terms(),
            months=months,
            password=password,
            echo={"language": "ar", "description": "هاتف"},
        )
        return await self.finance.buy(self.caller, purchase)

    async def bought(self, reference: str = "order-1", wanted: Terms | None = None) -> Loan:
        """An order that was offered and bought."""
        await self.offer(reference, wanted)
        return await self.buy(reference, wanted)

    async def give_back(
        self, minor: int, reference: str = "order-1", *, refund_reference: str | None = None
    ) -> LoanRefund:
        wanted = Return(reference=reference, amount=egp(minor), refund_reference=refund_reference)
        return await self.finance.give_back(self.caller, wanted)

    async def order(self, reference: str = "order-1") -> Order:
        return await self.finance.order(self.caller, reference=reference)

    async def resolve_due(self) -> list[bool]:
        """Ask about what is due; whether each was settled."""
        return [await self.recovery.resolve(asked) for asked in await self.recovery.due()]

    async def keep_program(self, **settings: Any) -> None:
        """Change the merchant's settings."""
        merchant_id = self.caller.merchant.merchant_id
        program = Program(merchant_id=merchant_id, currency=EGP, **settings)
        await self.shop.units.write(lambda unit: unit.finance.keep_program(program), merchant_id=merchant_id)

    def told(self) -> list[str]:
        """The topics of what the outside is to be told, in order."""
        with self.shop.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT topic FROM deliveries ORDER BY delivery_id")
            return [row[0] for row in rows]

    def wrong(self) -> list[object]:
        """Whatever is wrong with our books, or between them and the lender's."""
        with self.shop.engine.connect() as connection:
            owed = connection.exec_driver_sql(
                "SELECT COALESCE(SUM(minor), 0) FROM postings WHERE account = 'lender_receivable'"
            ).scalar_one()
        agrees = owed == self.bank.total()
        apart = [] if agrees else [f"booked {owed}, the lender has {self.bank.total()}"]
        return [*self.shop.wrong(), *apart]


@asynccontextmanager
async def open_counter(shop: Shop) -> AsyncIterator[Counter]:
    """A lender, and the service over it, for a merchant that sells in Egypt."""
    bank, inbox = Bank(), Inbox()
    await bank.start()
    lender = Wire(bank, read_timeout_seconds=0.4)
    ids = IdBlocks(shop.units, "payments")
    try:
        counter = Counter(
            shop=shop,
            bank=bank,
            inbox=inbox,
            finance=Finance(
                units=shop.units,
                lender=lender,
                texts=inbox,
                passwords=shop.keys.hasher,
                ids=ids,
                clock=shop.clock,
            ),
            recovery=FinanceRecovery(
                units=shop.units, lender=lender, callers=shop.directory, ids=ids, clock=shop.clock
            ),
            caller=await shop.another_caller(currency=EGP),
        )
        await counter.keep_program(down_payment_basis_points=1_000)
        yield counter
    finally:
        await bank.stop()
