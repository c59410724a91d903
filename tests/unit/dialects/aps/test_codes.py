"""The vendor's codes: every reason has one, each means one thing, and both languages say it."""

from __future__ import annotations

import re

import pytest

from bezant.core.outcomes import FINANCE_REASONS, Reason
from bezant.dialects.aps import codes
from bezant.dialects.aps.codes import Message
from bezant.rails.lender.codes import REASONS

SHARED = (Reason.NO_ANSWER, Reason.NOT_REACHED, Reason.BUSY)
"""What it refuses or declines for as others do, beside what a lender says."""

_ARABIC = re.compile(r"[\u0600-\u06ff]")


class TestAMessage:
    def test_has_a_number_of_its_own(self) -> None:
        numbers = [message.code for message in codes.MESSAGES]
        assert sorted(set(numbers)) == sorted(numbers)
        assert all(re.fullmatch(r"[0-9]{3}", number) for number in numbers)

    @pytest.mark.parametrize("message", codes.MESSAGES, ids=lambda message: message.code)
    def test_is_said_in_both_languages(self, message: Message) -> None:
        assert message.text("en").isascii()
        assert _ARABIC.search(message.text("ar"))
        assert message.text("fr") == message.text("en")
        assert len(message.text("ar", "x" * 200)) == codes.TEXT_MAX


class TestARefusal:
    @pytest.mark.parametrize("reason", sorted({*FINANCE_REASONS, *SHARED, *REASONS.values()}))
    def test_is_of_the_operation_or_of_no_operation(self, reason: Reason) -> None:
        error = codes.REFUSALS[reason]
        assert error.status in {None, codes.REJECTED}
        assert error.message in codes.MESSAGES
