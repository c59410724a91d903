"""What the network's letters mean, and when an approval is not wanted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bezant.core.merchants import AddressCheck, CardChecks, Profile
from bezant.core.money import Money
from bezant.core.outcomes import Answer, Approved, Declined, NotSent, Reason, Unresolved
from bezant.core.payments import (
    Amounts,
    Kind,
    Match,
    Payment,
    State,
    address_match,
    verification_match,
)
from bezant.core.payments.checks import Unwanted, judged
from bezant.core.payments.model import decide

NOON = datetime(2026, 3, 24, 12, tzinfo=UTC)
STRICT = CardChecks(address=AddressCheck.BOTH, address_declines=True, verification_declines=True)
YES, NO, NONE = Match.MATCH, Match.NO_MATCH, Match.UNCHECKED

ADDRESSES: dict[str | None, tuple[Match, Match, Match]] = {
    # letter: street alone, postal code alone, both
    "Y": (YES, YES, YES),
    "X": (YES, YES, YES),
    "A": (YES, NO, NO),
    "Z": (NO, YES, NO),
    "W": (NO, YES, NO),
    "N": (NO, NO, NO),
    "B": (YES, NONE, NONE),
    "P": (NONE, YES, NONE),
    "U": (NONE, NONE, NONE),
    "R": (NONE, NONE, NONE),
    "?": (NONE, NONE, NONE),
    None: (NONE, NONE, NONE),
}


class TestAnAddress:
    @pytest.mark.parametrize("letter", ADDRESSES)
    def test_matches_as_far_as_it_counts(self, letter: str | None) -> None:
        checks = (AddressCheck.STREET, AddressCheck.POSTAL_CODE, AddressCheck.BOTH)
        assert tuple(address_match(check, letter) for check in checks) == ADDRESSES[letter]

    @pytest.mark.parametrize("letter", ADDRESSES)
    def test_that_does_not_count_is_not_checked(self, letter: str | None) -> None:
        assert address_match(AddressCheck.NONE, letter) is Match.UNCHECKED


class TestAVerificationValue:
    @pytest.mark.parametrize(
        ("letter", "match"), [("M", YES), ("N", NO), ("P", NONE), ("U", NONE), (None, NONE)]
    )
    def test_matches_as_the_network_says(self, letter: str | None, match: Match) -> None:
        assert verification_match(letter) is match


class TestAnApproval:
    @pytest.mark.parametrize(
        ("avs", "cvv", "reason"),
        [
            ("N", "M", Reason.ADDRESS_MISMATCH),
            ("A", "M", Reason.ADDRESS_MISMATCH),
            ("Y", "N", Reason.CVV_MISMATCH),
            ("N", "N", Reason.CVV_MISMATCH),
        ],
    )
    def test_is_not_wanted_by_a_strict_merchant_where_something_differs(
        self, avs: str, cvv: str, reason: Reason
    ) -> None:
        verdict = judged(_approved(avs, cvv), STRICT)
        assert verdict == Unwanted(approved=_approved(avs, cvv), reason=reason)

    @pytest.mark.parametrize(("avs", "cvv"), [("Y", "M"), ("U", "U"), (None, None), ("P", None)])
    def test_is_wanted_where_nothing_differs(self, avs: str | None, cvv: str | None) -> None:
        assert judged(_approved(avs, cvv), STRICT) == _approved(avs, cvv)

    def test_is_wanted_by_a_merchant_without_rules(self) -> None:
        assert judged(_approved("N", "N"), CardChecks()) == _approved("N", "N")
        shown = CardChecks(address=AddressCheck.BOTH, shown=True)
        assert judged(_approved("N", "N"), shown) == _approved("N", "N")

    @pytest.mark.parametrize(
        "answer",
        [Declined(reason=Reason.DO_NOT_HONOR), Unresolved(cause="time-out"), NotSent(cause="refused")],
        ids=lambda answer: type(answer).__name__,
    )
    def test_alone_is_judged(self, answer: Answer) -> None:
        assert judged(answer, STRICT) is answer

    def test_that_is_not_wanted_is_in_doubt_until_it_is_taken_back(self) -> None:
        decided = decide(_payment(), judged(_approved("Y", "N"), STRICT), at=NOON)
        assert (decided.state, decided.reason) == (State.IN_DOUBT, Reason.CVV_MISMATCH)
        assert (decided.address_result, decided.verification_result) == ("Y", "N")
        assert not decided.approved
        assert decided.approval_code is None

    def test_keeps_what_the_network_compared(self) -> None:
        decided = decide(_payment(), _approved("Z", "M"), at=NOON)
        assert (decided.address_result, decided.verification_result) == ("Z", "M")


def _approved(avs: str | None, cvv: str | None) -> Approved:
    return Approved(approval_code="TAS001", response_code="00", amount=Money(2000), avs=avs, cvv=cvv)


def _payment() -> Payment:
    return Payment(
        merchant_id=1,
        payment_id=2,
        terminal_id=3,
        kind=Kind.SALE,
        state=State.SENDING,
        profile=Profile.TRADITIONAL,
        amounts=Amounts.of(Money(2000)),
        card=None,
        audit_number=1,
        retrieval_reference="608312000001",
        requested_at=NOON,
        sent_at=NOON,
        lease_until=NOON,
        batch_number=1,
        refunded=Money(0),
        incremented=Money(0),
    )
