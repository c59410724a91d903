"""Bytes to one map of parameters: query string, form, multipart, JSON. Pure, bounded, strict.

Numbers keep the text in which they were written: money is read from digits, and a signature may be over
them. What is refused here is refused by its form alone; what a value means is a codec's business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

BYTES_MAX = 1024 * 1024
DEPTH_MAX = 32
FIELDS_MAX = 256
NAME_MAX = 128

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_PART_NAME = re.compile(rb'(?:^|;)[ \t]*name="([^"\r\n]*)"', re.IGNORECASE)
_BOUNDARY = re.compile(r'boundary="?([A-Za-z0-9\'()+_,\-./:=? ]{1,70})"?', re.IGNORECASE)


class Malformed(Exception):
    """A request whose bytes are not what they should be. ``args[0]`` is a short word, never content."""


class Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Parameters:
    """Values by lower-cased name, and the query keys that had no value."""

    values: dict[str, Any]
    hints: tuple[str, ...] = ()


def parse(*, query: bytes, content_type: str, body: bytes) -> Parameters:
    """Everything that a request says, later sources over earlier ones: query, form, JSON.

    JSON is tried whenever the body starts like an object, whatever its content type: clients send it as
    plain text. Raises ``Malformed``.
    """
    if len(body) > BYTES_MAX or len(query) > BYTES_MAX:
        raise Malformed("too large")
    values: dict[str, Any] = {}
    hints: tuple[str, ...] = ()
    if query:
        pairs = list(_form(query))
        hints = tuple(name.lower() for name, value in pairs if not value)
        values = _unique((name, value) for name, value in pairs if value)
    text = body.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
    if not text:
        return Parameters(values, hints)
    if text[:1] == b"{":
        values |= _unique(parse_json(text).items())
    elif content_type.lower().startswith("multipart/form-data"):
        values |= _unique(_multipart(body, content_type))
    elif "json" in content_type.lower() or text[:1] in {b"[", b'"'}:
        raise Malformed("not an object")
    else:
        values |= _unique(_form(text))
    return Parameters(values, hints)


def parse_json(text: bytes) -> dict[str, Any]:
    """A JSON object.

    Refuses duplicate keys, NaN, infinities, lone surrogates, control characters and more than 32 levels.
    """
    if text.count(b"[") + text.count(b"{") > DEPTH_MAX and _depth(text) > DEPTH_MAX:
        raise Malformed("too deep")
    try:
        decoded = text.decode()
        found = _decoder.decode(decoded)
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    if not isinstance(found, dict):
        raise Malformed("not an object")
    if "\\u" in decoded or "\x7f" in decoded:
        _check_texts(found)
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("not a number")


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Number, parse_int=Number, parse_constant=_no_constant
)


def _depth(text: bytes) -> int:
    """The deepest nesting outside strings."""
    deepest = depth = 0
    quoted = escaped = False
    for byte in text:
        if escaped:
            escaped = False
        elif quoted:
            escaped = byte == ord("\\")
            quoted = byte != ord('"')
        elif byte == ord('"'):
            quoted = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _check_texts(value: Any) -> None:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        for name, member in value.items():
            _check_texts(name)
            _check_texts(member)
    elif isinstance(value, list):
        for member in value:
            _check_texts(member)
    elif isinstance(value, str):
        if _CONTROL.search(value):
            raise Malformed("control character")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Malformed("lone surrogate") from None


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Names are matched without regard to case, so two that differ by case alone are one name twice."""
    values: dict[str, Any] = {}
    for name, value in pairs:
        lowered = name.lower()
        if lowered in values:
            raise Malformed("repeated name")
        if len(lowered) > NAME_MAX:
            raise Malformed("name too long")
        values[lowered] = value
    if len(values) > FIELDS_MAX:
        raise Malformed("too many fields")
    return values


def _form(text: bytes) -> Iterable[tuple[str, str]]:
    """Names and values of a query string or an URL-encoded form. A bare name has an empty value."""
    if text.count(b"&") > FIELDS_MAX:
        raise Malformed("too many fields")
    for pair in text.split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            yield _unquoted(name), _unquoted(value)


def _unquoted(text: bytes) -> str:
    if _BAD_PERCENT.search(text):
        raise Malformed("bad percent escape")
    return _text(unquote_to_bytes(text.replace(b"+", b" ")))


def _text(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
    if _CONTROL.search(text):
        raise Malformed("control character")
    return text


def _multipart(body: bytes, content_type: str) -> Iterable[tuple[str, str]]:
    """The text fields of a multipart form. Files are refused."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise Malformed("no boundary")
    mark = b"--" + match[1].strip().encode()
    first, *parts = body.split(mark)
    if not parts or first.strip():
        raise Malformed("not multipart")
    if parts.pop().strip() != b"--":
        raise Malformed("not ended")
    if len(parts) > FIELDS_MAX:
        raise Malformed("too many fields")
    for part in parts:
        head, blank, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not blank or not value.endswith(b"\r\n"):
            raise Malformed("bad part")
        disposition = _disposition(head)
        name = _PART_NAME.search(disposition)
        if name is None or b"filename" in disposition.lower():
            raise Malformed("not a text field")
        yield _text(name[1]), _text(value[:-2])


def _disposition(head: bytes) -> bytes:
    for line in head.split(b"\r\n"):
        label, _, value = line.partition(b":")
        if label.strip().lower() == b"content-disposition":
            return value
    raise Malformed("bad part")
