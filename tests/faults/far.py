"""Faults of the other links, for ``links``: to the gift host, the lender, a shop's server, the mail relay.

Beside the crowd that pays by card, some load and empty a gift card, others buy in installments, and others
send receipts, all of the time. Nobody may wait for the break of another's link; afterwards the gift host and
the lender hold what the gateway holds, what clients were told is what stands, the shop's server has heard of
all of it, and no receipt that was promised is missing from its mailbox.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from bezant.core.merchants import Notices
from bezant.rails.mail.sandbox import Mail
from tests.faults.crash import Bench
from tests.faults.crowd import ANSWER_SECONDS_MAX, GIVE_UP_SECONDS, LATER
from tests.faults.finance import ALREADY_BOUGHT, AMOUNT, BOUGHT, GIVEN_BACK, NOTICES, Counter
from tests.faults.links import BOTH, Scenario, Stage, stage_on
from tests.faults.proxy import COMMITTED, HEALTHY, Proxy, Toxic
from tests.support.aps import Office, Receiver, Shop
from tests.support.far import FarEnds, GiftHost
from tests.support.gateway import Gateway, NoAnswer

PAYERS: Final = 3
BUYERS: Final = 3
PACE_SECONDS: Final = 0.02
LETTER_PACE_SECONDS: Final = 0.3
"""A merchant may send 2,000 an hour."""
KEYLESS_EVERY: Final = 2
SETTINGS: Final = {**NOTICES, "BEZANT_NOTICE_RETRIES": "1000", "BEZANT_MESSAGE_PAUSE_SECONDS": "0.5"}
LINKS: Final = ("gift host", "lender", "shop's server", "mail relay")
_STANDING: Final = """
    SELECT COALESCE(SUM(CASE kind WHEN 'load' THEN amount ELSE -amount END), 0) AS minor
    FROM gift_movements WHERE state = 'booked' AND kind IN ('load', 'redemption')
"""
_STATES: Final = "SELECT movement_id, state FROM gift_movements"


@dataclass(slots=True)
class Paid:
    """One movement of a gift card, as its client asked for it and heard of it."""

    name: str
    said_yes: bool | None = None
    movement_id: str | None = None
    answered_at: float = 0.0


@dataclass(slots=True)
class Bought:
    """One order, as its shop heard of it: the purchase's code, and whether all of it was given back."""

    reference: str
    code: str | None = None
    returned: bool = False
    answered_at: float = 0.0


@dataclass(slots=True)
class Letter:
    """A receipt that a payer was to get, and whether the till was told that it will."""

    to: str
    promised: bool = False
    answered_at: float = 0.0


class TryLater(Exception):
    """A shop was told to come again, in the vendor's words."""


class PatientShop(Shop):
    """A shop that may be told to come again: its operations raise ``TryLater`` then."""

    def call(self, reference: str, **parameters: Any) -> dict[str, Any]:
        """As any shop's, whose status may be 503 as well."""
        sent = {name: value for name, value in parameters.items() if value is not None}
        answer = self.send(self.sign({**self.common(reference), **sent}))
        assert answer.status in {200, 503}, answer
        if answer.status == 503:  # unsigned where it is not known who asked
            assert "retry-after" in answer.headers, answer
            raise TryLater
        self.check(answer.body)
        return answer.body


