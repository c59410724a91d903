"""What is fuzzed: every function that takes bytes or texts from outside, each with what must hold for any.

A check takes any bytes. It answers with a word for what came of them, by which inputs that do something new
are recognised, or raises: ``AssertionError`` for a property that does not hold, anything else for what the
parser should not have let out.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

import click
import iso8583
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import strategies as st
from msgspec import structs

from bezant.cli.bins import FUNDINGS, ranges_in
from bezant.cli.spx import envelope_in
from bezant.core.gift import Ask
from bezant.core.money import Money
from bezant.core.sensitive import Pan
from bezant.core.vault import mask_card_numbers
from bezant.dialects.valor import vault_contract, vault_rest
from bezant.dialects.valor.operations import OPERATIONS
from bezant.dialects.wire import body, codecs
from bezant.dialects.wire.contract import Fault, read_all_fields, read_fields
from bezant.rails.acquirer import codec as acquirer
from bezant.rails.acquirer.spec import FRAME_MAX, MTI, SENSITIVE
from bezant.rails.gift import codec as gift
from bezant.storage.crypto import KeyTrouble
from bezant.storage.envelopes import IsoEnvelopes, open_envelope
from tests.rails.acquirer_cases import MESSAGES
from tests.rails.test_acquirer_codec_peer import LAYOUT

Check = Callable[[bytes], str]

_DIGITS: Final = frozenset("0123456789")
_BOUNDARY: Final = "b"
_HEADER: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One parser: its check, and inputs that get far into it."""

    name: str
    check: Check
    inputs: st.SearchStrategy[bytes]


# Bodies -----------------------------------------------------------------------------------------------------


def _query(data: bytes) -> str:
    """What a query string says is said again by the query string made of it."""
    try:
        found = body.parse(query=data, content_type="", body=b"")
    except body.Malformed as malformed:
        return malformed.reason
    written = urlencode([*found.values.items(), *((name, "") for name in found.hints)]).encode()
    if len(written) <= body.QUERY_BYTES_MAX:
        again = body.parse(query=written, content_type="", body=b"")
        assert again == found
    return f"values {min(len(found.values), 3)} hints {min(len(found.hints), 2)}"


def _form(data: bytes) -> str:
    kind = "application/x-www-form-urlencoded"
    try:
        found = body.parse(query=b"", content_type=kind, body=data).values
    except body.Malformed as malformed:
        return malformed.reason
    _assert_plain(found)
    if any(not isinstance(value, str) or isinstance(value, body.Number) for value in found.values()):
        return "JSON after all"
    written = urlencode(found).encode()
    if found and len(written) <= body.BYTES_MAX:
        assert body.parse(query=b"", content_type=kind, body=written).values == found
    return f"values {min(len(found), 3)}"


def _json(data: bytes) -> str:
    try:
        found = body.parse_json(data)
    except body.Malformed as malformed:
        return malformed.reason
    _assert_plain(found)
    written = codecs.as_received(found)
    assert body.parse_json(written) == found
    if not any(isinstance(value, body.Number) for value in _leaves(found)):
        assert json.loads(data) == found, "the standard library reads something else"
    try:
        folded = body.folded(found)
        flat = body.flattened(folded)
    except body.Malformed as malformed:
        return f"names: {malformed.reason}"
    assert folded.items() <= flat.items() or folded == flat
    return f"values {sorted({type(value).__name__ for value in found.values()})}"


def _multipart(data: bytes) -> str:
    kind = f'multipart/form-data; boundary="{_BOUNDARY}"'
    try:
        found = body.parse(query=b"", content_type=kind, body=data, fold=False).values
    except body.Malformed as malformed:
        return malformed.reason
    if any(not isinstance(value, str) or isinstance(value, body.Number) for value in found.values()):
        return "JSON after all"
    again = body.parse(query=b"", content_type=kind, body=_parts(found), fold=False).values if found else {}
    assert again == found
    return f"values {min(len(found), 3)}"


def _content_type(data: bytes) -> str:
    """Any content type: read or refused, never more."""
    try:
        found = body.parse(query=b"a=1", content_type=data.decode("latin-1"), body=_parts({"b": "2"}))
    except body.Malformed as malformed:
        return malformed.reason
    return f"values {len(found.values)}"


