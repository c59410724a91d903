"""What a payment decides by itself: its outcome, its entry, its numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bezant.core.ledger import Account, Cause, Entry, Layer
from bezant.core.lifecycle import IllegalStep
from bezant.core.merchants import Profile
from bezant.core.money import EGP, USD, Currency, Money
from bezant.core.outcomes import Answer, Approved, Declined, NotSent, Reason, Unresolved
from bezant.core.payments import PAYMENT, Amounts, Event, Kind, Payment, State, retrieval_reference
from bezant.core.payments.model import decide, entry_of, void_entry
from bezant.core.vault import Brand, Card

NOON = datetime(2026, 3, 24, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=2)
AMOUNTS = Amounts(base=Money(2000), tax=Money(165), fee=Money(60), tip=Money(300))
CARD = Card(token="AB" * 20, bin="411111", last4="1111", brand=Brand.VISA)

APPROVED = Approved(approval_code="TAS001", response_code="00", amount=AMOUNTS.total)
DECLINED = Declined(reason=Reason.INSUFFICIENT_FUNDS, response_code="51")
SILENCE = Unresolved(cause="time-out")
UNSENT = NotSent(cause="connection refused")

DECISIONS: dict[tuple[Kind, Answer], tuple[State, Reason | None, str | None]] = {
    (Kind.SALE, APPROVED): (State.CAPTURED, None, "00"),
    (Kind.SALE, DECLINED): (State.DECLINED, Reason.INSUFFICIENT_FUNDS, "51"),
    (Kind.SALE, UNSENT): (State.DECLINED, Reason.NOT_REACHED, None),
    (Kind.SALE, SILENCE): (State.IN_DOUBT, Reason.NO_ANSWER, None),
    (Kind.AUTHORIZATION, APPROVED): (State.AUTHORIZED, None, "00"),
    (Kind.AUTHORIZATION, DECLINED): (State.DECLINED, Reason.INSUFFICIENT_FUNDS, "51"),
    (Kind.AUTHORIZATION, UNSENT): (State.DECLINED, Reason.NOT_REACHED, None),
    (Kind.AUTHORIZATION, SILENCE): (State.IN_DOUBT, Reason.NO_ANSWER, None),
    (Kind.REFUND, APPROVED): (State.CAPTURED, None, "00"),
    (Kind.REFUND, DECLINED): (State.DECLINED, Reason.INSUFFICIENT_FUNDS, "51"),
    (Kind.REFUND, UNSENT): (State.DECLINED, Reason.NOT_REACHED, None),
    (Kind.REFUND, SILENCE): (State.IN_DOUBT, Reason.NO_ANSWER, None),
    (Kind.VOID, APPROVED): (State.DONE, None, "00"),
    (Kind.VOID, DECLINED): (State.DECLINED, Reason.INSUFFICIENT_FUNDS, "51"),
    (Kind.VOID, UNSENT): (State.DECLINED, Reason.NOT_REACHED, None),
    (Kind.VOID, SILENCE): (State.DONE, None, "00"),
    (Kind.CAPTURE, APPROVED): (State.CAPTURED, None, "00"),
    (Kind.CAPTURE, DECLINED): (State.DECLINED, Reason.INSUFFICIENT_FUNDS, "51"),
    (Kind.CAPTURE, UNSENT): (State.DECLINED, Reason.NOT_REACHED, None),
    (Kind.CAPTURE, SILENCE): (State.IN_DOUBT, Reason.NO_ANSWER, None),
    (Kind.INCREMENT, APPROVED): (State.DONE, None, "00"),
    (Kind.INCREMENT, DECLINED): (State.DECLINED, Reason.INSUFFICIENT_FUNDS, "51"),
    (Kind.INCREMENT, UNSENT): (State.DECLINED, Reason.NOT_REACHED, None),
    (Kind.INCREMENT, SILENCE): (State.IN_DOUBT, Reason.NO_ANSWER, None),
    (Kind.TIP, APPROVED): (State.DONE, None, "00"),
    (Kind.TIP, DECLINED): (State.DECLINED, Reason.INSUFFICIENT_FUNDS, "51"),
    (Kind.TIP, UNSENT): (State.DECLINED, Reason.NOT_REACHED, None),
    (Kind.TIP, SILENCE): (State.DONE, None, "00"),
    (Kind.VERIFICATION, APPROVED): (State.DONE, None, "00"),
    (Kind.VERIFICATION, DECLINED): (State.DECLINED, Reason.INSUFFICIENT_FUNDS, "51"),
    (Kind.VERIFICATION, UNSENT): (State.DECLINED, Reason.NOT_REACHED, None),
    (Kind.VERIFICATION, SILENCE): (State.DECLINED, Reason.NO_ANSWER, None),
}


class TestTheNetworksAnswer:
    @pytest.mark.parametrize(
        ("kind", "answer"), DECISIONS, ids=lambda value: getattr(value, "value", type(value).__name__)
    )
    def test_decides(self, kind: Kind, answer: Answer) -> None:
        decided = decide(_payment(kind), answer, at=LATER)
        assert (decided.state, decided.reason, decided.response_code) == DECISIONS[kind, answer]
        assert decided.answered_at == LATER
        assert decided.revision == 1
        assert decided.approved is (decided.reason is None)

    def test_has_a_row_for_every_kind(self) -> None:
        assert {kind for kind, _ in DECISIONS} == set(Kind)
        assert len(DECISIONS) == len(Kind) * 4

    @pytest.mark.parametrize("state", [state for state in State if state is not State.SENDING])
    @pytest.mark.parametrize("answer", [APPROVED, DECLINED, SILENCE, UNSENT], ids=lambda a: type(a).__name__)
    def test_decides_nothing_a_second_time(self, state: State, answer: Answer) -> None:
        with pytest.raises(IllegalStep):
            decide(_payment(Kind.SALE).having(state=state), answer, at=LATER)

    def test_may_approve_a_part(self) -> None:
        part = decide(_payment(Kind.SALE), replace(APPROVED, amount=Money(1000)), at=LATER)
        assert part.partial
        assert part.amounts == msgspec.structs.replace(AMOUNTS, base=Money(475))

    def test_approves_no_more_than_was_asked_for(self) -> None:
        whole = decide(_payment(Kind.SALE), replace(APPROVED, amount=Money(9999)), at=LATER)
        assert not whole.partial
        assert whole.amounts == AMOUNTS

    def test_leaves_a_void_the_approval_code_of_what_it_voids(self) -> None:
        void = _payment(Kind.VOID).having(approval_code="TAS777")
        assert decide(void, APPROVED, at=LATER).approval_code == "TAS777"


class TestAPayment:
    def test_takes_only_steps_of_its_table(self) -> None:
        for state in State:
            for event in Event:
                payment = _payment(Kind.SALE).having(state=state)
                if PAYMENT.allows(state, event):
                    assert payment.step(event).revision == payment.revision + 1
                else:
                    with pytest.raises(IllegalStep):
                        payment.step(event)

    def test_is_not_approved_before_its_answer(self) -> None:
        assert not _payment(Kind.SALE).approved

    def test_can_give_back_what_was_not_given_back_yet(self) -> None:
        assert _payment(Kind.SALE).having(refunded=Money(25)).refundable == Money(2500)


class TestAmounts:
    @given(
        st.tuples(*[st.integers(0, 10**7)] * 4).filter(any),
        st.floats(0, 1, exclude_max=True),
        st.sampled_from([USD, EGP]),
    )
    def test_limited_to_a_part_add_up_to_it(
        self, minors: tuple[int, int, int, int], share: float, currency: Currency
    ) -> None:
        base, tax, fee, tip = (Money(minor, currency) for minor in minors)
        asked = Amounts(base=base, tax=tax, fee=fee, tip=tip)
        approved = Money(int(asked.total.minor * share), currency)
        part = asked.limited_to(approved)
        assert part.total == approved
        for name in ("base", "tax", "fee", "tip"):
            assert Money.zero(currency) <= getattr(part, name) <= getattr(asked, name)

    def test_limited_to_a_part_give_up_the_base_first(self) -> None:
        assert AMOUNTS.limited_to(Money(525)) == msgspec.structs.replace(AMOUNTS, base=Money(0))
        assert AMOUNTS.limited_to(Money(524)) == Amounts(
            base=Money(0), tax=Money(165), fee=Money(60), tip=Money(299)
        )

    def test_of_one_thing_have_nothing_else(self) -> None:
        assert Amounts.of(Money(5, EGP)).total == Money(5, EGP)


class TestAnEntry:
    @given(st.tuples(*[st.integers(0, 10**9)] * 4).filter(any), st.sampled_from([Kind.SALE, Kind.REFUND]))
    def test_of_whatever_amounts_is_balanced(self, minors: tuple[int, int, int, int], kind: Kind) -> None:
        base, tax, fee, tip = (Money(minor) for minor in minors)
        amounts = Amounts(base=base, tax=tax, fee=fee, tip=tip)
        entry = entry_of(_payment(kind).having(amounts=amounts), booked_at=NOON)
        assert abs(_minors(entry)[Account.CAPTURED]) == sum(minors)

    def test_of_a_sale_owes_the_merchant_every_part(self) -> None:
        entry = entry_of(_payment(Kind.SALE), booked_at=NOON)
        assert (entry.cause, entry.layer) == (Cause.SALE, Layer.POSTED)
        assert _minors(entry) == {
            Account.CAPTURED: 2525,
            Account.MERCHANT_PAYABLE: -2000,
            Account.TAX: -165,
            Account.FEES: -60,
            Account.TIPS: -300,
        }

    def test_of_a_sale_leaves_out_what_there_is_none_of(self) -> None:
        plain = _payment(Kind.SALE).having(amounts=Amounts.of(Money(700)))
        assert _minors(entry_of(plain, booked_at=NOON)) == {
            Account.CAPTURED: 700,
            Account.MERCHANT_PAYABLE: -700,
        }

    def test_of_an_authorization_holds_and_moves_nothing(self) -> None:
        entry = entry_of(_payment(Kind.AUTHORIZATION), booked_at=NOON)
        assert (entry.cause, entry.layer) == (Cause.AUTHORIZATION, Layer.PENDING)
        assert _minors(entry) == {Account.AUTHORIZED: 2525, Account.AUTHORIZED_CONTRA: -2525}

    def test_of_a_refund_takes_it_out_of_what_was_captured(self) -> None:
        entry = entry_of(_payment(Kind.REFUND), booked_at=NOON)
        assert (entry.cause, entry.layer) == (Cause.REFUND, Layer.POSTED)
        assert _minors(entry) == {Account.REFUNDS: 2525, Account.CAPTURED: -2525}

    @pytest.mark.parametrize(
        ("kind", "cause"),
        [(Kind.SALE, Cause.VOID), (Kind.REFUND, Cause.VOID), (Kind.AUTHORIZATION, Cause.RELEASE)],
    )
    def test_of_a_void_takes_its_originals_back(self, kind: Kind, cause: Cause) -> None:
        original, void = _payment(kind), _payment(Kind.VOID).having(payment_id=2)
        entry = void_entry(original, void, booked_at=LATER)
        booked = entry_of(original, booked_at=NOON)
        assert (entry.cause, entry.layer, entry.subject_id) == (cause, booked.layer, 2)
        assert _minors(entry) == {account: -minor for account, minor in _minors(booked).items()}

    def test_of_a_void_alone_is_a_mistake(self) -> None:
        with pytest.raises(AssertionError):
            entry_of(_payment(Kind.VOID), booked_at=NOON)


class TestARetrievalReference:
    def test_is_year_day_hour_and_sequence(self) -> None:
        """Source: vendor sample."""
        at = datetime(2026, 3, 24, 5, 36, tzinfo=UTC)
        assert retrieval_reference(at, 501_153) == "608305501153"

    def test_is_told_in_utc(self) -> None:
        new_york = timezone(timedelta(hours=-4))
        assert retrieval_reference(datetime(2026, 3, 24, 1, 36, tzinfo=new_york), 501_153) == "608305501153"

    @pytest.mark.parametrize(
        ("at", "sequence", "reference"),
        [
            (datetime(2030, 1, 1, tzinfo=UTC), 1, "000100000001"),
            (datetime(2028, 12, 31, 23, 59, tzinfo=UTC), 10_000_001, "836623000001"),
            (datetime(2027, 12, 31, 23, 59, tzinfo=UTC), 999_999, "736523999999"),
        ],
    )
    def test_has_twelve_digits_at_every_edge(self, at: datetime, sequence: int, reference: str) -> None:
        assert retrieval_reference(at, sequence) == reference

    @given(st.datetimes(timezones=st.just(UTC)), st.integers(1, 10**12))
    def test_has_twelve_digits_always(self, at: datetime, sequence: int) -> None:
        reference = retrieval_reference(at, sequence)
        assert len(reference) == 12
        assert reference.isascii()
        assert reference.isdigit()


def _payment(kind: Kind) -> Payment:
    return Payment(
        merchant_id=7,
        payment_id=1,
        terminal_id=9,
        kind=kind,
        state=State.SENDING,
        profile=Profile.TRADITIONAL,
        amounts=AMOUNTS,
        card=CARD,
        audit_number=5,
        retrieval_reference="608305501153",
        requested_at=NOON,
        sent_at=NOON,
        lease_until=NOON + timedelta(seconds=45),
        batch_number=1,
        refunded=Money(0),
        incremented=Money(0),
    )


def _minors(entry: Entry) -> dict[Account, int]:
    return {line.account: line.amount.minor for line in entry.lines}
