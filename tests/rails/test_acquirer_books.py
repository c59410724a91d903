"""The sandbox's books, walked through at random and compared with a small model of them."""

from __future__ import annotations

import gc
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from bezant.core.payments.messages import Ask, Message
from bezant.rails.acquirer import spec
from bezant.rails.acquirer.codec import IsoMessage, encode
from bezant.rails.acquirer.rail import reconciliation_of, request_of
from bezant.rails.acquirer.sandbox.books import Books, Entry, Record
from bezant.rails.acquirer.sandbox.desk import Desk, frame_of
from bezant.rails.acquirer.sandbox.journal import Journal
from bezant.rails.acquirer.sandbox.scripts import Step
from tests.rails.acquirer_cases import MESSAGES, a_capture_of, a_message, a_reversal_of, some_totals

WALKS = 40
STEPS = 120
MANY = 4321
ASKS = (Ask.SALE, Ask.AUTHORIZE, Ask.REFUND)


class Walk:
    """A desk, every message sent to it, and what should have become of each."""

    def __init__(self, seed: int, path: Path) -> None:
        self.chance = random.Random(seed)
        self.path = path
        self.sent: list[Message] = []
        self.held: list[Message] = []
        self.states: dict[str, str] = {}
        self.captures: dict[str, Message] = {}
        self.batches = 0
        self.open()

    def open(self) -> None:
        self.journal: Journal[Record] = Journal(self.path, cast("type[Record]", Record))
        self.desk = Desk(
            Books(journal=self.journal, seed=0, strict=True), now=lambda: datetime(2026, 3, 24, tzinfo=UTC)
        )

    def reopen(self) -> None:
        before = self.snapshot()
        unsettled, batches = self.desk.books.unsettled(), self.desk.books.batches()
        self.journal.close()
        self.open()
        assert self.snapshot() == before
        assert self.desk.books.unsettled() == unsettled
        assert self.desk.books.batches() == batches

    def snapshot(self) -> list[Entry]:
        entries = self.desk.books.listed(limit=10_000)
        return [msgspec.structs.replace(entry, repeats=0) for entry in entries]

    def ask(self, message: Message) -> str:
        return self.answer(request_of(message))[spec.RESPONSE_CODE]

    def answer(self, request: IsoMessage) -> IsoMessage:
        reply, _ = self.desk.answer(request, None)
        return reply

    def send(self, message: Message, expected: str) -> None:
        assert self.ask(message) == expected
        self.sent.append(message)

    def new(self) -> None:
        message = a_message(self.chance.choice(ASKS), minor=self.chance.choice((5_00, 20_00, 9000_51)))
        if self.chance.random() < 0.2:
            self.held.append(message)  # delayed on the way: its reversal may be faster
            return
        self.deliver(message)

    def deliver(self, message: Message) -> None:
        reference = message.retrieval_reference
        if self.states.get(reference) == "awaited":
            self.states[reference] = "reversed"
            self.send(message, "12")
        elif message.amount.minor == 9000_51 and message.ask is not Ask.REFUND:
            self.states[reference] = "declined"
            self.send(message, "51")
        else:
            self.states[reference] = "live"
            self.send(message, "00")

    def arrive(self) -> None:
        if self.held:
            self.deliver(self.held.pop(self.chance.randrange(len(self.held))))

    def capture(self) -> None:
        held = [message for message in self.sent if message.ask is Ask.AUTHORIZE]
        if not held:
            return
        original = self.chance.choice(held)
        capture = a_capture_of(original)
        if self.states[original.retrieval_reference] == "live":
            self.states[original.retrieval_reference] = "captured"
            self.states[capture.retrieval_reference] = "live"
            self.captures[original.retrieval_reference] = capture
            self.send(capture, "00")
        else:
            self.states[capture.retrieval_reference] = "declined"
            assert self.ask(capture) == "12"

    def reverse(self) -> None:
        candidates = [m for m in (*self.sent, *self.held) if m.ask is not Ask.REVERSE]
        if not candidates:
            return
        original = self.chance.choice(candidates)
        reference = original.retrieval_reference
        state = self.states.get(reference)
        if state is None:
            self.states[reference] = "awaited"
        elif state in {"live", "captured", "settled"}:
            self.states[reference] = "reversed"
            capture = self.captures.pop(reference, None)
            if state == "captured" and capture is not None:
                self.states[capture.retrieval_reference] = "reversed"
            for authorization, known in list(self.captures.items()):
                if known is original:
                    self.states[authorization] = "live"
                    del self.captures[authorization]
        self.send(a_reversal_of(original), "00")

    def repeat(self) -> None:
        if not self.sent:
            return
        before = self.snapshot()
        message = self.chance.choice(self.sent)
        self.ask(structs.replace(message, repeat=self.chance.random() < 0.5))
        assert self.snapshot() == before

    def settle(self) -> None:
        live = [m for m in self.sent if self.states.get(m.retrieval_reference) == "live"]
        debits = [m.amount.minor for m in live if m.ask in {Ask.SALE, Ask.CAPTURE}]
        refunds = [m.amount.minor for m in live if m.ask is Ask.REFUND]
        self.batches += 1
        totals = some_totals(
            number=self.batches, debits=(len(debits), sum(debits)), refunds=(len(refunds), sum(refunds))
        )
        assert self.answer(reconciliation_of(totals))[spec.RESPONSE_CODE] == "00"
        for message in live:
            if message.ask is not Ask.AUTHORIZE:
                self.states[message.retrieval_reference] = "settled"

    def check(self) -> None:
        found = {entry.reference: entry.state.value for entry in self.snapshot() if entry.ask != Ask.REVERSE}
        awaited = {reference for reference, state in self.states.items() if state == "awaited"}
        expected = {key: state for key, state in self.states.items() if key not in awaited}
        found.pop("", None)
        assert found == expected