def _parts(values: dict[str, str]) -> bytes:
    head = 'Content-Disposition: form-data; name="{}"\r\n\r\n'
    parts = [f"--{_BOUNDARY}\r\n{head.format(name)}{value}\r\n" for name, value in values.items()]
    return ("".join(parts) + f"--{_BOUNDARY}--\r\n").encode(errors="replace")


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]


def _assert_plain(values: Any) -> None:
    """No text holds what would end a log line's field or cannot be written."""
    for leaf in _leaves(values):
        if isinstance(leaf, str):
            leaf.encode()
            assert not any(sign < " " and sign not in "\t\r\n" for sign in leaf)


# Values -----------------------------------------------------------------------------------------------------

_AMOUNT: Final = codecs.decimal(minor_max=9_999_999, zero=True, grouped=True)


def _amount(data: bytes) -> str:
    """An amount is ASCII digits, and worth what a decimal number of the same digits is worth."""
    text = _text(data)
    try:
        found = _AMOUNT(text)
    except codecs.Invalid:
        return "invalid"
    assert set(text) <= _DIGITS | {".", ","}
    assert Decimal(found.minor).scaleb(-2) == Decimal(text.replace(",", ""))
    assert _AMOUNT(found.decimal()) == _AMOUNT(found.shortest()) == found
    assert found.decimal() == codecs.decimal_text(found).decode().strip('"')
    return f"amount of {len(text)}{' with points' if '.' in text else ''}{' grouped' if ',' in text else ''}"


def _minor(data: bytes) -> str:
    text = _text(data)
    try:
        found = codecs.minor(minor_max=10**14, zero=True)(text)
    except codecs.Invalid:
        return "invalid"
    assert set(text) <= _DIGITS
    assert codecs.minor_text(found) == f'"{text}"'.encode()
    return f"amount of {len(text)}"


def _card(data: bytes) -> str:
    text = _text(data)
    try:
        found = codecs.card_number(text)
    except codecs.Invalid:
        return "invalid"
    number = found.reveal()
    assert set(number) <= _DIGITS
    assert 15 <= len(number) <= 19
    assert [sign for sign in text if sign in _DIGITS] == list(number)
    assert codecs.card_number(number) == found
    assert number not in repr(found)
    return f"{len(number)} digits"


def _expiry(data: bytes) -> str:
    text = _text(data)
    found = []
    for value in (text, body.Number(text)):
        try:
            found.append(codecs.card_expiry(value))
        except codecs.Invalid:
            continue
        assert set(found[-1]) <= _DIGITS
        assert 1 <= int(found[-1][2:]) <= 12
        assert codecs.card_expiry(found[-1][2:] + found[-1][:2]) == found[-1]
    return f"read {len(found)} times"


def _verification(data: bytes) -> str:
    text = _text(data)
    found = 0
    for value in (text, body.Number(text)):
        try:
            digits = codecs.card_cvv(value).reveal()
        except codecs.Invalid:
            continue
        assert set(digits) <= _DIGITS
        assert len(digits) in {3, 4}
        found += 1
    return f"read {found} times"


def _day(data: bytes) -> str:
    text = _text(data)
    try:
        found = codecs.calendar_day(text)
    except codecs.Invalid:
        return "invalid"
    assert found == codecs.calendar_day(found.isoformat()) == date.fromisoformat(found.isoformat())
    assert set(text.strip(" ")) <= _DIGITS | {"-"}
    return f"day of {len(text.strip(' '))}"


def _masking(data: bytes) -> str:
    """What is masked once stays as it is, and no card number is left."""
    text = _text(data)
    masked = mask_card_numbers(text)
    assert mask_card_numbers(masked) == masked
    assert len(masked) <= len(text)
    return "masked" if masked != text else "as it was"


_READERS: Final = {id(spec.read): spec for operation in OPERATIONS for spec in operation.fields}


def _readers(data: bytes) -> str:
    """Every reader of the contract takes or refuses any text and any number."""
    text = _text(data)
    taken = 0
    for spec in _READERS.values():
        for value in (text, body.Number(text), [text], {text: text}, None, True):
            try:
                spec.read(value)
            except codecs.Invalid:
                continue
            taken += 1
    return f"taken {taken}"


def _text(data: bytes) -> str:
    """A text such as the body parser lets through: without lone surrogates."""
    return data.decode(errors="replace")