@dataclass(slots=True)
class FarSide:
    """Gift cards and installments on a stage, and who uses them."""

    gateway: Gateway
    counter: Counter
    gift_host: GiftHost
    mails: Callable[[str], Sequence[Mail]]
    """What a mailbox has got."""
    wires: Mapping[str, Proxy]
    opening: int
    """What was on the gift card before anybody paid with it, in minor units."""
    paid: list[Paid] = field(default_factory=list)
    bought: list[Bought] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    @property
    def proxies(self) -> Sequence[Proxy]:
        """To be healed after a scenario."""
        return tuple(self.wires.values())

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Clients pay, buy and write inside, and have been answered at its end."""
        self.paid, self.bought, self.letters, self.trouble = [], [], [], []
        ends = threading.Event()
        threads = [threading.Thread(target=self._pay, args=(number, ends)) for number in range(PAYERS)]
        threads += [threading.Thread(target=self._buy, args=(ends,)) for _ in range(BUYERS)]
        threads.append(threading.Thread(target=self._write, args=(ends,)))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ends.set()
            for thread in threads:
                thread.join()

    def goes_well(self, *, seconds: float) -> bool:
        """Wait until a movement, a purchase and a receipt go well from now on; whether they did."""
        since = time.monotonic()

        def good() -> bool:
            movements = (each for each in self.paid[-200:] if each.answered_at > since and each.said_yes)
            orders = (each for each in self.bought[-200:] if each.answered_at > since and each.code == BOUGHT)
            letters = (each for each in self.letters[-200:] if each.answered_at > since and each.promised)
            return any(movements) and any(orders) and any(self.mails(each.to) for each in letters)

        while not (well := good()) and time.monotonic() < since + seconds:
            time.sleep(0.02)
        return well

    def rest(self) -> list[str]:
        """Wait until nothing is under way; what still is."""
        return [*self.counter.bench.rest(), *self.counter.rest()]

    def findings(self) -> Iterator[str]:
        """Where books disagree with each other, or with what clients were told."""
        yield from self.trouble
        yield from self.gift_host.wrong()
        (row,) = self.gateway.rows(_STANDING)
        balance, booked = _balance(self.gateway, self.gift_host), self.opening + int(row["minor"])
        if balance != booked:
            yield f"the gift card holds {balance}, by the gateway's books {booked}"
        states = {str(each["movement_id"]): each["state"] for each in self.gateway.rows(_STATES)}
        for each in self.paid:
            if each.movement_id is not None and each.said_yes != (states[each.movement_id] == "booked"):
                yield f"{each.name} was told {each.said_yes} and is {states[each.movement_id]}"
        yield from self.counter.findings()
        for order in self.bought:
            yield from self._misled(order)
        for letter in self.letters:
            if letter.promised and not self.mails(letter.to):
                yield f"{letter.to} has not got the receipt that was promised"

    def _misled(self, order: Bought) -> Iterator[str]:
        """Where a shop was told something of an order that is not so."""
        if order.code is None:
            return
        said = self.counter.shop.status(order.reference)
        stands = said.get("captured_amount") == str(AMOUNT)
        if order.code in {BOUGHT, ALREADY_BOUGHT} and not stands:
            yield f"{order.reference} was told to be bought: {said}"
        if order.returned and said.get("refunded_amount") != str(AMOUNT):
            yield f"{order.reference} was told to be given back: {said}"
        if order.code.startswith("13") and stands:
            yield f"{order.reference} was told not to be bought ({order.code}): {said}"

    # -- the clients --------------------------------------------------------------------------------

    def _pay(self, number: int, ends: threading.Event) -> None:
        card, count = self.gateway.demo["gift"]["card"], 0
        while not ends.is_set():
            count += 1
            name = f"gift-{number}-{count}-{time.monotonic_ns()}"
            paid = Paid(name)
            self.paid.append(paid)
            key = None if count % KEYLESS_EVERY == 0 else name
            kind = "giftsale" if count % 4 < KEYLESS_EVERY else "giftaddvalue"
            call = partial(self.gateway.call, txn_type=kind, pan=card, amount="1.25", idempotency_key=key)
            self._ask(paid, call, again=key is not None)
            time.sleep(PACE_SECONDS)

    def _ask(self, paid: Paid, call: Callable[[], Any], *, again: bool) -> None:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            answer = self._timed(paid.name, call)
            if answer is not None and answer.body.get("error_no") in {"S00", "E98"}:
                paid.said_yes, paid.movement_id = answer.body["error_no"] == "S00", answer.body.get("txnid")
                paid.answered_at = time.monotonic()
                return
            if answer is not None and answer.status not in LATER:
                self.trouble.append(f"{paid.name} heard {answer.status} {answer.body}")
                return
            if not again:
                return
            time.sleep(0.1)
        self.trouble.append(f"{paid.name} was never answered")

    def _buy(self, ends: threading.Event) -> None:
        shop, all_at_once = self.counter.shop, {"total_downpayment": 0}
        while not ends.is_set():
            order = Bought(shop.reference())
            self.bought.append(order)
            reference, said = order.reference, None
            if self._timed(reference, partial(shop.ask_for_password, reference, AMOUNT, **all_at_once)):
                said = self._timed(reference, partial(shop.purchase, reference, AMOUNT))
            if said is not None:
                order.code, order.answered_at = str(said["response_code"]), time.monotonic()
            if order.code == BOUGHT:
                refund = partial(shop.refund, reference, AMOUNT, maintenance_reference=shop.reference())
                given_back = self._timed(reference, refund)
                order.returned = given_back is not None and given_back["response_code"] == GIVEN_BACK
            time.sleep(PACE_SECONDS)

    def _write(self, ends: threading.Event) -> None:
        while not ends.is_set():
            letter = Letter(f"payer-{time.monotonic_ns()}@example.com")
            self.letters.append(letter)
            sale = self._timed(f"a sale for {letter.to}", partial(self.gateway.sale, "3.00"))
            if sale is not None and sale.body.get("error_no") == "S00":
                wanted = {"receipt_type": 1, "ref_txn_id": sale.body["txnid"], "email": letter.to}
                said = self._timed(letter.to, partial(self.gateway.call, txn_type="eReceipt", **wanted))
                if said is not None and said.status not in {200, *LATER}:
                    self.trouble.append(f"{letter.to} heard {said.status} {said.body}")
                letter.promised = said is not None and said.status == 200
                letter.answered_at = time.monotonic()
            time.sleep(LETTER_PACE_SECONDS)

    def _timed(self, name: str, call: Callable[[], Any]) -> Any:
        """What was answered, if anything was; it has to be in time."""
        began = time.monotonic()
        try:
            return call()
        except (NoAnswer, TryLater):
            return None
        except AssertionError as trouble:
            self.trouble.append(f"{name}: {trouble}")
            return None
        finally:
            if (waited := time.monotonic() - began) > ANSWER_SECONDS_MAX:
                self.trouble.append(f"{name} waited {waited:.1f} s")


def _balance(gateway: Gateway, gift_host: GiftHost) -> int:
    return gift_host.balance(gateway.demo["valor"]["appid"], gateway.demo["gift"]["card"])


@contextlib.contextmanager
def far_stage_on(database: str, home: Path) -> Iterator[Stage]:
    """A running stage whose gateway has far ends of its own behind wires of their own."""
    with contextlib.ExitStack() as stack:
        far = stack.enter_context(FarEnds(home / "far"))
        receiver = stack.enter_context(Receiver().serving())
        known = far.settings
        targets = (known["BEZANT_GIFT_HOST"], known["BEZANT_LENDER"], receiver.url, known["BEZANT_SMTP"])
        wires = [stack.enter_context(Proxy(_place(target))) for target in targets]
        gift, lender, server, relay = wires
        settings = {
            **SETTINGS,
            **known,
            "BEZANT_GIFT_HOST": gift.address,
            "BEZANT_LENDER": f"http://{lender.address}",
            "BEZANT_SMTP": relay.address,
        }
        stage = stack.enter_context(stage_on(database, home, settings=settings))
        gateway = stage.gateway
        office = stack.enter_context(Office(gateway))
        shop = _shop(office, f"http://{server.address}/hook")
        card = gateway.demo["gift"]["card"]
        assert gateway.call(txn_type="giftbalance", pan=card).status == 200, "the gift card is not known"
        counter = Counter(bench=Bench(gateway), shop=shop, lender=far.lender, receiver=receiver)
        opening = _balance(gateway, far.gift)
        by_name = dict(zip(LINKS, wires, strict=True))
        stage.side = FarSide(gateway, counter, far.gift, far.mails, by_name, opening)
        yield stage


def _shop(office: Office, url: str) -> Shop:
    boarded = office.board()
    shop = PatientShop(
        boarded.gateway, boarded.keys, merchant_id=boarded.merchant_id, program=boarded.program
    )
    told = Notices(direct_url=url, later_url=url)
    office.change(shop, lambda account: replace(account, notices=told))
    return shop


def _place(address: str) -> tuple[str, int]:
    """Host and port of ``host:port`` or a URL."""
    host, _, port = address.removeprefix("http://").partition("/")[0].partition(":")
    return host, int(port)


# The faults -------------------------------------------------------------------------------------

_Fault = Callable[[Proxy], None]


def _toxic(*, up: Toxic = HEALTHY, down: Toxic = HEALTHY, seconds: float = 3.0) -> _Fault:
    def breaks(wire: Proxy) -> None:
        wire.up, wire.down = up, down
        time.sleep(seconds)

    return breaks


def _refused(wire: Proxy) -> None:
    wire.refuse()
    wire.reset()
    time.sleep(3.0)


def _reset(wire: Proxy) -> None:
    for _ in range(10):
        wire.reset()
        time.sleep(0.3)


_HOLE: Final = Toxic(hole=True)
FAULTS: Final[Mapping[str, _Fault]] = {
    "refuses": _refused,
    "resets connections": _reset,
    "is in a black hole": _toxic(up=_HOLE, down=_HOLE, seconds=6.0),
    "answers into a black hole": _toxic(down=_HOLE),
    "sends half an answer": _toxic(down=Toxic(half=True)),
    "gets half a message": _toxic(up=Toxic(half=True)),
    "answers too late": _toxic(down=Toxic(latency=1.4, jitter=0.3), seconds=6.0),
    "answers by the byte": _toxic(down=Toxic(slices=1)),
}


def _broken(link: str, fault: _Fault) -> Callable[[Stage], None]:
    def breaks(stage: Stage) -> None:
        assert isinstance(stage.side, FarSide)
        fault(stage.side.wires[link])

    return breaks


def _unanswered_commits(stage: Stage) -> None:
    """Whatever is just being stored: the connection is reset when it is, before anybody hears of it."""
    for _ in range(20):
        before, deadline = stage.link.cuts, time.monotonic() + 5.0
        stage.link.down = COMMITTED
        while stage.link.cuts == before and time.monotonic() < deadline:
            time.sleep(0.005)
        stage.link.down = HEALTHY
        time.sleep(0.2)


FAR: Final = (
    *(
        Scenario(
            name=f"{link} {name}",
            breaks=_broken(link, fault),
            on=BOTH,
            short=(link, name) == ("lender", "answers into a black hole"),
        )
        for link in LINKS
        for name, fault in FAULTS.items()
    ),
    Scenario(name="COMMIT of anything is not answered", breaks=_unanswered_commits, on=("postgresql",)),
)
"""To be played on a stage with far ends."""
