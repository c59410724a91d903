"""What may follow what: every state of every kind of payment, and each follow-up tried on it.

``FATES`` is the whole table. A new kind or state makes the first test fail until the table has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import Engine, text

from bezant.core.merchants import Profile, move
from bezant.core.payments import PAYMENT, Kind, State
from bezant.core.payments.model import FORWARD, SUCCESS
from bezant.storage.engine import open_engine
from tests.e2e.valor.shop import Office, Shop, Till, approved, declined
from tests.support.books import come_to_rest, disagreements, violations
from tests.support.gateway import Answer, Gateway, eventually

SALE, AUTHORIZATION, INCREMENT, CAPTURE, TIP, REFUND, VOID, VERIFICATION = Kind
KINDS: Final = (SALE, AUTHORIZATION, INCREMENT, CAPTURE, TIP, REFUND, VOID)
"""Verifications are made by another API's pages; nothing follows them (tests/storage/test_verifications)."""

FOLLOW_UPS: Final = ("void", "refund", "capture", "incremental_auth", "tipadjust")

Cell = State | str
"""The state of the payment after a follow-up that takes place, or the code that refuses it."""

NOT_FOUND: Final = "E98/12 V0543"
VOIDED_ALREADY: Final = "E98/V5 V0620"
CAPTURED_ALREADY: Final = "E98/V5 V0622"
TOO_MUCH: Final = "E98/13 V0013"
NO_SUCH_ID: Final = "E14"

NOTHING: Final = (NOT_FOUND, NOT_FOUND, NO_SUCH_ID, NO_SUCH_ID, NO_SUCH_ID)
"""Nothing may follow what never took place, is under way, or has ended."""
GONE: Final = (VOIDED_ALREADY, NOT_FOUND, NO_SUCH_ID, NO_SUCH_ID, NO_SUCH_ID)
IN_BATCH: Final = (State.VOIDED, State.CAPTURED, NO_SUCH_ID, NO_SUCH_ID, State.CAPTURED)
SETTLED: Final = (NOT_FOUND, State.SETTLED, NO_SUCH_ID, NO_SUCH_ID, NO_SUCH_ID)
REFUNDED_IN_PART: Final = (NOT_FOUND, State.CAPTURED, NO_SUCH_ID, NO_SUCH_ID, State.CAPTURED)
"""A void and a refund would give the same money back, so it is one or the other (our choice)."""
REFUNDED_IN_FULL: Final = (NOT_FOUND, TOO_MUCH, NO_SUCH_ID, NO_SUCH_ID, State.CAPTURED)
SETTLED_AND_REFUNDED: Final = (NOT_FOUND, TOO_MUCH, NO_SUCH_ID, NO_SUCH_ID, NO_SUCH_ID)
TAKEN: Final = (NOT_FOUND, NOT_FOUND, CAPTURED_ALREADY, NO_SUCH_ID, NO_SUCH_ID)
NEVER: Final = None
"""The machine is one for all kinds; this kind does not come to this state."""

Fate = tuple[Cell, ...] | None
Place = tuple[Kind, State]

