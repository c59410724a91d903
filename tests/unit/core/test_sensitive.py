"""Card data and secrets: nothing that prints, logs or stores them by accident shows them."""

from __future__ import annotations

import copy
import io
import json
import logging
import operator
import pickle
import traceback

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bezant.core.sensitive import AccountNumber, Cvv, Pan, Secret, Sensitive

VALUES = [
    (Pan("4111111111111111"), "4111111111111111", "XXXX1111"),
    (Cvv("9997"), "9997", "***"),
    (AccountNumber("000123456789"), "000123456789", "XXXX6789"),
    (Secret("correct horse battery"), "correct horse battery", "***"),
]
each = pytest.mark.parametrize(("hidden", "clear", "mask"), VALUES, ids=lambda value: type(value).__name__)


class TestASensitiveValue:
    @each
    def test_shows_its_mask_however_it_is_printed(self, hidden: Sensitive, clear: str, mask: str) -> None:
        shown = [str(hidden), repr(hidden), f"{hidden}", f"{hidden!r}", f"{hidden:>40}", f"{[hidden]}"]
        shown += ["%s %r" % (hidden, hidden), "{} {!r}".format(hidden, hidden), ascii(hidden)]  # noqa: UP031, UP032 - each way of printing
        assert all(mask in text for text in shown)
        assert not any(clear in text for text in shown)

    @each
    def test_shows_its_mask_in_a_log(self, hidden: Sensitive, clear: str, mask: str) -> None:
        written = io.StringIO()
        logger = logging.Logger("test")  # noqa: LOG001 - one of its own, which nothing else hears
        logger.addHandler(logging.StreamHandler(written))
        logger.error("charged %s %r", hidden, {"card": hidden})
        try:
            dict[Sensitive, str]()[hidden]
        except KeyError:
            logger.exception("failed")
        assert mask in written.getvalue()
        assert clear not in written.getvalue()

    @each
    def test_stays_hidden_in_an_exception(self, hidden: Sensitive, clear: str, mask: str) -> None:
        try:
            dict[Sensitive, str]()[hidden]
        except KeyError as error:
            told = "".join(traceback.format_exception(error))
            assert mask in told
            assert clear not in told

    @each
    def test_is_not_serialised(self, hidden: Sensitive, clear: str, mask: str) -> None:
        for serialise in (pickle.dumps, json.dumps, msgspec.json.encode, msgspec.msgpack.encode):
            with pytest.raises(TypeError) as refusal:
                serialise(hidden)
            assert clear not in str(refusal.value)

    @each
    def test_is_not_copied(self, hidden: Sensitive, clear: str, mask: str) -> None:
        for copied in (copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                copied(hidden)

    @each
    def test_is_no_text(self, hidden: Sensitive, clear: str, mask: str) -> None:
        assert not isinstance(hidden, str)
        with pytest.raises(TypeError):
            operator.add("card ", hidden)
        assert not hasattr(hidden, "__dict__")

    @each
    def test_is_revealed_when_asked(self, hidden: Sensitive, clear: str, mask: str) -> None:
        assert hidden.reveal() == clear

    @each
    def test_equals_its_like(self, hidden: Sensitive, clear: str, mask: str) -> None:
        twin = type(hidden)(clear)
        assert hidden == twin
        assert hash(hidden) == hash(twin)
        assert hidden != clear
        assert hidden != Sensitive(clear)


class TestACardNumber:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "41111111111",
            "4" * 20,
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4111111111111111\n",
            "+411111111111111",
            "\u0664" * 16,
            "\uff14" * 16,
            "4111x11111111111",
        ],
        ids=ascii,
    )
    def test_is_ascii_digits(self, text: str) -> None:
        with pytest.raises(ValueError, match="not a card number") as refusal:
            Pan(text)
        assert not text or text not in str(refusal.value)

    def test_tells_its_first_six_and_last_four(self) -> None:
        assert (Pan("371449635392376").bin, Pan("371449635392376").last4) == ("371449", "2376")

    @given(st.from_regex(r"[0-9]{11,18}", fullmatch=True))
    def test_has_one_right_check_digit(self, digits: str) -> None:
        assert sum(Pan(f"{digits}{last}").passes_luhn() for last in range(10)) == 1

    @given(st.from_regex(r"[0-9]{12,19}", fullmatch=True), st.data())
    def test_is_wrong_with_one_digit_mistyped(self, digits: str, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(digits) - 1))
        other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != digits[place]]))
        mistyped = digits[:place] + other + digits[place + 1 :]
        assert not (Pan(digits).passes_luhn() and Pan(mistyped).passes_luhn())


class TestOtherNumbers:
    @pytest.mark.parametrize("text", ["", "12", "12345", "12a", "\u0661\u0662\u0663", "123\n"], ids=ascii)
    def test_make_no_verification_value(self, text: str) -> None:
        with pytest.raises(ValueError, match="not a card verification value"):
            Cvv(text)

    @pytest.mark.parametrize("text", ["", "123", "1" * 18, "12 34", "\uff11" * 8], ids=ascii)
    def test_make_no_account_number(self, text: str) -> None:
        with pytest.raises(ValueError, match="not an account number"):
            AccountNumber(text)


class TestASecret:
    def test_is_compared_whole(self) -> None:
        assert Secret("s3cret").matches(Secret("s3cret"))
        assert not Secret("s3cret").matches(Secret("s3cre"))
        assert not Secret("").matches(Secret("s"))
