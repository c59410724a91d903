from __future__ import annotations

import contextlib
import random
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bezant.core.outcomes import Approved, Declined, Unresolved
from bezant.rails.acquirer import spec
from bezant.rails.acquirer.codec import (
    FrameReader,
    Garbled,
    IsoMessage,
    Unencodable,
    decode,
    encode,
    pack,
    unpack,
)
from bezant.rails.acquirer.rail import answer_of, request_of
from tests.rails.acquirer_cases import CARD, CVV, MESSAGES, a_message, a_reply_to

MUTATIONS = 25_000


def body_of(frame: bytes) -> bytes:
    (body,) = FrameReader().feed(frame)
    return body


class TestAMessage:
    @given(MESSAGES)
    def test_comes_back_from_its_frame_as_it_was(self, message: IsoMessage) -> None:
        assert decode(body_of(encode(message))) == message

    def test_prints_without_card_number_and_private_elements(self) -> None:
        message = request_of(a_message())
        for text in (repr(message), str(message), f"{message}"):
            assert CARD not in text
            assert f"CV003{CVV}" not in text
            assert message[spec.REFERENCE] in text

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            (spec.AMOUNT, "-00000000100"),
            (spec.AMOUNT, "1000"),
            (spec.AMOUNT, "0000000001000"),
            (spec.AMOUNT, "\u0660" * 12),
            (spec.PAN, "4111 1111 1111 1111"),
            (spec.RESPONSE_CODE, "ab"),
            (spec.TERMINAL, "1234567é"),
            (spec.PRIVATE, "x" * 1000),
            (spec.MTI, "9999"),
            ("5", "000000001000"),
            ("200", "1"),
        ],
    )
    def test_with_a_value_that_does_not_fit_is_refused_without_showing_it(self, key: str, value: str) -> None:
        message = IsoMessage({**request_of(a_message()), key: value})
        with pytest.raises(Unencodable) as caught:
            encode(message)
        assert caught.value.key == key
        assert CARD not in "".join(traceback.format_exception(caught.value))
        assert caught.value.__context__ is None


class TestHostileBytes:
    @given(st.binary(max_size=400))
    def test_are_a_message_or_garbled_and_nothing_else(self, body: bytes) -> None:
        with contextlib.suppress(Garbled):
            decode(body)

    def test_made_from_real_answers_never_break_decoding_or_reading(self) -> None:
        chance = random.Random(8583)
        message = a_message()
        request = request_of(message)
        frame = body_of(a_reply_to(request, de38="TAS001", de44="YM", de48="LY0042026"))
        decoded = 0
        for _ in range(MUTATIONS):
            mutant = bytearray(frame)
            for _ in range(chance.randint(1, 4)):
                place = chance.randrange(len(mutant))
                match chance.randrange(4):
                    case 0:
                        mutant[place] ^= 1 << chance.randrange(8)
                    case 1:
                        mutant[place] = chance.randrange(256)
                    case 2:
                        del mutant[place : place + chance.randint(1, 9)]
                    case _:
                        mutant[place:place] = chance.randbytes(chance.randint(1, 9))
                if not mutant:
                    break
            try:
                reply = decode(bytes(mutant))
            except Garbled:
                continue
            decoded += 1
            answer = answer_of(message, request, reply)
            assert isinstance(answer, Approved | Declined | Unresolved)
            if isinstance(answer, Approved):
                assert answer.amount <= message.amount
                assert answer.approval_code
        assert 0 < decoded < MUTATIONS

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"0210",
            b"0210" + bytes(7),
            b"9999" + bytes(8),
            b"0210" + b"\x08" + bytes(7),  # a field that the table does not have
            b"0210" + b"\x80" + bytes(7) + b"\x80" + bytes(7) + bytes(8),  # a third bitmap
            b"0210" + b"\x40" + bytes(7) + b" 9" + b"4" * 9,  # a length with a blank
            b"0210" + b"\x40" + bytes(7) + b"+9" + b"4" * 9,
            b"0210" + b"\x40" + bytes(7) + b"99" + b"4" * 99,
            b"0210" + b"\x10" + bytes(7) + b"0000000010\xb20",
            b"0210" + b"\x10" + bytes(7) + b"000000001000" + b"more",
        ],
    )
    def test_are_garbled(self, body: bytes) -> None:
        with pytest.raises(Garbled):
            decode(body)

    def test_show_no_card_number_in_the_error(self) -> None:
        body = body_of(encode(request_of(a_message())))
        with pytest.raises(Garbled) as caught:
            decode(body[:-3])
        assert CARD not in "".join(traceback.format_exception(caught.value))
        assert caught.value.__context__ is None
        assert spec.PAN not in caught.value.remains

    def test_still_tell_which_request_they_meant(self) -> None:
        request = request_of(a_message())
        frame = a_reply_to(request, de38="TAS001")
        with pytest.raises(Garbled) as caught:
            decode(body_of(frame[:-3] + b"\xff\xff\xff"))
        assert caught.value.remains == {
            spec.MTI: "0210",
            spec.TRANSMITTED: request[spec.TRANSMITTED],
            spec.AUDIT_NUMBER: request[spec.AUDIT_NUMBER],
            spec.REFERENCE: request[spec.REFERENCE],
            spec.TERMINAL: request[spec.TERMINAL],
        }


class TestAStream:
    @given(st.lists(st.binary(max_size=60), max_size=8), st.data())
    def test_gives_the_same_frames_however_it_is_cut(self, bodies: list[bytes], data: st.DataObject) -> None:
        stream = b"".join(len(body).to_bytes(2, "big") + body for body in bodies)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
        reader = FrameReader()
        found = [
            body
            for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
            for body in reader.feed(stream[start:end])
        ]
        assert found == bodies

    def test_that_announces_too_long_a_frame_is_garbled_after_the_frames_before_it(self) -> None:
        frames = FrameReader().feed(b"\x00\x02ok\xff\xff")
        assert next(frames) == b"ok"
        with pytest.raises(Garbled):
            next(frames)

    def test_may_hold_the_longest_frame(self) -> None:
        body = bytes(spec.FRAME_MAX)
        assert list(FrameReader().feed(len(body).to_bytes(2, "big") + body)) == [body]


class TestPrivateElements:
    @given(
        st.dictionaries(
            st.text("ABCXYZ019", min_size=2, max_size=2), st.text(st.characters(codec="ascii"), max_size=50)
        )
    )
    def test_come_back_as_they_were(self, elements: dict[str, str]) -> None:
        assert unpack(pack(elements)) == elements

    @pytest.mark.parametrize(
        "text", ["C", "CV", "CV003", "CV00399", "CV0\u06603999", "cv003999", "CV001aCV001a"]
    )
    def test_that_are_not_whole_are_garbled(self, text: str) -> None:
        with pytest.raises(Garbled):
            unpack(text)