CHARGE_FATES: Final[Mapping[State, Fate]] = {
    State.SENDING: NOTHING,
    State.DECLINED: NOTHING,
    State.IN_DOUBT: NOTHING,
    State.REVERSED: NOTHING,
    State.CAPTURED: IN_BATCH,
    State.ADJUSTING: NOTHING,
    State.VOIDING: GONE,
    State.VOIDED: GONE,
    State.SETTLED: SETTLED,
}
FATES: Final[Mapping[Place, Fate]] = {
    **{(SALE, state): fate for state, fate in CHARGE_FATES.items()},
    **{(CAPTURE, state): fate for state, fate in CHARGE_FATES.items()},
    (REFUND, State.SENDING): NOTHING,
    (REFUND, State.DECLINED): NOTHING,
    (REFUND, State.IN_DOUBT): NOTHING,
    (REFUND, State.REVERSED): NOTHING,
    (REFUND, State.CAPTURED): (State.VOIDED, *NOTHING[1:]),
    (REFUND, State.ADJUSTING): NEVER,
    (REFUND, State.VOIDING): GONE,
    (REFUND, State.VOIDED): GONE,
    (REFUND, State.SETTLED): NOTHING,
    (AUTHORIZATION, State.SENDING): NOTHING,
    (AUTHORIZATION, State.DECLINED): NOTHING,
    (AUTHORIZATION, State.IN_DOUBT): NOTHING,
    (AUTHORIZATION, State.REVERSED): NOTHING,
    (AUTHORIZATION, State.AUTHORIZED): (
        State.VOIDED,
        NOT_FOUND,
        State.COMPLETED,
        State.AUTHORIZED,
        NO_SUCH_ID,
    ),
    (AUTHORIZATION, State.INCREMENTING): NOTHING,
    (AUTHORIZATION, State.COMPLETING): TAKEN,
    (AUTHORIZATION, State.COMPLETED): TAKEN,
    (AUTHORIZATION, State.RELEASING): GONE,
    (AUTHORIZATION, State.VOIDED): GONE,
    (AUTHORIZATION, State.EXPIRED): NOTHING,
    (INCREMENT, State.SENDING): NOTHING,
    (INCREMENT, State.DECLINED): NOTHING,
    (INCREMENT, State.IN_DOUBT): NOTHING,
    (INCREMENT, State.REVERSED): NOTHING,
    (INCREMENT, State.DONE): NOTHING,
    (TIP, State.SENDING): NOTHING,
    (TIP, State.DECLINED): NOTHING,
    (TIP, State.DONE): NOTHING,
    (VOID, State.SENDING): NOTHING,
    (VOID, State.DECLINED): NOTHING,
    (VOID, State.DONE): NOTHING,
}
"""By kind and state: what a void, a refund, a capture, an increment and a tip come to."""

SHADES: Final[Mapping[str, Fate]] = {
    "a sale refunded in part": REFUNDED_IN_PART,
    "a sale refunded in full": REFUNDED_IN_FULL,
    "a settled sale refunded in part": SETTLED,
    "a settled sale refunded in full": SETTLED_AND_REFUNDED,
    "a capture refunded in part": REFUNDED_IN_PART,
    "a capture refunded in full": REFUNDED_IN_FULL,
    "a sale with a tip": IN_BATCH,
    "a sale whose refund was voided": IN_BATCH,
    "an authorization that was raised": FATES[AUTHORIZATION, State.AUTHORIZED],
    "an authorization whose capture was voided": FATES[AUTHORIZATION, State.AUTHORIZED],
    "an authorization whose capture was settled": TAKEN,
}
"""States that have more to them than their name."""

BRIEF: Final = frozenset(
    {
        *((kind, State.SENDING) for kind in KINDS),
        *((kind, state) for kind in (SALE, CAPTURE) for state in (State.ADJUSTING, State.VOIDING)),
        (REFUND, State.VOIDING),
        (AUTHORIZATION, State.RELEASING),
        (AUTHORIZATION, State.COMPLETING),
        (AUTHORIZATION, State.INCREMENTING),
    }
)
"""States while a message is on its way: they last as long as the host lets them."""
LASTING: Final = [place for place, fate in FATES.items() if fate is not NEVER and place not in BRIEF]
HOLD_SECONDS: Final = (1.0, 4.5)
"""How long the host keeps a message: long enough nearly always, then as long as we wait for an answer."""

BASE: Final = "20.00"