# Requests ---------------------------------------------------------------------------------------------------


def _requests(data: bytes) -> str:
    """Every operation reads any body, or has its own error for it."""
    try:
        found = body.parse(query=b"", content_type="", body=data).values
    except body.Malformed as malformed:
        return malformed.reason
    read = 0
    for operation in OPERATIONS:
        try:
            read_fields(operation.fields, found)
        except Fault:
            continue
        read += 1
    return f"read by {read // 8 * 8}"


def _vault(data: bytes) -> str:
    try:
        found = body.parse(query=b"", content_type="", body=data).values
    except body.Malformed as malformed:
        return malformed.reason
    flaws = []
    for operation in vault_rest.OPERATIONS:
        values, wrong = read_all_fields(operation.fields, found)
        flaws.append(len(wrong))
        for item in values.get("address_details") or ():
            address, more = read_all_fields(vault_contract.ADDRESS, item)
            flaws.append(len(more))
            assert more or address["address_label"] is not None
        for flaw in wrong:
            assert flaw.said("data").isprintable()
    return f"flaws {flaws[0]} of {len(flaws)}"


# Rails ------------------------------------------------------------------------------------------------------


def _iso(data: bytes) -> str:
    """What is a message here is one to a public codec, with the same values, and is written as it was."""
    try:
        found = acquirer.decode(data)
    except acquirer.Garbled as garbled:
        return f"garbled, of which {len(garbled.remains)}"
    written = acquirer.encode(found)[_HEADER:]
    assert acquirer.decode(written) == found
    # An empty second bitmap may be left out; nothing else is written in two ways.
    assert written == data or len(written) == len(data) - 8
    values, _ = iso8583.decode(data, LAYOUT)
    assert {key: value for key, value in values.items() if key not in {"p", "1"}} == found
    assert all(f"'{key}': '***'" in repr(found) for key in SENSITIVE & found.keys())
    return f"{found[MTI]} with {len(found)}"


def _frames(data: bytes) -> str:
    """A stream has the same frames however it is cut, and what waits for its end is bounded."""
    size = 1 + (data[0] if data else 0) % 16
    stream = data[1:]
    bodies = []
    for pieces in ([stream], [stream[at : at + size] for at in range(0, len(stream), size)]):
        reader = acquirer.FrameReader()
        found: list[bytes] = []
        word = "whole"
        try:
            for piece in pieces:
                found += reader.feed(piece)
        except acquirer.Garbled:
            word = "lost"
        assert all(len(each) <= FRAME_MAX for each in found)
        bodies.append((word, found))
    assert bodies[0] == bodies[1]
    return f"{bodies[0][0]} {min(len(bodies[0][1]), 4)}"


def _elements(data: bytes) -> str:
    text = data.decode("latin-1")
    try:
        found = acquirer.unpack(text)
    except acquirer.Garbled:
        return "garbled"
    assert acquirer.pack(found) == text
    return f"{min(len(found), 4)} elements"


def _gift_request(data: bytes) -> str:
    try:
        found = gift.request_in(data)
    except gift.Garbled:
        return "garbled"
    assert gift.request_in(gift.line_of(found)) == found
    assert 0 <= found.amount < 10**15
    assert found.number is None or set(found.number) <= _DIGITS
    assert repr(found) == repr(structs.replace(found, number=None, pin=None))  # shows neither
    return f"{found.ask} {found.number is None} {found.pin is None} {found.original is None}"


def _gift_reply(data: bytes) -> str:
    try:
        found = gift.reply_in(data)
    except gift.Garbled:
        return "garbled"
    assert gift.reply_in(gift.line_of(found)) == found
    return f"reply {found.amount > 0} {found.balance > 0}"


# Files ------------------------------------------------------------------------------------------------------


