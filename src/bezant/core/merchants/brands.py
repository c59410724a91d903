"""How a store looks to payers: its colour and its logo, and which of both are taken.

Who sends a logo is not trusted. It is judged by its own bytes, never by a file's name: the signature, the
dimensions in the header, and every part up to the end, after which nothing may follow. So a picture with an
archive behind it is refused, and nothing here unpacks what a file holds.

SVG is not taken: it is a document that may hold scripts and load what others host, and no header makes it a
picture again.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bezant.core.outcomes import BadFacts

CONTRAST_MIN: Final = 4.5
"""Of white text on a store's colour (WCAG 2.2, 1.4.3)."""
LOGO_BYTES_MAX: Final = 48_000
LOGO_SIDE_MAX: Final = 1024
"""Pixels."""

_LONG: Final = re.compile(r"#[0-9A-Fa-f]{6}", re.ASCII)
_SHORT: Final = re.compile(r"#[0-9A-Fa-f]{3}", re.ASCII)
_NAME_BYTES: Final = 16
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER_SIZE: Final = 13
_JPEG: Final = b"\xff\xd8\xff"
_JPEG_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
"""The kinds of frame that browsers draw: baseline, extended, progressive."""
_SCAN, _END = 0xDA, 0xD9
_JPEG_FRAME_SIZE: Final = 8
_LENGTH_SIZE: Final = 2
_STUFFED: Final = frozenset({0x00, *range(0xD0, 0xD8)})
"""What follows ``FF`` within a scan: a zero, or a restart."""
_WEBP_ANIMATED: Final = 0x02
_WEBP_EXTENDED_SIZE, _WEBP_LOSSY_SIZE = 10, 10
_WEBP_LOSSLESS: Final = b"\x2f"
_LINEAR_MAX: Final = 0.04045

Size = tuple[int, int]
"""Width and height in pixels."""


class ImageKind(StrEnum):
    """What a logo is: its media type is ``image/`` and this."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logo:
    """A picture that was found to be one."""

    kind: ImageKind
    content: bytes

    @property
    def name(self) -> str:
        """A name that changes with the content: ``<32 hex digits>.png``."""
        return f"{hashlib.sha256(self.content).hexdigest()[: 2 * _NAME_BYTES]}.{self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """What a store chose: a colour, ``#rrggbb``, and the name of its logo."""

    colour: str | None = None
    logo: str | None = None


NO_BRAND: Final = Brand()


def colour_of(text: str) -> str:
    """``#0A7`` or ``#00aa77`` as ``#00aa77``. Raises ``BadFacts`` where white on it could not be read."""
    if _SHORT.fullmatch(text):
        text = "#" + "".join(digit * 2 for digit in text[1:])
    if _LONG.fullmatch(text) is None:
        raise BadFacts("a colour is written #rrggbb or #rgb")
    colour = text.lower()
    found = white_contrast(colour)
    if found < CONTRAST_MIN:
        raise BadFacts(
            f"white text on {colour} has a contrast of {found:.2f}, not {CONTRAST_MIN}: take a darker one"
        )
    return colour


def white_contrast(colour: str) -> float:
    """The contrast of white on a colour, ``#rrggbb``: 1 to 21 (WCAG 2.2, relative luminance)."""
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _linear(share: float) -> float:
    return float(share / 12.92 if share <= _LINEAR_MAX else ((share + 0.055) / 1.055) ** 2.4)


def logo_of(content: bytes) -> Logo:
    """The logo in a file: a still PNG, JPEG or WebP, 48 kB and 1024 pixels a side at most.

    Raises ``BadFacts`` for whatever else it is, one that is cut off, and one that is followed by anything.
    """
    if len(content) > LOGO_BYTES_MAX:
        raise BadFacts(f"a logo has {LOGO_BYTES_MAX // 1000} kB at most")
    kind = _kind(content)
    if kind is None:
        raise BadFacts("a logo is a PNG, JPEG or WebP picture")
    size = _SIZES[kind](content)
    if size is None:
        raise BadFacts("the logo is damaged, moves, or holds more than a picture")
    if not all(0 < side <= LOGO_SIDE_MAX for side in size):
        raise BadFacts(f"a logo has 1 to {LOGO_SIDE_MAX} pixels a side")
    return Logo(kind=kind, content=content)


