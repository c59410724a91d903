from __future__ import annotations

from typing import Final

import iso8583
from hypothesis import given

from bezant.rails.acquirer.codec import IsoMessage, decode, encode
from bezant.rails.acquirer.spec import FIELDS, MTI
from tests.rails.acquirer_cases import MESSAGES

HEADER: Final = 2


def layout(length: int, *, prefix: int = 0, content: str = "ascii") -> dict[str, object]:
    return {"data_enc": content, "len_enc": "ascii", "len_type": prefix, "max_len": length, "desc": ""}


LAYOUT: Final = {
    "h": layout(0),
    MTI: layout(4),
    "p": layout(8, content="b"),
    "1": layout(8, content="b"),
    **{key: layout(field.length, prefix=field.prefix) for key, field in FIELDS.items()},
}


class TestAPublicCodec:
    @given(MESSAGES)
    def test_writes_the_same_bytes(self, message: IsoMessage) -> None:
        body, _ = iso8583.encode(dict(message), LAYOUT)
        assert encode(message)[HEADER:] == bytes(body)

    @given(MESSAGES)
    def test_reads_the_same_values(self, message: IsoMessage) -> None:
        body = encode(message)[HEADER:]
        values, _ = iso8583.decode(body, LAYOUT)
        assert {key: value for key, value in values.items() if key not in {"p", "1"}} == decode(body)