def _ranges(data: bytes) -> str:
    """A list of number ranges is taken over or refused, and what is taken over is taken over again."""
    columns = dict.fromkeys(("prefix", "funding", "issuer", "country", "level", "category"))
    try:
        found = ranges_in(_lines(data), name="list", delimiter=",", columns=columns, source="s")
    except click.ClickException as refused:
        return type(refused).__name__
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(columns)
    for prefix, record in found.records.items():
        assert set(prefix) <= _DIGITS
        assert record.funding in FUNDINGS.values()
        facts = {name: getattr(record, name) for name in columns}
        assert all(fact is None or fact.isprintable() for fact in facts.values())
        writer.writerow(["" if fact is None else fact for fact in facts.values()])
    again = ranges_in(
        _lines(table.getvalue().encode()), name="list", delimiter=",", columns=columns, source="s"
    )
    assert again.records == found.records
    assert not again.skipped
    return f"ranges {min(len(found.records), 3)}, skipped {sorted(found.skipped)}"


def _lines(data: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", errors="replace", newline="")


@cache
def _private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _envelope(data: bytes) -> str:
    """Only an envelope that was sealed for a key opens with it."""
    try:
        token, found = envelope_in(data)
    except click.ClickException:
        return "no answer"
    try:
        open_envelope(_private_key(), found, token=token)
    except KeyTrouble:
        return "sealed for another"
    raise AssertionError("an envelope that nobody sealed was opened")


def resealed(pan: str, token: str) -> str:
    """What comes out of an envelope that was sealed for the key of these tests."""
    envelope = IsoEnvelopes({1: _private_key().public_key()}).seal(1, Pan(pan), token=token)
    assert envelope is not None
    data = {
        "token": token,
        "spx_encrypted_pan": in_base64(envelope.encrypted_pan),
        "spx_iso_session_key": in_base64(envelope.wrapped_key),
    }
    read, found = envelope_in(json.dumps({"data": data}).encode())
    return open_envelope(_private_key(), found, token=read).reveal()


def in_base64(raw: bytes) -> str:
    """Base64 text, with padding."""
    return base64.b64encode(raw).decode()


# Inputs -----------------------------------------------------------------------------------------------------

_SIGNS: Final = st.text(
    alphabet=st.sampled_from("0123456789.,-+ eE_xX/\u0660\u0661\uff11\u00b2\u2003\t\nNaInf")
)
_TEXTS: Final = st.one_of(_SIGNS, st.text(max_size=40)).map(lambda text: text.encode(errors="replace"))
_NAMES: Final = st.sampled_from(
    sorted({name for operation in OPERATIONS for spec in operation.fields for name in spec.names})
)
_VALUES: Final = st.one_of(
    _SIGNS, st.text(max_size=20), st.sampled_from(["20.00", "4111111111111111", "1236", "1", "0", "999"])
)
_MEMBERS: Final = st.dictionaries(st.one_of(_NAMES, st.text(max_size=8)), _VALUES, max_size=12)
_JSON: Final = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _VALUES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
_OBJECTS: Final = st.dictionaries(st.one_of(_NAMES, st.text(max_size=8)), _JSON, max_size=8).map(
    lambda members: json.dumps(members).encode()
)
_AMOUNTS: Final = st.integers(0, 9_999_999).flatmap(
    lambda minor: st.sampled_from([Money(minor).decimal(), Money(minor).shortest(), f"{minor / 100:,.2f}"])
)
_PLACES: Final = st.fixed_dictionaries(
    {},
    optional={spec.name: _VALUES for spec in vault_contract.ADDRESS},
)
_CUSTOMERS: Final = st.fixed_dictionaries(
    {"customer_name": _VALUES},
    optional={
        "address_details": st.lists(st.one_of(_PLACES, _JSON), max_size=3),
        **{
            spec.name: _VALUES
            for operation in vault_rest.OPERATIONS
            for spec in operation.fields
            if spec.name not in {"customer_name", "address_details"}
        },
    },
).map(lambda members: json.dumps(members).encode())
_REQUEST: Final[dict[str, st.SearchStrategy[Any]]] = {
    "id": st.integers(0, 9),
    "ask": st.sampled_from(list(Ask)),
    "reference": st.text(min_size=1, max_size=9),
    "program": st.text(min_size=1, max_size=9),
    "terminal": st.text(min_size=1, max_size=9),
    "amount": st.integers(-1, 10**15),
    "currency": st.sampled_from(["USD", "usd", "EGP"]),
}
_CARD: Final[dict[str, st.SearchStrategy[Any]]] = {
    "number": st.from_regex("[0-9]{12,20}"),
    "pin": st.from_regex("[0-9]{1,13}"),
    "original": st.text(),
}
_REQUESTS: Final = st.fixed_dictionaries(_REQUEST, optional=_CARD).map(
    lambda members: json.dumps(members).encode()
)
_REPLIES: Final = st.fixed_dictionaries(
    {"id": st.integers(), "reference": st.text(max_size=9), "code": st.text(max_size=3)},
    optional={"amount": st.integers(-1, 10**15), "balance": st.integers(-1, 10**15), "other": _JSON},
).map(lambda members: json.dumps(members).encode())
_ROWS: Final = st.lists(
    st.lists(st.one_of(_VALUES, st.sampled_from(["411111", "debit"])), max_size=7), max_size=6
)


def _csv(rows: list[list[str]]) -> bytes:
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["bin", "type", "issuer", "country", "level", "category"])
    writer.writerows(rows)
    return table.getvalue().encode(errors="replace")


