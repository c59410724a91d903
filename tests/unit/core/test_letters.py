"""Where letters and text messages may go, and what may stand in a mail's head."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bezant.core.deliveries import Letter, Text, is_mail_address, one_line, phone_number

LETTER = Letter(
    to="payer@example.com",
    sender="Demo Merchant",
    subject="Your receipt",
    text="Paid.",
    html="<p>Paid.</p>",
    language="en",
    reference="a1b2",
)
ADDRESSES = (
    "a@example.com",
    "first.last+tag@sub.example.co.uk",
    "o'hara!#$%&*/=?^_`{|}~-@example.com",
    "x@xn--bcher-kva.example",
    "1@2.3.com",
    "a" * 64 + "@example.com",
)
NO_ADDRESSES = (
    "",
    "a",
    "@example.com",
    "a@",
    "a@localhost",
    "a@-example.com",
    "a@example-.com",
    "a@example..com",
    "a@.example.com",
    "a@example.com.",
    "a@127.0.0.1",
    "a@[127.0.0.1]",
    "a@example.1",
    "a@@example.com",
    "a@b@example.com",
    ".a@example.com",
    "a.@example.com",
    "a..b@example.com",
    "a b@example.com",
    '"a b"@example.com',
    "a(comment)@example.com",
    "A <a@example.com>",
    "<a@example.com>",
    "a@example.com,b@example.com",
    "a@example.com;b@example.com",
    "a@example.com b@example.com",
    "a@example.com\n",
    "a@example.com\r\nBcc: b@example.com",
    "a\r\nBcc: b@example.com",
    "a@example.com%0d%0aBcc:b@example.com",
    "a@example.com\x00",
    "a@exam\tple.com",
    "a@exam\u2028ple.com",
    "ä@example.com",
    "a@exämple.com",
    "a@example.com\uff0c",
    "a" * 65 + "@example.com",
    "a@" + "b" * 64 + ".com",
    "a@" + "b." * 130 + "com",
)
NO_LINES = (
    "",
    "Hello\r\nBcc: b@example.com",
    "Hello\nBcc: b@example.com",
    "Hello\rBcc: b@example.com",
    "Hello\r\n\r\n<html>",
    "=?utf-8?q?Hello=0D=0ABcc:_b@example.com?=",
    "x" * 199 + " y",
    "Hello\x00",
    "Hello\x0b",
    "Hello\x0c",
    "Hello\x1b[2J",
    "Hello\x7f",
    "Hello\x85Bcc: b@example.com",
    "Hello\u2028Bcc: b@example.com",
    "Hello\u2029Bcc: b@example.com",
    "Hello\u202eolleH",
    "Hello\u200bworld",
    "Hello\ud800",
    " Hello",
    "Hello ",
    "x" * 201,
)


class TestAMailAddress:
    @pytest.mark.parametrize("text", ADDRESSES)
    def test_is_taken(self, text: str) -> None:
        assert is_mail_address(text)
        assert replace(LETTER, to=text).to == text

    @pytest.mark.parametrize("text", NO_ADDRESSES)
    def test_that_is_none_makes_no_letter(self, text: str) -> None:
        assert not is_mail_address(text)
        with pytest.raises(ValueError, match=r"^no mail address$"):
            replace(LETTER, to=text)


class TestAMailsHead:
    @pytest.mark.parametrize("line", NO_LINES)
    @pytest.mark.parametrize("field", ["subject", "sender", "reference"])
    def test_takes_one_printable_line_and_nothing_else(self, field: str, line: str) -> None:
        with pytest.raises(ValueError, match=r"^no line of a mail's head$"):
            replace(LETTER, **{field: line})

    @pytest.mark.parametrize("line", NO_LINES)
    def test_takes_any_text_made_one_line(self, line: str) -> None:
        made = one_line(line) or "-"
        assert replace(LETTER, subject=made).subject == made

    def test_takes_every_script(self) -> None:
        for line in ("إيصالك من متجر", "Café Ñandú", "日本"):
            assert replace(LETTER, subject=line).subject == line == one_line(line)


class TestAPhoneNumber:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("5165550100", "5165550100"),
            ("+1 (516) 555-0100", "+15165550100"),
            ("01220422223", "01220422223"),
            ("1.516.555.0100", "15165550100"),
        ],
    )
    def test_is_its_digits(self, text: str, number: str) -> None:
        assert phone_number(text) == number
        assert Text(to=number, text="x").to == number

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "123",
            "1" * 16,
            "++15165550100",
            "516+5550100",
            "٠١٢٢٠٤٢٢٢٢٣",
            "5165550100\n",
            "ABCDEFG",
            "1;2345",
        ],
    )
    def test_that_is_none_makes_no_text_message(self, text: str) -> None:
        assert phone_number(text) is None
        with pytest.raises(ValueError, match=r"^no phone number$"):
            Text(to=text, text="x")


class TestALetter:
    def test_printed_shows_nobody_and_nothing(self) -> None:
        shown = f"{LETTER!r}{Text(to='5165550100', text='123456')!r}"
        assert not any(word in shown for word in ("payer", "Merchant", "receipt", "Paid", "516", "123456"))
