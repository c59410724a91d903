"""Bytes and ISO 8583 messages, in both directions, with no I/O.

Every value is checked against the field table both ways. Hostile bytes end in one error and in no other,
and neither an error nor a printed message shows card data. Written by hand over the table: published codecs
carry the raw bytes in their errors, take more than this dialect allows, and cost several times as much.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

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
_MTI_BYTES: Final = 4
_BITMAP_BYTES: Final = 8
_LENGTH: Final = re.compile(r"[0-9]+", re.ASCII)
_ELEMENT: Final = re.compile(r"([0-9A-Z]{2})([0-9]{3})", re.ASCII)
_MTI_KNOWN: Final = frozenset({*ANSWER_TYPES, *ANSWER_TYPES.values()})
_IDENTIFYING: Final = (MTI, TRANSMITTED, AUDIT_NUMBER, REFERENCE, TERMINAL)


class _Place(NamedTuple):
    """A field of the table, ready to be read and written. ``bit`` is its bit in both bitmaps together."""

    key: str
    bit: int
    length: int
    prefix: int
    content: re.Pattern[str]


_PLACES: Final = tuple(
    _Place(key, 1 << (128 - int(key)), field.length, field.prefix, field.pattern)
    for key, field in sorted(FIELDS.items(), key=lambda item: int(item[0]))
)
_EXTENDED: Final = 1 << 127
"""The first bit of the first bitmap, which announces the second."""
_SECOND: Final = (1 << 64) - 1
_KNOWN: Final = _EXTENDED | sum(place.bit for place in _PLACES)


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
    message_type = message.get(MTI)
    if message_type not in _MTI_KNOWN:
        raise Unencodable(MTI)
    bits = 0
    count = 1
    texts: list[str] = []
    for key, bit, length, prefix, content in _PLACES:
        value = message.get(key)
        if value is None:
            continue
        size = len(value)
        if content.fullmatch(value) is None or size > length or (size < length and not prefix):
            raise Unencodable(key)
        bits |= bit
        count += 1
        texts.append(f"{size:0{prefix}d}{value}" if prefix else value)
    if count != len(message):
        raise Unencodable(next(key for key in message if key != MTI and key not in FIELDS))
    if bits & _SECOND:
        bitmaps = (bits | _EXTENDED).to_bytes(2 * _BITMAP_BYTES, "big")
    else:
        bitmaps = (bits >> 64).to_bytes(_BITMAP_BYTES, "big")
    body = b"".join((message_type.encode(), bitmaps, "".join(texts).encode()))
    return len(body).to_bytes(_HEADER, "big") + body


def decode(body: bytes) -> IsoMessage:
    """The message in the body of a frame. Raises ``Garbled`` for everything that is none."""
    message = IsoMessage()
    if not _read(body, message):
        raise Garbled(_remains(message))
    return message


def _read(body: bytes, message: IsoMessage) -> bool:
    """Put every value that is what its field may hold into ``message``; whether that is all of ``body``."""
    start = _MTI_BYTES + _BITMAP_BYTES
    bits = int.from_bytes(body[_MTI_BYTES:start], "big") << 64
    if bits & _EXTENDED:
        bits |= int.from_bytes(body[start : start + _BITMAP_BYTES], "big")
        start += _BITMAP_BYTES
    places = _places(bits)
    if len(body) < start or places is None:
        return False
    # Any byte is a character of Latin-1; what is more than ASCII fits no field.
    text = body.decode("latin-1")
    message[MTI] = text[:_MTI_BYTES]
    sound = message[MTI] in _MTI_KNOWN
    for key, _, length, prefix, content in places:
        size = length
        if prefix:
            digits = text[start : start + prefix]
            if _LENGTH.fullmatch(digits) is None or int(digits) > length:
                return False
            start += prefix
            size = int(digits)
        value = text[start : start + size]
        start += size
        if len(value) == size and content.fullmatch(value):
            message[key] = value
        else:
            sound = False
    return sound and start == len(text)


@lru_cache(maxsize=64)  # a peer uses a few shapes of messages
def _places(bits: int) -> tuple[_Place, ...] | None:
    """The fields that bitmaps announce; none if one of them is not in the table."""
    if bits & ~_KNOWN:
        return None
    return tuple(place for place in _PLACES if bits & place.bit)


def _remains(values: Mapping[str, str]) -> dict[str, str]:
    if values.get(MTI) not in _MTI_KNOWN:
        return {}
    return {key: values[key] for key in _IDENTIFYING if key in values}


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