def _kind(content: bytes) -> ImageKind | None:
    if content.startswith(_PNG):
        return ImageKind.PNG
    if content.startswith(_JPEG):
        return ImageKind.JPEG
    return ImageKind.WEBP if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else None


def _png_size(content: bytes) -> Size | None:
    """Every chunk is whole and right; the first is the header, the last the end, and none animates."""
    at, size, drawn = len(_PNG), None, False
    while at + 12 <= len(content):
        length, name = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(content) or zlib.crc32(content[at + 4 : end - 4]) != int.from_bytes(
            content[end - 4 : end]
        ):
            return None
        if (name == b"IHDR") != (size is None) or name == b"acTL":
            return None
        if size is None:
            if length != _PNG_HEADER_SIZE:
                return None
            size = int.from_bytes(content[at + 8 : at + 12]), int.from_bytes(content[at + 12 : at + 16])
        drawn = drawn or name == b"IDAT"
        if name == b"IEND":
            return size if drawn and end == len(content) else None
        at = end
    return None


def _jpeg_size(content: bytes) -> Size | None:
    """Segment follows segment, one of them a frame; scans follow it, and the end is the file's."""
    at, size, drawn = 2, None, False
    while at + 2 <= len(content) and content[at : at + 1] == b"\xff":
        mark = content[at + 1]
        if mark == _END:
            return size if drawn and at + 2 == len(content) else None
        length = int.from_bytes(content[at + 2 : at + 4])
        if length < _LENGTH_SIZE or at + 2 + length > len(content):
            return None
        if mark in _JPEG_FRAMES:
            if size is not None or length < _JPEG_FRAME_SIZE:
                return None
            size = int.from_bytes(content[at + 7 : at + 9]), int.from_bytes(content[at + 5 : at + 7])
        at += 2 + length
        if mark == _SCAN:
            drawn, at = True, _after_scan(content, at)
    return None


def _after_scan(content: bytes, at: int) -> int:
    """Where the next segment begins: what is compressed holds ``FF`` only before a zero or a restart."""
    while (at := content.find(b"\xff", at)) >= 0 and at + 1 < len(content):
        if content[at + 1] not in _STUFFED:
            return at
        at += 2
    return len(content)


def _webp_size(content: bytes) -> Size | None:
    """The container is as long as the file, and so are its chunks together; none animates."""
    if int.from_bytes(content[4:8], "little") + 8 != len(content):
        return None
    at, size, drawn = 12, None, False
    while at + 8 <= len(content):
        name, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        body, end = content[at + 8 : at + 8 + length], at + 8 + length + length % 2
        if end > len(content) or name in {b"ANIM", b"ANMF"}:
            return None
        found = _webp_chunk_size(name, body)
        if size is None and found is None:
            return None
        size, drawn, at = size or found, drawn or (name != b"VP8X" and found is not None), end
    return size if drawn and at == len(content) else None


def _webp_chunk_size(name: bytes, body: bytes) -> Size | None:
    """The size that a chunk tells, if it tells any (RFC 9649)."""
    little = int.from_bytes
    if name == b"VP8X" and len(body) == _WEBP_EXTENDED_SIZE and not body[0] & _WEBP_ANIMATED:
        return little(body[4:7], "little") + 1, little(body[7:10], "little") + 1
    if name == b"VP8L" and body.startswith(_WEBP_LOSSLESS):
        bits = little(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 " and len(body) >= _WEBP_LOSSY_SIZE and body[3:6] == b"\x9d\x01\x2a":
        return little(body[6:8], "little") & 0x3FFF, little(body[8:10], "little") & 0x3FFF
    return None


_SIZES: Final[Mapping[ImageKind, Callable[[bytes], Size | None]]] = {
    ImageKind.PNG: _png_size,
    ImageKind.JPEG: _jpeg_size,
    ImageKind.WEBP: _webp_size,
}
