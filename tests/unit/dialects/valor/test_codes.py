"""The vendor's words for what went wrong: every reason has them, and each code means one thing."""

from __future__ import annotations

import re

import pytest

from bezant.core.merchants import Denied
from bezant.core.outcomes import FINANCE_REASONS, Reason
from bezant.dialects.valor import codes
from bezant.dialects.valor.auth import DENIALS
from bezant.dialects.valor.families import ERROR_FAMILIES


class TestEveryReason:
    @pytest.mark.parametrize("reason", sorted(set(Reason) - FINANCE_REASONS))
    def test_is_either_a_decline_or_a_refusal(self, reason: Reason) -> None:
        assert (reason in codes.DECLINES) != (reason in codes.REFUSALS)

    def test_of_consumer_finance_alone_has_no_words_here(self) -> None:
        assert not FINANCE_REASONS & (codes.DECLINES.keys() | codes.REFUSALS.keys())

    @pytest.mark.parametrize("denied", Denied)
    def test_to_deny_a_caller_has_an_error(self, denied: Denied) -> None:
        assert DENIALS[denied] in codes.ERRORS


class TestAnError:
    def test_has_a_code_of_its_own(self) -> None:
        """But for A39, whose text names the status that a link is in."""
        numbers = [error.code for error in codes.ERRORS if error.code != codes.PAGE_EXPIRED.code]
        assert sorted(set(numbers)) == sorted(numbers)

    @pytest.mark.parametrize("error", codes.ERRORS, ids=lambda error: f"{error.code} {error.text}")
    def test_has_a_family_and_a_status_that_clients_know(self, error: codes.Error) -> None:
        assert error.family in ERROR_FAMILIES
        assert error.status == 400 or error in {codes.TRY_LATER, codes.KEY_IN_FLIGHT, codes.CRASHED}

    @pytest.mark.parametrize(
        ("code", "text"),
        [
            # source: vendor samples
            ("D03", "TXN TYPE IS REQUIRED"),
            ("D06", "NOT A VALID APP ID"),
            ("D07", "NOT A VALID APP KEY"),
            ("D27", "INVALID EPI ID"),
            ("D29", "START DATE AND END DATE REQUIRED"),
            ("D35", "FILTER KEY MUST BE SET TO TXNID WHEN DATE_FILTER IS 9"),
            ("E03", "Input field is missing"),
            ("E05", "INVALID AMOUNT"),
            ("E06", "INVALID CARD NUMBER"),
            ("E07", "INVALID EXPIRY DATE"),
            ("E14", "INVALID TRANSACTION ID"),
            ("E16", "INVALID TRAN NO"),
            ("E26", "AUTHENTICATION FAILED"),
            ("E34", "INVALID STAN NO"),
            ("A24", "INVALID OFFSET"),
            ("A26", "INVALID DATE FILTER"),
            ("A32", "INVALID STATUS"),
        ],
    )
    def test_of_the_samples_has_their_text(self, code: str, text: str) -> None:
        assert [error.text for error in codes.ERRORS if error.code == code] == [text]


class TestADecline:
    @pytest.mark.parametrize("reason", codes.DECLINES)
    def test_has_the_codes_of_a_network_and_of_the_vendors_switch(self, reason: Reason) -> None:
        decline = codes.DECLINES[reason]
        assert re.fullmatch(r"[0-9A-Z]{2}", decline.code)
        assert decline.switch is None or re.fullmatch(r"V0[0-9A-Z]{3}", decline.switch)
        assert decline.text

    def test_that_the_network_words_keeps_the_networks_code(self) -> None:
        for decline in codes.DECLINES.values():
            if decline.switch is not None and decline.switch.startswith("V00"):
                assert decline.switch == f"V00{decline.code}"
