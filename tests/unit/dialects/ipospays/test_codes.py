"""Every reason of the core has this vendor's words, and every word a place."""

from __future__ import annotations

import re

import pytest

from bezant.core.credentials import Refusal
from bezant.core.credentials.keys import Denied
from bezant.core.outcomes import FINANCE_REASONS, Reason
from bezant.core.payments import Kind
from bezant.core.vault import Brand
from bezant.dialects.ipospays import auth_codes, codes
from bezant.dialects.ipospays.door import REFUSALS
from bezant.dialects.ipospays.envelope import BRANDS, TYPES
from bezant.dialects.ipospays.operations.transactions import FORMS


class TestAReason:
    def test_is_a_decline_a_problem_or_never_here(self) -> None:
        told = codes.DECLINES.keys() | codes.REFUSALS.keys()
        assert told | codes.NEVER_HERE == set(Reason) - FINANCE_REASONS
        assert not codes.DECLINES.keys() & codes.REFUSALS.keys()
        assert not codes.NEVER_HERE & told

    @pytest.mark.parametrize("reason", codes.DECLINES)
    def test_is_told_in_a_short_code_and_capitals(self, reason: Reason) -> None:
        decline = codes.DECLINES[reason]
        assert re.fullmatch(r"[0-9A-Z]{2,3}", decline.code)
        assert decline.text == decline.text.upper()

    @pytest.mark.parametrize("reason", codes.DECLINES)
    def test_of_a_refund_is_a_problem_of_its_request(self, reason: Reason) -> None:
        assert codes.refund_error(reason).field in {"transactionRequest.rrn", "transactionRequest.amount"}


class TestATable:
    def test_has_every_kind_of_refusal(self) -> None:
        assert auth_codes.REFUSALS.keys() == REFUSALS.keys() == set(Refusal)
        assert auth_codes.DENIALS.keys() == set(Denied)

    def test_has_every_kind_of_payment_and_card(self) -> None:
        assert TYPES.keys() == set(Kind)
        assert BRANDS.keys() == set(Brand)
        assert set(TYPES.values()) < FORMS.keys()
        assert sorted(FORMS) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]


class TestTheWordsThatClientsCompare:
    def test_are_as_they_compare_them(self) -> None:
        expired = "Payment Processing Token is Expired. Please try with new Token"
        assert codes.TOKEN_EXPIRED.message == expired
        scope = codes.not_registered("PaymentTokenization")
        assert (scope.code, scope.message) == (
            "MTERR_009",
            "User is not registered for PaymentTokenization.",
        )
        assert codes.NO_RRN.message == "RRN cannot be empty"
        assert codes.BAD_MERCHANT.message == "Invalid Merchant Id"