def possible() -> set[Place]:
    """Every kind with every state that the table of states can lead it to."""
    found: set[Place] = set()
    for kind in KINDS:
        others = set(SUCCESS.values()) - {SUCCESS[kind]}
        closed = {State.IN_DOUBT} if kind in FORWARD else set()
        states = {PAYMENT.initial}
        while grown := {
            after
            for (before, event), after in PAYMENT.rows.items()
            if before in states
            and after not in states | closed
            and not (before is PAYMENT.initial and event in others)
        }:
            states |= grown
        found |= {(kind, state) for state in states}
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A merchant on whose first terminal payments are brought to their states."""

    office: Office
    shop: Shop
    database: Engine

    @property
    def till(self) -> Till:
        """The terminal."""
        return self.shop.tills[0]

    # -- how each kind comes about ------------------------------------------------------------------

    def follow(self, operation: str, payment_id: str, amount: str = BASE) -> Answer:
        """One of the follow-ups of a payment."""
        amounts = {} if operation == "void" else {"amount": amount}
        return self.till.call(operation, ref_txn_id=payment_id, **amounts)

    def original(self, kind: Kind) -> str:
        """The id of what a payment of that kind could follow, if it follows something."""
        match kind:
            case Kind.SALE | Kind.AUTHORIZATION:
                return ""
            case Kind.CAPTURE | Kind.INCREMENT:
                return self.made(AUTHORIZATION)
            case Kind.TIP | Kind.REFUND | Kind.VOID:
                return self.made(SALE)
            case Kind.VERIFICATION:
                raise AssertionError(VERIFICATION)

    def begin(self, kind: Kind, original: str) -> Answer:
        """A payment of that kind."""
        if kind in _OPERATIONS:
            return self.follow(_OPERATIONS[kind], original)
        return self.till.charge(BASE, txn_type="sale" if kind is SALE else "auth")

    def newest(self, kind: Kind) -> str:
        """The id of the terminal's last payment of that kind. A tip's is told to nobody."""
        (row,) = self._rows(
            "SELECT MAX(payment_id) AS payment_id FROM payments JOIN terminals "
            "USING (merchant_id, terminal_id) WHERE terminals.number = :epi AND kind = :kind",
            epi=self.till.epi,
            kind=kind.value,
        )
        return str(row["payment_id"] or "")

    def row(self, payment_id: str) -> dict[str, Any]:
        """Everything that is stored of a payment."""
        (row,) = self._rows("SELECT * FROM payments WHERE payment_id = :id", id=int(payment_id))
        return row

    def _rows(self, statement: str, **values: object) -> list[dict[str, Any]]:
        with self.database.connect().execution_options(bezant_writes=False) as connection:
            return [dict(row) for row in connection.execute(text(statement), values).mappings()]

    def is_in(self, state: State, payment_id: str) -> bool:
        """Whether there is such a payment, in that state."""
        return payment_id != "" and bool(self.row(payment_id)["state"] == state)

    def host_will(self, ask: str, *, always: bool = False, **step: object) -> None:
        """What the host shall do with the terminal's next such message, or with all of them."""
        terminal = self.till.host_terminals[Profile.TRADITIONAL]
        self.till.gateway.control.script(step, ask=ask, terminal=terminal, repeat=always)

    def seen_by_host(self) -> int:
        """How many messages the host has booked for the terminal."""
        terminal = self.till.host_terminals[Profile.TRADITIONAL]
        return len(self.till.gateway.control.books(terminal=terminal))

    # -- how each state comes about -----------------------------------------------------------------

    def brought(self, kind: Kind, state: State) -> str:
        """The id of a payment of that kind in that lasting state."""
        ways: Mapping[State, Callable[[Kind], str]] = {
            State.AUTHORIZED: self.made,
            State.CAPTURED: self.made,
            State.DONE: self.made,
            State.DECLINED: self.declined,
            State.IN_DOUBT: self.in_doubt,
            State.REVERSED: self.reversed,
            State.VOIDED: self.voided,
            State.SETTLED: self.settled,
            State.COMPLETED: self.completed,
            State.EXPIRED: self.expired,
        }
        payment_id = ways[state](kind)
        eventually(lambda: self.is_in(state, payment_id))
        return payment_id

    def made(self, kind: Kind) -> str:
        approved(self.begin(kind, self.original(kind)))
        return self.newest(kind)

    def declined(self, kind: Kind) -> str:
        original = self.original(kind)
        self.host_will(_ASKS[kind], decline="51")
        assert declined(self.begin(kind, original)) == "51"
        return self.newest(kind)

    def in_doubt(self, kind: Kind) -> str:
        self.host_will("reverse", always=True, decline="96")
        return self.reversed(kind)

    def reversed(self, kind: Kind) -> str:
        original = self.original(kind)
        self.host_will(_ASKS[kind], garble=True)
        assert declined(self.begin(kind, original)) == "91"
        return self.newest(kind)

    def voided(self, kind: Kind) -> str:
        payment_id = self.made(kind)
        approved(self.follow("void", payment_id))
        return payment_id

    def settled(self, kind: Kind) -> str:
        payment_id = self.made(kind)
        self.till.settle()
        return payment_id

    def completed(self, kind: Kind) -> str:
        payment_id = self.made(kind)
        approved(self.follow("capture", payment_id))
        return payment_id

    def expired(self, kind: Kind) -> str:
        payment_id = self.made(kind)
        self.office.change_clock(self.shop, move(timedelta(days=7)))
        return payment_id

    def shade(self, name: str) -> str:
        """The id of a payment with a history."""
        match name.split(" "):
            case ["a", "settled", "sale", "refunded", _, share]:
                payment_id = self.made(SALE)
                self.till.settle()
                self._refund(payment_id, share)
            case ["a", ("sale" | "capture") as kind, "refunded", _, share]:
                payment_id = self.made(Kind(kind))
                self._refund(payment_id, share)
            case ["a", "sale", "with", "a", "tip"]:
                payment_id = self.made(SALE)
                approved(self.follow("tipadjust", payment_id, "3.00"))
            case ["a", "sale", "whose", "refund", "was", "voided"]:
                payment_id = self.made(SALE)
                self._refund(payment_id, "full")
                approved(self.follow("void", self.newest(REFUND)))
            case ["an", "authorization", "that", "was", "raised"]:
                payment_id = self.made(AUTHORIZATION)
                approved(self.follow("incremental_auth", payment_id, "5.00"))
            case ["an", "authorization", "whose", "capture", "was", end]:
                payment_id = self.made(AUTHORIZATION)
                approved(self.follow("capture", payment_id))
                if end == "settled":
                    self.till.settle()
                else:
                    approved(self.follow("void", self.newest(CAPTURE)))
            case _:
                raise AssertionError(name)
        return payment_id

    def _refund(self, payment_id: str, share: str) -> None:
        approved(self.follow("refund", payment_id, BASE if share == "full" else "5.00"))

    @contextmanager
    def held(self, kind: Kind, state: State, *, seconds: float) -> Iterator[str]:
        """The id of a payment in a brief state, for as long as the host keeps a message."""
        sending = state is State.SENDING
        under_way = kind if sending else _WHILE[state]
        original = self.original(kind) if sending else self.made(kind)
        self.host_will(_ASKS[under_way], delay=seconds)
        with ThreadPoolExecutor(1) as threads:
            caller = threads.submit(self.begin, under_way, original)
            try:
                yield eventually(lambda: self._found(kind, state, original), every_seconds=0.01)
            finally:
                approved(caller.result())

    def _found(self, kind: Kind, state: State, original: str) -> str:
        payment_id = self.newest(kind) if state is State.SENDING else original
        return payment_id if self.is_in(state, payment_id) else ""


