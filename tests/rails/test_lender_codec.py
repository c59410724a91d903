"""Bytes of a lender that mean harm, or nothing: no crash, and nothing granted that was not."""

from __future__ import annotations

import random

import pytest

from bezant.core.bnpl import Granted, LoanMessage
from bezant.core.outcomes import Declined, Reason, Unresolved
from bezant.rails.lender import codec, codes
from bezant.rails.lender.rail import inquiry_of, loan_of
from bezant.rails.lender.sandbox.plans import PlanTable
from bezant.rails.lender.sandbox.scripts import ASKS
from tests.rails.lender_cases import PROGRAM, a_loan, an_inquiry

ROUNDS = 20_000
_TOKENS = (
    *(b'"', b"{", b"}", b"[", b"]", b":", b",", b"\\", b"\x00", b"\xff", b"null", b"true", b"-", b"1e999"),
    *(
        b"NaN",
        b'"approved"',
        b'"declined"',
        b'"code":"approved",',
        b"0",
        b"9" * 40,
        b"[" * 3000,
        b'"kind":"loan",',
    ),
    *(b'"amount":0,', "\u0661".encode()),
)


def reply_to(message: LoanMessage, code: str = codes.APPROVED) -> codec.Booked:
    """What the lender answers."""
    return codec.Booked(
        program=message.program,
        reference=message.reference,
        kind="loan",
        code=code,
        amount=message.terms.amount.minor,
        currency="EGP",
        transaction_number="VTX000000001",
        loan_number="VL000000001",
        plan=PlanTable().row(message.terms.amount.minor, message.months),
    )


def mutated(body: bytes, dice: random.Random) -> bytes:
    """The body with a few things wrong."""
    garbled = bytearray(body)
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(garbled) + 1)
        match dice.randrange(5):
            case 0:
                garbled[place : place + 1] = bytes((dice.randrange(256),))
            case 1:
                del garbled[place : place + dice.randint(1, 20)]
            case 2:
                garbled[place:place] = dice.choice(_TOKENS)
            case 3:
                other = dice.randrange(len(garbled) + 1)
                garbled[place:place] = garbled[other : other + dice.randint(1, 40)]
            case _:
                del garbled[place:]
    return bytes(garbled)


class TestAGarbledAnswer:
    @pytest.mark.parametrize("seed", range(3))
    def test_never_grants_what_was_declined(self, seed: int) -> None:
        dice, asked = random.Random(seed), a_loan()
        bodies = [codec.encode(reply_to(asked, code)) for code in codes.REASONS]
        for _ in range(ROUNDS):
            body = mutated(dice.choice(bodies), dice)
            try:
                reply = codec.decode(body, codec.Booked)
            except codec.Garbled:
                continue
            answer = loan_of(asked, reply)
            # A refusal can become a grant only where the whole word was put in its place.
            assert not isinstance(answer, Granted) or b'"code":"approved"' in body, body

    @pytest.mark.parametrize("seed", range(3))
    def test_grants_only_what_was_asked_for(self, seed: int) -> None:
        dice, asked, other = random.Random(seed), a_loan(1_000_00), a_loan(2_000_00, months=12)
        bodies = [codec.encode(reply_to(asked)), codec.encode(reply_to(other))]
        for _ in range(ROUNDS):
            try:
                reply = codec.decode(mutated(dice.choice(bodies), dice), codec.Booked)
            except codec.Garbled:
                continue
            answer = loan_of(asked, reply)
            if isinstance(answer, Granted):
                assert reply.reference == asked.reference
                assert (answer.amount, answer.plan.months) == (asked.terms.amount, asked.months)
            assert isinstance(inquiry_of(an_inquiry(other), reply), Granted | Declined | Unresolved)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"null",
            b"[]",
            b"[" * 60_000,
            b'{"code":"approved"}',
            b'{"code":"declined","code":"approved"}',
            b'{"amount":' + b"9" * 50_000 + b"}",
            b"\xff\xfe",
            b'{"amount":NaN}',
        ],
    )
    def test_is_no_message(self, body: bytes) -> None:
        with pytest.raises(codec.Garbled):
            codec.decode(body, codec.Booked)

    def test_that_says_a_thing_twice_is_no_message(self) -> None:
        body = codec.encode(reply_to(a_loan()))
        with pytest.raises(codec.Garbled):
            codec.decode(body.replace(b'"kind"', b'"code":"approved","kind"'), codec.Booked)


class TestAReply:
    @pytest.mark.parametrize(
        "changes",
        [
            {"reference": "m0"},
            {"program": "theirs"},
            {"kind": "return"},
            {"kind": "none"},
            {"code": "APPROVED"},
            {"code": "perhaps"},
            {"amount": 999_99},
            {"amount": None},
            {"currency": "USD"},
            {"currency": "XXX"},
            {"currency": None},
            {"transaction_number": None},
            {"loan_number": None},
            {"plan": None},
            {"plan": PlanTable().row(1_000_00, 12)},
            {"plan": codec.PlanRow(months=6, fee=2500, installment=1, total=102500)},
        ],
        ids=str,
    )
    def test_that_does_not_fit_settles_nothing(self, changes: dict[str, object]) -> None:
        asked = a_loan()
        facts = {name: getattr(reply_to(asked), name) for name in codec.Booked.__struct_fields__}
        assert isinstance(loan_of(asked, reply_to(asked)), Granted)
        reply = codec.Booked(**{**facts, **changes})
        assert loan_of(asked, reply) == Unresolved(cause="mismatch")

    @pytest.mark.parametrize("code", codes.REASONS)
    def test_refuses_with_the_reason_of_its_code(self, code: str) -> None:
        asked = a_loan()
        reply = codec.Booked(program=PROGRAM, reference=asked.reference, kind="loan", code=code)
        assert loan_of(asked, reply) == Declined(reason=codes.REASONS[code], response_code=code)

    def test_of_nothing_booked_says_so_to_an_inquiry(self) -> None:
        asked = an_inquiry(a_loan())
        reply = codec.Booked(program=PROGRAM, reference=asked.reference, kind="none", code=codes.NOT_BOOKED)
        assert inquiry_of(asked, reply) == Declined(reason=Reason.NOT_BOOKED, response_code=codes.NOT_BOOKED)


class TestPlans:
    @pytest.mark.parametrize(
        ("amount", "months", "figures"),
        [
            (100_000, 6, (2500, 17083, 102500)),
            (100_000, 12, (5000, 8750, 105000)),
            (1, 6, (0, 0, 1)),
            (20, 6, (1, 3, 21)),
            (19, 6, (0, 3, 19)),
        ],
    )
    def test_cost_a_flat_rate_a_year(self, amount: int, months: int, figures: tuple[int, int, int]) -> None:
        row = PlanTable().row(amount, months)
        assert row is not None
        assert (row.fee, row.installment, row.total) == figures

    def test_are_asked_for_under_a_path_of_their_own(self) -> None:
        assert len({kind.path for kind in ASKS}) == len(ASKS)
