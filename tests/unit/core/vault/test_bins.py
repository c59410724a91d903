"""Number ranges: the longest that is known counts, and eight digits speak for six only where they agree."""

from __future__ import annotations

import pytest

from bezant.core.vault import BinRecord, Bins


def _record(prefix: str, funding: str = "CREDIT", issuer: str | None = "Bank") -> BinRecord:
    return BinRecord(
        prefix=prefix, funding=funding, issuer=issuer, country="POLAND", level=None, category=None
    )


def _bins(*records: BinRecord) -> Bins:
    bins = Bins()
    bins.replace(records)
    return bins


class TestANumberRange:
    def test_of_eight_digits_counts_before_one_of_six(self) -> None:
        six, eight = _record("411111"), _record("41111122", "DEBIT")
        bins = _bins(six, eight)
        assert bins.find("41111122") == eight
        assert bins.find("4111112233334444") == eight
        assert bins.find("41111133") == six
        assert bins.find("411111") == six

    def test_is_not_known_by_its_neighbours(self) -> None:
        assert _bins(_record("411111")).find("411112") is None

    def test_of_six_digits_is_what_those_of_eight_agree_on(self) -> None:
        bins = _bins(_record("41111111", "DEBIT", "One"), _record("41111112", "DEBIT", "Two"))
        found = bins.find("411111")
        assert found is not None
        assert (found.funding, found.issuer, found.country) == ("DEBIT", None, "POLAND")

    def test_is_not_known_where_its_parts_are_funded_differently(self) -> None:
        assert _bins(_record("41111111", "DEBIT"), _record("41111112")).find("411111") is None

    def test_of_eight_digits_is_not_known_by_others_of_the_same_six(self) -> None:
        assert _bins(_record("41111111"), _record("41111112")).find("41111113") is None

    @pytest.mark.parametrize("digits", ["", "4", "41111"])
    def test_has_six_digits_at_least(self, digits: str) -> None:
        assert _bins(_record("411111")).find(digits) is None

    def test_is_forgotten_when_others_take_over(self) -> None:
        bins = _bins(_record("41111111"))
        bins.replace([_record("510000")])
        assert bins.find("411111") is bins.find("41111111") is None