_OPERATIONS: Final = {
    VOID: "void",
    REFUND: "refund",
    CAPTURE: "capture",
    INCREMENT: "incremental_auth",
    TIP: "tipadjust",
}
_ASKS: Final = {
    SALE: "sale",
    AUTHORIZATION: "authorize",
    INCREMENT: "authorize",
    CAPTURE: "capture",
    TIP: "capture",
    REFUND: "refund",
    VOID: "reverse",
}
_WHILE: Final = {
    State.ADJUSTING: TIP,
    State.VOIDING: VOID,
    State.RELEASING: VOID,
    State.COMPLETING: CAPTURE,
    State.INCREMENTING: INCREMENT,
}
"""What is under way in a brief state."""


@pytest.fixture(scope="module")
def _database(_shared: Gateway) -> Iterator[Engine]:
    """The gateway's own. At the end nothing is in doubt, every invariant holds, and the host agrees."""
    engine = open_engine(_shared.database_url)
    yield engine
    engine.dispose()
    _shared.control.clear_scripts()
    come_to_rest(_shared, seconds=60)
    assert violations(_shared) + disagreements(_shared) == []


@pytest.fixture
def scene(office: Office, shop: Shop, _database: Engine) -> Scene:
    """A new merchant."""
    return Scene(office=office, shop=shop, database=_database)


