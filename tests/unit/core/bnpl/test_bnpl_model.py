"""Loans and their refunds: their lives, what answers decide, what is booked; programs and passwords."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bezant.core.bnpl.messages import Granted, LoanAnswer, Plan, ReturnAnswer, Returned, Terms
from bezant.core.bnpl.model import (
    LOAN,
    LOAN_TOPICS,
    PASSWORD_LIFE,
    REFUND,
    REFUND_TOPICS,
    RESEND_AFTER,
    TRIES_MAX,
    WORDS,
    Language,
    Loan,
    LoanRefund,
    LoanState,
    Password,
    Program,
    RefundState,
    decide_loan,
    decide_refund,
    loan_entry,
    refund_entry,
    settles,
    wording,
)
from bezant.core.ledger import Account
from bezant.core.money import EGP, USD, Money
from bezant.core.outcomes import Declined, NotSent, Reason, Unresolved
from bezant.core.sensitive import Secret

NOON = datetime(2026, 3, 24, 12, tzinfo=UTC)
SIX = Plan(months=6, fee=Money(25_00, EGP), installment=Money(170_83, EGP), total=Money(1_025_00, EGP))
TERMS = Terms(
    phone="01220422223",
    amount=Money(1_000_00, EGP),
    wallet=Money(0, EGP),
    cashback=Money(0, EGP),
    down_payment=Money(100_00, EGP),
)
PASSWORD = Password(
    merchant_id=1, reference="order-1", password_id=3, terms=TERMS, password_hash=b"right", made_at=NOON
)


def loan(state: LoanState = LoanState.SENDING) -> Loan:
    return Loan(
        merchant_id=1,
        loan_id=7,
        terminal_id=2,
        reference="order-1",
        state=state,
        terms=TERMS,
        months=6,
        requested_at=NOON,
        sent_at=NOON,
        lease_until=NOON + timedelta(seconds=45),
        refunded=Money(0, EGP),
    )


def refund(state: RefundState = RefundState.SENDING) -> LoanRefund:
    return LoanRefund(
        merchant_id=1,
        refund_id=8,
        loan_id=7,
        terminal_id=2,
        refund_reference=None,
        state=state,
        amount=Money(5_00, EGP),
        requested_at=NOON,
        sent_at=NOON,
        lease_until=NOON + timedelta(seconds=45),
    )


def granted(minor: int = 1_000_00, plan: Plan = SIX) -> Granted:
    return Granted(loan_number="VL1", transaction_number="VTX1", amount=Money(minor, EGP), plan=plan)


def returned(minor: int = 5_00) -> Returned:
    return Returned(transaction_number="VTX2", amount=Money(minor, EGP))


class TestALife:
    def test_reaches_every_state(self) -> None:
        assert LOAN.reachable() == frozenset(LoanState)
        assert REFUND.reachable() == frozenset(RefundState)

    def test_ends_where_nothing_is_in_doubt(self) -> None:
        assert LOAN.terminal() == {LoanState.GRANTED, LoanState.DECLINED}
        assert REFUND.terminal() == {RefundState.DONE, RefundState.DECLINED}

    def test_tells_the_outside_of_every_end(self) -> None:
        assert LOAN_TOPICS.keys() == set(LoanState) - {LoanState.SENDING}
        assert REFUND_TOPICS.keys() == set(RefundState) - {RefundState.SENDING}


class TestAnAnswer:
    @pytest.mark.parametrize(
        ("answer", "state", "reason"),
        [
            (granted(), LoanState.GRANTED, None),
            (granted(minor=1), LoanState.IN_DOUBT, Reason.NO_ANSWER),
            (granted(plan=replace(SIX, months=12)), LoanState.IN_DOUBT, Reason.NO_ANSWER),
            (
                Declined(reason=Reason.OVER_CUSTOMER_LIMIT),
                LoanState.DECLINED,
                Reason.OVER_CUSTOMER_LIMIT,
            ),
            (NotSent(cause="no connection"), LoanState.DECLINED, Reason.NOT_REACHED),
            (Unresolved(cause="time-out"), LoanState.IN_DOUBT, Reason.NO_ANSWER),
        ],
        ids=str,
    )
    def test_decides_on_a_loan(self, answer: LoanAnswer, state: LoanState, reason: Reason | None) -> None:
        decided = decide_loan(loan(), answer, at=NOON, real=NOON)
        assert (decided.state, decided.reason) == (state, reason)
        assert (decided.next_try_at is not None) == (state is LoanState.IN_DOUBT)
        assert (decided.plan == SIX) == (decided.loan_number == "VL1") == (state is LoanState.GRANTED)

    @pytest.mark.parametrize(
        ("answer", "state", "reason"),
        [
            (returned(), RefundState.DONE, None),
            (returned(minor=1), RefundState.IN_DOUBT, Reason.NO_ANSWER),
            (Declined(reason=Reason.LENDER_DECLINED), RefundState.DECLINED, Reason.LENDER_DECLINED),
            (NotSent(cause="no connection"), RefundState.DECLINED, Reason.NOT_REACHED),
            (Unresolved(cause="time-out"), RefundState.IN_DOUBT, Reason.NO_ANSWER),
        ],
        ids=str,
    )
    def test_decides_on_a_refund(
        self, answer: ReturnAnswer, state: RefundState, reason: Reason | None
    ) -> None:
        decided = decide_refund(refund(), answer, at=NOON, real=NOON)
        assert (decided.state, decided.reason) == (state, reason)
        assert (decided.next_try_at is not None) == (state is RefundState.IN_DOUBT)

    def test_to_an_inquiry_settles_what_it_fits(self) -> None:
        declined, silence = Declined(reason=Reason.NOT_BOOKED), Unresolved(cause="time-out")
        assert [settles(loan(), answer) for answer in (granted(), granted(1), returned(), declined)] == [
            True,
            False,
            False,
            True,
        ]
        assert [settles(refund(), answer) for answer in (returned(), returned(1), granted(), declined)] == [
            True,
            False,
            False,
            True,
        ]
        assert not settles(loan(), silence)
        assert not settles(refund(), NotSent(cause="no connection"))

    def test_to_an_inquiry_grants_what_was_in_doubt(self) -> None:
        doubtful = decide_loan(loan(), Unresolved(cause="time-out"), at=NOON, real=NOON)
        decided = decide_loan(doubtful, granted(), at=NOON, real=NOON)
        assert (decided.state, decided.reason, decided.next_try_at) == (LoanState.GRANTED, None, None)


class TestAnEntry:
    @given(minor=st.integers(1, 10**12))
    def test_of_a_refund_takes_back_that_of_its_loan(self, minor: int) -> None:
        bought = replace(loan(LoanState.GRANTED), terms=replace(TERMS, amount=Money(minor, EGP)))
        back = replace(refund(RefundState.DONE), amount=Money(minor, EGP))
        entry, reverse = loan_entry(bought, booked_at=NOON), refund_entry(back, booked_at=NOON)
        assert entry.lines[0].account is Account.LENDER_RECEIVABLE
        assert sorted(map(str, reverse.lines)) == sorted(map(str, entry.negated()))


class TestAPassword:
    @pytest.mark.parametrize(
        ("password", "guess", "after", "reason"),
        [
            (PASSWORD, b"right", timedelta(), None),
            (PASSWORD, b"right", PASSWORD_LIFE - timedelta(microseconds=1), None),
            (PASSWORD, b"right", PASSWORD_LIFE, Reason.PASSWORD_EXPIRED),
            (PASSWORD, b"right", -timedelta(microseconds=1), Reason.PASSWORD_EXPIRED),
            (PASSWORD, b"wrong", timedelta(), Reason.WRONG_PASSWORD),
            (replace(PASSWORD, wrong=TRIES_MAX), b"right", timedelta(), Reason.TOO_MANY_TRIES),
            (replace(PASSWORD, wrong=TRIES_MAX - 1), b"right", timedelta(), None),
            (PASSWORD.spent(), b"right", timedelta(), Reason.NO_PASSWORD),
        ],
    )
    def test_opens_its_order(
        self, password: Password, guess: bytes, after: timedelta, reason: Reason | None
    ) -> None:
        assert password.refusal(guess, at=NOON + after) is reason

    def test_is_not_replaced_at_once_unless_it_was_used(self) -> None:
        last = NOON + RESEND_AFTER - timedelta(microseconds=1)
        assert PASSWORD.too_soon(NOON)
        assert PASSWORD.too_soon(last)
        assert not PASSWORD.too_soon(NOON + RESEND_AFTER)
        assert not PASSWORD.spent().too_soon(last)

    def test_does_not_show_its_hash(self) -> None:
        assert "right" not in repr(PASSWORD)

    @pytest.mark.parametrize("language", Language)
    def test_is_in_its_message(self, language: Language) -> None:
        message = wording(Secret("012345"), Money(1_000_00, EGP), language)
        assert message.reveal().startswith("012345 ")
        assert "012345" not in repr(message)
        assert WORDS.keys() == set(Language)


class TestAProgram:
    PROGRAM = Program(
        merchant_id=1,
        currency=EGP,
        months=frozenset({6}),
        amount_min=Money(1_00, EGP),
        amount_max=Money(2_00, EGP),
        down_payment_basis_points=1_250,
    )

    @pytest.mark.parametrize(
        ("minor", "reason"),
        [(99, Reason.BELOW_MINIMUM), (1_00, None), (2_00, None), (2_01, Reason.ABOVE_MAXIMUM)],
    )
    def test_has_bounds(self, minor: int, reason: Reason | None) -> None:
        assert self.PROGRAM.refusal(Money(minor, EGP)) is reason

    def test_has_one_currency(self) -> None:
        assert self.PROGRAM.refusal(Money(1_00, USD)) is Reason.CURRENCY_DIFFERS
        with pytest.raises(ValueError, match="currency"):
            replace(self.PROGRAM, amount_min=Money(1, USD))

    def test_asks_for_its_down_payment_where_none_is_said(self) -> None:
        said = replace(TERMS, down_payment=Money(7, EGP))
        unsaid = replace(TERMS, amount=Money(99, EGP), down_payment=None)
        assert self.PROGRAM.down_payment(said) == Money(7, EGP)
        assert self.PROGRAM.down_payment(unsaid) == Money(12, EGP)

    def test_offers_its_plans_or_all(self) -> None:
        assert [self.PROGRAM.offers(months) for months in (6, 12)] == [True, False]
        whatever = replace(self.PROGRAM, months=frozenset())
        assert [whatever.offers(months) for months in (0, 1, 12, 120, 121)] == [
            False,
            True,
            True,
            True,
            False,
        ]

    @pytest.mark.parametrize("facts", [{"months": frozenset({0})}, {"down_payment_basis_points": 10_001}])
    def test_that_makes_no_sense_is_none(self, facts: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=r"month|whole"):
            Program(merchant_id=1, currency=EGP, **facts)  # type: ignore[arg-type]  # of several types