class TestTheBooks:
    @pytest.mark.parametrize("seed", range(WALKS))
    def test_agree_with_what_was_asked_of_them(self, seed: int, tmp_path: Path) -> None:
        walk = Walk(seed, tmp_path / "books.jsonl")
        steps = [walk.new] * 8 + [walk.arrive, walk.capture, walk.capture, walk.reverse, walk.reverse]
        steps += [walk.repeat, walk.repeat, walk.settle, walk.reopen]
        for _ in range(STEPS):
            walk.chance.choice(steps)()
            walk.check()
        walk.reopen()
        walk.check()
        walk.journal.close()

    def test_are_never_walked_through_by_the_collector_however_many_sales_they_have(self) -> None:
        desk = Desk(Books(journal=None, seed=0, strict=False), now=lambda: datetime(2026, 3, 24, tzinfo=UTC))
        request = request_of(a_message(Ask.SALE))
        for n in range(MANY):
            desk.answer(IsoMessage({**request, spec.AUDIT_NUMBER: f"{n:06d}"}), None)
        assert desk.books.count == MANY
        walked = [each for each in gc.get_objects() if isinstance(each, dict) and len(each) == MANY]
        assert walked == []


class TestTheDesk:
    @given(
        MESSAGES,
        st.sampled_from([None, Step(mismatch="stan"), Step(mismatch="terminal"), Step(approve=True)]),
    )
    def test_answers_any_message_however_odd(self, message: IsoMessage, step: Step | None) -> None:
        desk = Desk(Books(journal=None, seed=0, strict=False), now=lambda: datetime(2026, 3, 24, tzinfo=UTC))
        known = desk.read(encode(message)[2:])
        if known is None:
            assert message[spec.MTI] not in spec.ANSWER_TYPES
            return
        reply, wanted = desk.answer(message, step)
        assert reply[spec.MTI] == spec.ANSWER_TYPES[message[spec.MTI]]
        assert frame_of(reply, wanted or Step())