class TestTheTable:
    def test_has_every_state_that_a_kind_can_be_in(self) -> None:
        assert set(FATES) == possible()

    def test_says_something_of_every_follow_up(self) -> None:
        assert {len(fate) for fate in (*FATES.values(), *SHADES.values()) if fate} == {len(FOLLOW_UPS)}


class TestAPayment:
    @pytest.mark.parametrize("place", LASTING, ids=lambda place: f"{place[0]} {place[1]}")
    def test_is_followed_by_what_its_state_allows(self, scene: Scene, place: Place) -> None:
        _try_all(scene, FATES[place], lambda: scene.brought(*place))

    @pytest.mark.parametrize("shade", SHADES)
    def test_is_followed_by_what_its_history_allows(self, scene: Scene, shade: str) -> None:
        _try_all(scene, SHADES[shade], lambda: scene.shade(shade))

    def test_is_followed_by_nothing_while_a_message_is_on_its_way(self, scene: Scene) -> None:
        places = sorted(BRIEF)
        scenes = [replace(scene, shop=scene.office.board()) for _ in places]
        with ThreadPoolExecutor(len(places)) as threads:
            lasted = list(threads.map(_try_while_it_lasts, scenes, places))
        assert lasted == [True] * len(places)


def _try_while_it_lasts(scene: Scene, place: Place) -> bool:
    return any(_held_long_enough(scene, place, seconds=seconds) for seconds in HOLD_SECONDS)


def _held_long_enough(scene: Scene, place: Place, *, seconds: float) -> bool:
    """Try every follow-up in a brief state; whether the state lasted."""
    fate = FATES[place]
    assert fate is not None
    with scene.held(*place, seconds=seconds) as payment_id:
        found = [_told(scene.follow(operation, payment_id)) for operation in FOLLOW_UPS]
        lasted = scene.is_in(place[1], payment_id)
    assert not lasted or found == list(fate), place
    return lasted


def _try_all(scene: Scene, fate: Fate, make: Callable[[], str]) -> None:
    """Try every follow-up: what is refused changes nothing, so one payment is enough for all of that."""
    assert fate is not None
    cells = dict(zip(FOLLOW_UPS, fate, strict=True))
    payment_id = make()
    before, seen = scene.row(payment_id), scene.seen_by_host()
    refusals = {operation: cell for operation, cell in cells.items() if not isinstance(cell, State)}
    found = {operation: _told(scene.follow(operation, payment_id, "5.00")) for operation in refusals}
    assert found == refusals
    assert scene.row(payment_id) == before
    if before["state"] not in {State.IN_DOUBT, State.EXPIRED}:  # these send messages by themselves
        assert scene.seen_by_host() == seen
    for number, operation in enumerate(cells.keys() - refusals.keys()):
        subject = make() if number else payment_id
        approved(scene.follow(operation, subject, "5.00"))
        assert scene.row(subject)["state"] == cells[operation]
    if refusals.keys() != cells.keys():
        assert violations(scene.till.gateway) == []


def _told(answer: Answer) -> str:
    """What a follow-up was answered."""
    if answer.body["error_no"] != "E98":
        return str(answer.body["error_no"])
    return f"E98/{answer.body['error_code']} {answer.body['switch_error_code']}"
