from __future__ import annotations

from itertools import product
from string import ascii_uppercase, digits

import pytest

from bezant.core.outcomes import Reason
from bezant.rails.acquirer.codes import APPROVALS, CODES, REASONS, reason_of

SAID_BY_A_NETWORK = list(Reason)[: list(Reason).index(Reason.SYSTEM_ERROR) + 1]


class TestAResponseCode:
    def test_reads_as_some_reason_whatever_it_is(self) -> None:
        for first, second in product(digits + ascii_uppercase, repeat=2):
            assert isinstance(reason_of(first + second), Reason)

    def test_that_no_table_knows_is_a_plain_refusal(self) -> None:
        assert reason_of("ZZ") is Reason.DO_NOT_HONOR

    def test_is_never_both_an_approval_and_a_refusal(self) -> None:
        assert not APPROVALS & REASONS.keys()


class TestAReason:
    @pytest.mark.parametrize("reason", SAID_BY_A_NETWORK)
    def test_that_a_network_gives_has_a_code_that_reads_as_that_reason(self, reason: Reason) -> None:
        assert reason_of(CODES[reason]) is reason

    @pytest.mark.parametrize(
        ("reason", "code"),
        [
            (Reason.DO_NOT_HONOR, "05"),
            (Reason.INVALID_CARD, "14"),
            (Reason.EXPIRED_CARD, "54"),
            (Reason.CVV_MISMATCH, "82"),
            (Reason.SYSTEM_ERROR, "96"),
        ],
    )
    def test_is_written_with_its_usual_code(self, reason: Reason, code: str) -> None:
        assert CODES[reason] == code