_ENVELOPES: Final = st.fixed_dictionaries(
    {
        "token": _JSON,
        "spx_encrypted_pan": st.one_of(st.binary(max_size=60).map(in_base64), _JSON),
        "spx_iso_session_key": st.one_of(st.binary(max_size=300).map(in_base64), _JSON),
    }
).map(lambda data: json.dumps({"data": data}).encode())

TARGETS: Final = tuple(
    Target(name=name, check=check, inputs=inputs)
    for name, check, inputs in (
        ("query", _query, _MEMBERS.map(lambda members: urlencode(members, errors="replace").encode())),
        ("form", _form, _MEMBERS.map(lambda members: urlencode(members, errors="replace").encode())),
        ("json", _json, _OBJECTS),
        (
            "multipart",
            _multipart,
            _MEMBERS.map(_parts),
        ),
        (
            "content-type",
            _content_type,
            st.text(max_size=80).map(lambda text: f"multipart/form-data;{text}".encode()),
        ),
        ("amount", _amount, st.one_of(_AMOUNTS.map(str.encode), _TEXTS)),
        ("minor-amount", _minor, st.one_of(st.integers(0, 10**15).map(lambda n: str(n).encode()), _TEXTS)),
        ("card-number", _card, st.one_of(st.from_regex("[0-9][0-9 -]{12,25}").map(str.encode), _TEXTS)),
        ("expiry", _expiry, st.one_of(st.from_regex("[01]?[0-9]/?[0-9]{2}").map(str.encode), _TEXTS)),
        ("verification", _verification, _TEXTS),
        ("day", _day, st.one_of(st.dates().map(lambda day: day.isoformat().encode()), _TEXTS)),
        ("masking", _masking, st.one_of(st.from_regex("[a4][0-9 -]{12,45}[b0-9]").map(str.encode), _TEXTS)),
        ("readers", _readers, _TEXTS),
        ("requests", _requests, _OBJECTS),
        ("vault", _vault, _CUSTOMERS),
        ("iso8583", _iso, MESSAGES.map(lambda message: acquirer.encode(message)[_HEADER:])),
        (
            "frames",
            _frames,
            st.lists(MESSAGES.map(acquirer.encode), max_size=4).map(lambda frames: b"\3" + b"".join(frames)),
        ),
        (
            "private-elements",
            _elements,
            st.dictionaries(
                st.from_regex("[0-9A-Z]{2}", fullmatch=True), st.text("aZ9 ", max_size=9), max_size=5
            ).map(lambda elements: acquirer.pack(elements).encode()),
        ),
        ("gift-request", _gift_request, _REQUESTS),
        ("gift-reply", _gift_reply, _REPLIES),
        ("number-ranges", _ranges, _ROWS.map(_csv)),
        ("envelope", _envelope, _ENVELOPES),
    )
)


def growing(size: int) -> list[bytes]:
    """Inputs of about that size that make careless parsers slow."""
    fragments = (
        b"[",
        b'{"a":',
        b"&a=1",
        b"=",
        b"%",
        b"%41",
        b"0",
        b"9,",
        b" ",
        b"\xc2\xb2",
        b'"',
        b"\\",
        b"\r\n--b",
        b"--b\r\n",
    )
    more = (b"4111-1111 ", b"a=1&", b"\x00\x00", b"AA001a", b"411111,debit\n", b"1" * 18 + b" ", b'{"a":[')
    return [fragment * (size // len(fragment)) for fragment in (*fragments, *more)]
