"""What reads the requests and the tokens of iPOSpays' API, fuzzed.

There is no document to make requests from: they are made from the tables of the contract.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from hypothesis import strategies as st

from bezant.core.credentials import SCOPES, Claims, Refusal, SigningKey
from bezant.core.people import OrganizationKind, OwnerRef
from bezant.core.vault import mask_card_numbers
from bezant.dialects.ipospays import auth, card_fields, fields
from bezant.dialects.ipospays.operation import Form, Problems
from bezant.dialects.ipospays.transact import OPERATIONS
from bezant.dialects.wire import body, codecs
from bezant.dialects.wire.contract import Fault, Field, read_all_fields, read_fields
from bezant.storage.tokens import SignedTokens
from tests.fuzz.targets import Target

NOW: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)

_FORMS: Final[tuple[Form, ...]] = tuple(form for operation in OPERATIONS for form in operation.forms)
_ALL_FIELDS: Final = tuple({id(spec): spec for form in _FORMS for spec in form.fields}.values())
_CARD: Final = "4111111111111111"


# Parsers ----------------------------------------------------------------------------------------------------


def _requests(data: bytes) -> str:
    """Every form reads any body, or names what is wrong with it."""
    try:
        found = body.flattened(body.parse(query=b"", content_type="application/json", body=data).values)
    except body.Malformed as malformed:
        return malformed.reason
    flaws = set[int]()
    for operation in OPERATIONS:
        try:
            form = operation.form(found)
        except Problems:
            continue
        values, errors = read_all_fields(form.fields, found)
        errors += form.check(values)
        assert all(error.message.isprintable() for error in errors)
        flaws.add(len(errors))
        reference = values.get(fields.REFERENCE.name)
        assert reference is None or mask_card_numbers(reference) == reference
    return f"flaws {min(flaws)} to {max(flaws)}"


def _readers(data: bytes) -> str:
    """Every reader takes or refuses any text and any number."""
    text = data.decode(errors="replace")
    taken = 0
    for spec in (*_ALL_FIELDS, *card_fields.FIELDS):
        for value in (text, body.Number(text), [text], {text: text}, None, True):
            try:
                spec.read(value)
            except codecs.Invalid:
                continue
            taken += 1
    return f"taken {taken}"


def _token_requests(data: bytes) -> str:
    try:
        found = body.parse(query=b"", content_type="application/json", body=data).values
    except body.Malformed as malformed:
        return malformed.reason
    words = []
    for asked in (auth.AUTHENTICATE_FIELDS, auth.REFRESH_FIELDS, auth.SHOP_FIELDS):
        try:
            read_fields(asked, found)
        except Fault as fault:
            words.append(fault.error.code)
        else:
            words.append("read")
    return " ".join(words)


def _signed(data: bytes) -> str:
    """Only what was signed here is taken, whatever was read before."""
    tokens, keys, genuine = _signing()
    text = data.decode("latin-1")
    first, again = tokens.read(text, keys), tokens.read(text, keys)
    assert first == again
    assert isinstance(first, Refusal) == (text not in genuine)
    return first.value if isinstance(first, Refusal) else "signed"


@cache
def _signing() -> tuple[SignedTokens, list[SigningKey], list[str]]:
    tokens = SignedTokens(proven_max=2)
    key = asyncio.run(tokens.new_key(1, at=NOW))
    owners = (OwnerRef.merchant(7), OwnerRef.merchant(8), OwnerRef.iso(1))
    claims = [
        Claims(
            owner=owner,
            scopes=SCOPES[OrganizationKind.MERCHANT],
            unique_id="7a0a4c2e-2f57-4e0c-8a52-0d1b2c3d4e5f",
            issued_at=NOW,
            expires_at=NOW + timedelta(hours=1),
            stamp="dakey_x.1",
        )
        for owner in owners
    ]
    return tokens, [key], [tokens.write(each, key).reveal() for each in claims]


# Inputs -----------------------------------------------------------------------------------------------------

_VALUES: Final = st.one_of(
    st.text(max_size=20),
    st.text(alphabet="0123456789.,-+ eE_xX/\u0661\uff11\u00b2", max_size=20),
    st.sampled_from([_CARD, "1236", "100", "0", "1", True, "true", 4, "3", "A-1", "F" * 40]),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats()),
    st.lists(st.text(max_size=4), max_size=3),
    st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=3),
)


def said_with(specs: tuple[Field[Any], ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of these fields, nested as their names say, and something else."""
    names = st.sampled_from([name for spec in specs for name in (spec.name, *spec.aliases)])
    members = st.dictionaries(st.one_of(names, names, st.text(max_size=8)), _VALUES, max_size=8)
    return members.map(nested)


def nested(said: dict[str, Any]) -> dict[str, Any]:
    """Objects in objects, of names with dots; of two that cannot both be, the later one."""
    found: dict[str, Any] = {}
    for name, value in said.items():
        *outer, last = name.split(".")
        inner = found
        for place in outer:
            known = inner.get(place)
            inner[place] = inner = known if isinstance(known, dict) else {}
        inner[last] = value
    return found


def _as_json(said: dict[str, Any]) -> bytes:
    return json.dumps(said).encode()


TARGETS: Final = tuple(
    Target(name=name, check=check, inputs=inputs)
    for name, check, inputs in (
        ("transactions", _requests, said_with(_ALL_FIELDS).map(_as_json)),
        (
            "transaction-readers",
            _readers,
            st.text(max_size=40).map(lambda text: text.encode(errors="replace")),
        ),
        (
            "token-requests",
            _token_requests,
            said_with((*auth.AUTHENTICATE_FIELDS, *auth.REFRESH_FIELDS, *auth.SHOP_FIELDS)).map(_as_json),
        ),
        ("signed-token", _signed, st.deferred(lambda: st.sampled_from(_signing()[2]).map(str.encode))),
    )
)
