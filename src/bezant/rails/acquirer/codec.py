"""Bytes and ISO 8583 messages, in both directions, with no I/O.

The layout work is a library's. This module adds what the link needs around it: every value is checked
against the field table both ways, hostile bytes end in one error of ours and in no other, and neither
that error nor a printed message shows card data (the library's own errors carry the raw bytes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import iso8583

from bezant.rails.acquirer.spec import (
    ANSWER_TYPES,
    AUDIT_NUMBER,
    FIELDS,
    FRAME_MAX,
    MTI,
    REFERENCE,
    SENSITIVE,
    TERMINAL,
    TRANSMITTED,
)

_HEADER: Final = 2
_BITMAP: Final = slice(4, 12)
_EXTENSION: Final = slice(12, 20)
_LENGTH: Final = re.compile(rb"[0-9]+", re.ASCII)
_ELEMENT: Final = re.compile(r"([0-9A-Z]{2})([0-9]{3})", re.ASCII)
_PATTERNS: Final = {key: field.pattern for key, field in FIELDS.items()}
_VARIABLE: Final = frozenset(key for key, field in FIELDS.items() if field.prefix)
_MTI_KNOWN: Final = frozenset({*ANSWER_TYPES, *ANSWER_TYPES.values()})
_IDENTIFYING: Final = (MTI, TRANSMITTED, AUDIT_NUMBER, REFERENCE, TERMINAL)


def _layout(length: int, *, prefix: int = 0, content: str = "ascii") -> dict[str, object]:
    return {"data_enc": content, "len_enc": "ascii", "len_type": prefix, "max_len": length, "desc": ""}


_LAYOUT: Final = {
    "h": _layout(0),
    MTI: _layout(4),
    "p": _layout(8, content="b"),
    "1": _layout(8, content="b"),
    **{key: _layout(field.length, prefix=field.prefix) for key, field in FIELDS.items()},
}


def _bits(low: int, high: int) -> int:
    """The bitmap of the table's fields ``low`` to ``high``, the lowest leftmost."""
    return sum(1 << (high - int(key)) for key in FIELDS if low <= int(key) <= high)


_UNKNOWN_FIRST: Final = ~(_bits(1, 64) | 1 << 63)  # the first bit announces the second bitmap
_UNKNOWN_SECOND: Final = ~_bits(65, 128)


class IsoMessage(dict[str, str]):
    """Values by field key of ``spec``. Prints itself without card data."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = {key: "***" if key in SENSITIVE else value for key, value in self.items()}
        return f"IsoMessage({shown})"

    __str__ = __repr__


class Garbled(ValueError):
    """Bytes that are no message of this dialect.

    ``remains`` holds what could still be read of type, terminal, audit number, transmission time and
    retrieval reference, so that the request may be found which these bytes were meant to answer.
    """

    def __init__(self, remains: Mapping[str, str] | None = None) -> None:
        super().__init__("garbled message")
        self.remains: Mapping[str, str] = remains or {}


class Unencodable(ValueError):
    """A value that its field cannot hold. Names the field, never the value."""

    def __init__(self, key: str) -> None:
        super().__init__(f"value does not fit field {key}")
        self.key = key


def encode(message: Mapping[str, str]) -> bytes:
    """The message as a frame: length header and body. Raises ``Unencodable``."""
    draft = dict(message)
    if draft.get(MTI) not in _MTI_KNOWN:
        raise Unencodable(MTI)
    for key, value in message.items():
        if key != MTI:
            field, pattern = FIELDS.get(key), _PATTERNS.get(key)
            if field is None or pattern is None or pattern.fullmatch(value) is None:
                raise Unencodable(key)
    wrong: str | None = None
    body = bytearray()
    try:
        body, _ = iso8583.encode(draft, _LAYOUT)
    except iso8583.EncodeError as error:
        wrong = error.field
    if wrong is not None:  # raised here, so that nothing chains to the error that holds the message
        raise Unencodable(wrong)
    return len(body).to_bytes(_HEADER, "big") + bytes(body)


def decode(body: bytes) -> IsoMessage:
    """The message in the body of a frame. Raises ``Garbled`` for everything that is none."""
    first = int.from_bytes(body[_BITMAP], "big")
    extended = first >> 63
    if (first & _UNKNOWN_FIRST) or (extended and int.from_bytes(body[_EXTENSION], "big") & _UNKNOWN_SECOND):
        raise Garbled
    intact = False
    lengths: dict[str, dict[str, bytes]] = {}
    try:
        values, lengths = iso8583.decode(body, _LAYOUT)
        intact = True
    except iso8583.DecodeError as error:
        values = error.doc_dec
    values.pop("p", None)
    values.pop("1", None)
    if not intact or not _sound(values, lengths):
        raise Garbled(_remains(values))
    return IsoMessage(values)


def _sound(values: Mapping[str, str], lengths: Mapping[str, Mapping[str, bytes]]) -> bool:
    """Whether each value is what its field may hold, and each length was written in digits."""
    return (
        values[MTI] in _MTI_KNOWN
        and all(_PATTERNS[key].fullmatch(value) for key, value in values.items() if key != MTI)
        and all(_LENGTH.fullmatch(lengths[key]["len"]) for key in _VARIABLE if key in values)
    )


def _remains(values: Mapping[str, str]) -> dict[str, str]:
    remains = {key: values[key] for key in _IDENTIFYING if key in values}
    if remains.get(MTI) not in _MTI_KNOWN:
        return {}
    return {key: value for key, value in remains.items() if key == MTI or _PATTERNS[key].fullmatch(value)}


class FrameReader:
    """Cuts a byte stream into the bodies of its frames."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The bodies that ``chunk`` completes, to be consumed before the next call.

        Raises ``Garbled`` at a header that announces more than a frame may hold: from there on the
        stream has no frames any more.
        """
        stream = self._rest + chunk if self._rest else chunk
        start = 0
        while len(stream) - start >= _HEADER:
            end = start + _HEADER + int.from_bytes(stream[start : start + _HEADER], "big")
            if end - start > _HEADER + FRAME_MAX:
                raise Garbled
            if end > len(stream):
                break
            yield stream[start + _HEADER : end]
            start = end
        self._rest = stream[start:]


def pack(elements: Mapping[str, str]) -> str:
    """Private elements as one text. Each tag has two characters, each value at most 999."""
    return "".join(f"{tag}{len(value):03d}{value}" for tag, value in elements.items())


def unpack(text: str) -> dict[str, str]:
    """Private elements of a text that ``pack`` made. Raises ``Garbled`` for any other."""
    elements: dict[str, str] = {}
    start = 0
    while start < len(text):
        head = _ELEMENT.match(text, start)
        if head is None:
            raise Garbled
        value = text[head.end() : head.end() + int(head[2])]
        if len(value) != int(head[2]) or head[1] in elements:
            raise Garbled
        elements[head[1]] = value
        start = head.end() + len(value)
    return elements
