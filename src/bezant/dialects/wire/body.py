"""Bytes to one map of parameters: query string, form, multipart, JSON. Pure, bounded, strict.

Numbers keep the text in which they were written: money is read from digits, and a signature may be over
them. What is refused here is refused by its form alone; what a value means is a codec's business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

BYTES_MAX = 1024 * 1024
QUERY_BYTES_MAX = 64 * 1024
DEPTH_MAX = 32
FIELDS_MAX = 256
PATH_MAX = 128

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BAD_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_BOUNDARY = re.compile(rf';[ \t]*boundary=(?:"([^"\r\n]+)"|({_WORD}))[ \t]*(?:;|$)', re.ASCII | re.IGNORECASE)
_BOUNDARY_MAX = 70
_TEXT_FIELD = re.compile(
    rf'form-data[ \t]*;[ \t]*name=(?:"([^"\\]+)"|({_WORD}))[ \t]*'.encode(), re.IGNORECASE
)


class Malformed(Exception):
    """A request whose bytes are not what they should be."""

    @property
    def reason(self) -> str:
        """Why, in one of a few fixed phrases. Never content."""
        return str(self.args[0])


class Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Parameters:
    """Values by lower-cased name, and the query keys that had no value."""

    values: dict[str, Any] = field(repr=False)
    hints: tuple[str, ...] = ()


def parse(*, query: bytes, content_type: str, body: bytes, fold: bool = True) -> Parameters:
    """Everything that a request says, later sources over earlier ones: query, form, JSON.

    A value is a text, a ``Number``, a boolean, None, a list or a dictionary. An empty one is an absent one,
    so it covers no earlier value. A name may stand once in each source. With ``fold`` off, names keep their
    case, for a signature over them. JSON is tried whenever the body begins like an object, whatever its
    content type: clients send it as plain text. Raises ``Malformed``.
    """
    if len(body) > BYTES_MAX or len(query) > QUERY_BYTES_MAX:
        raise Malformed("too large")
    asked: dict[str, Any] = {}
    hints: tuple[str, ...] = ()
    if query:
        pairs = _unique(_form(query), fold=fold)
        asked = {name: value for name, value in pairs.items() if value}
        hints = tuple(name for name, value in pairs.items() if not value)
    text = body.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
    if not text:
        return Parameters(asked, hints)
    kind = content_type.lower()
    if text[:1] == b"{":
        values = folded(parse_json(text)) if fold else parse_json(text)
    elif kind.startswith("multipart/form-data"):
        values = _unique(_multipart(body, content_type), fold=fold)
    elif "json" in kind or text[:1] in {b"[", b'"'}:
        raise Malformed("not an object")
    else:
        values = _unique(_form(text), fold=fold)
    for name, value in asked.items():
        if values.get(name) in (None, ""):
            values[name] = value
    if len(values) > FIELDS_MAX:
        raise Malformed("too many fields")
    return Parameters(values, hints)


def parse_json(text: bytes) -> dict[str, Any]:
    """A JSON object, names as written. Refuses, with ``Malformed``, what ``parse_json_value`` does."""
    found = parse_json_value(text)
    if not isinstance(found, dict):
        raise Malformed("not an object")
    return found


def parse_json_value(text: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """A JSON value of any kind, names as written.

    Refuses, with ``Malformed``: a name twice in one object, NaN and infinities, control characters other than
    tab and line ends, lone surrogates, more than 32 levels, anything after the value.
    """
    if text.count(b"[") + text.count(b"{") > DEPTH_MAX and not _is_shallow(text):
        raise Malformed("too deep")
    try:
        decoded = text.decode()
        found = _decoder.decode(decoded)
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    if "\\" in decoded or "\x7f" in decoded:
        _check_texts(found)
    return found


def folded(members: Mapping[str, Any]) -> dict[str, Any]:
    """The same values by lower-cased names. Two that differ by case alone are one name twice: ``Malformed``.

    Only ASCII letters have two cases here: no foreign letter stands for one of ours.
    """
    if "".join(members).isascii():
        values = {name.lower(): value for name, value in members.items()}
        if len(values) != len(members):
            raise Malformed("repeated name")
        return values
    return _unique(members.items(), fold=True)


def flattened(members: Mapping[str, Any]) -> dict[str, Any]:
    """The same values with those of nested objects beside them, as ``outer.inner``. Lists stay what they are.

    For contracts whose parameters come in groups: a field is then named by its path. Raises ``Malformed``.
    """
    flat = dict(members)
    for name, value in members.items():
        if len(name) > PATH_MAX:
            raise Malformed("name too long")
        if isinstance(value, dict):
            inner = {f"{name}.{path}": item for path, item in flattened(folded(value)).items()}
            if not flat.keys().isdisjoint(inner):
                raise Malformed("repeated name")
            flat |= inner
    return flat


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("repeated name")
    return found


def _no_constant(_name: str) -> NoReturn:
    raise Malformed("not a number")


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Number, parse_int=Number, parse_constant=_no_constant
)

_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _is_shallow(text: bytes) -> bool:
    """Whether the brackets outside strings nest no deeper than allowed.

    No recursion and no loop over bytes: each round peels off the innermost pairs, so a text is as deep as
    it has rounds. Brackets that have no partner never go away; what pairs wrongly is the decoder's to refuse.
    """
    unescaped = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside_strings = b"".join(unescaped.split(b'"')[::2])
    brackets = outside_strings.translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(DEPTH_MAX):
        brackets = brackets.replace(b"[]", b"")
    return not brackets


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


def _unique(pairs: Iterable[tuple[str, Any]], *, fold: bool) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        known = name.lower() if fold and name.isascii() else name
        if known in values:
            raise Malformed("repeated name")
        values[known] = value
    return values


def _form(text: bytes) -> Iterable[tuple[str, str]]:
    """Names and values of a query string or an URL-encoded form. A bare name has an empty value."""
    if text.count(b"&") >= FIELDS_MAX:
        raise Malformed("too many fields")
    for pair in text.split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            if not name:
                raise Malformed("no name")
            yield _unquoted(name), _unquoted(value)


def _unquoted(text: bytes) -> str:
    if text.isalnum():  # ASCII letters and digits: most names and many values
        return text.decode()
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
    """The text fields of a multipart form. Files, preambles and epilogues are refused."""
    match = _BOUNDARY.search(content_type)
    boundary = (match[1] or match[2]) if match else ""
    if not 0 < len(boundary) <= _BOUNDARY_MAX or not boundary.isascii():
        raise Malformed("no boundary")
    first, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode(), FIELDS_MAX + 2)
    if len(parts) > FIELDS_MAX + 1:
        raise Malformed("too many fields")
    if first.strip() or not parts or parts.pop().rstrip() != b"--":
        raise Malformed("not multipart")
    for part in parts:
        # What follows the boundary on its line would make it another boundary.
        rest, line_end, after = part.partition(b"\r\n")
        head, blank, value = after.partition(b"\r\n\r\n")
        if rest.strip(b" \t") or not line_end or not blank:
            raise Malformed("bad part")
        yield _text(_part_name(head)), _text(value)


def _part_name(head: bytes) -> bytes:
    found: bytes | None = None
    for line in head.split(b"\r\n"):
        label, _, value = line.partition(b":")
        match label.lower():
            case b"content-disposition" if found is None:
                name = _TEXT_FIELD.fullmatch(value.strip(b" \t"))
                if name is None:
                    raise Malformed("not a text field")
                found = name[1] or name[2]
            case b"content-type" | b"content-length":
                pass
            case b"content-transfer-encoding" if value.strip().lower() in {b"7bit", b"8bit", b"binary"}:
                pass
            case _:
                raise Malformed("bad part")
    if found is None:
        raise Malformed("bad part")
    return found
