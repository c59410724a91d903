"""One path for every transaction: ``transactionType`` tells which it is."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final

from bezant.core.credentials import Scope
from bezant.core.outcomes import Refused
from bezant.dialects.ipospays import codes, fields
from bezant.dialects.ipospays.envelope import ACH, GIFT, TURNED_DOWN, show_turned_down
from bezant.dialects.ipospays.operation import Call, Form, Operation, Shown, Values
from bezant.dialects.ipospays.operations import batches, charges, follow_ups
from bezant.dialects.wire.codecs import Invalid, scalar

VERSIONS: Final = ("v1", "v2", "v3")
TYPE: Final = f"{codes.TRANSACTION}.transactionType"
_TYPE_NAMES: Final = (TYPE.lower(), f"{fields.OLDER}.transactionType".lower())
_STRICT: Final = re.compile(r"[A-Za-z0-9]{1,20}", re.ASCII)
"""What the vendor's hosts take for a reference (source: vendor docs)."""


async def _not_offered(_call: Call) -> Shown:
    raise _NotOffered


class _NotOffered(Exception):
    """There is no host for it."""


def _unserved(title: str) -> Form:
    return Form(
        title=title,
        fields=(fields.MERCHANT_ID, fields.REFERENCE),
        perform=_not_offered,
        layouts=(TURNED_DOWN,),
        note="Not offered: declined, and nothing is recorded.",
    )


def _answered(type_: int, perform: Callable[[Call], Awaitable[Shown]]) -> Callable[[Call], Awaitable[Shown]]:
    """What a transaction is answered with, also where the core refuses it: then with a decline."""

    async def answer(call: Call) -> Shown:
        style = call.services.style
        if style.strict_reference and _STRICT.fullmatch(call.reference) is None:
            return show_turned_down(codes.FORMAT_ERROR, style, reference=call.reference, type_=type_)
        try:
            return await perform(call)
        except _NotOffered:
            decline = codes.NOT_OFFERED
        except Refused as refused:
            if refused.reason not in codes.DECLINES:
                raise
            decline = codes.DECLINES[refused.reason]
        return show_turned_down(decline, style, reference=call.reference, type_=type_)

    return answer


FORMS: Final[Mapping[int, Form]] = {
    type_: replace(form, perform=_answered(type_, form.perform))
    for type_, form in sorted(
        {
            **charges.FORMS,
            **follow_ups.FORMS,
            **batches.FORMS,
            ACH: _unserved("ACH"),
            GIFT: _unserved("Gift"),
        }.items()
    )
}
"""By ``transactionType``."""
_BY_TEXT: Final = {str(type_): form for type_, form in FORMS.items()}


_UNTYPED: Final = Form(
    title="",
    fields=(fields.MERCHANT_ID, fields.REFERENCE),
    check=lambda _values: (codes.BAD_TYPE,),
    perform=_not_offered,
    layouts=(),
)


def _select(values: Values) -> Form:
    """The form of a request. One without a type is no transaction: nothing is refunded by default."""
    said = next((found for name in _TYPE_NAMES if (found := values.get(name)) not in (None, "")), "")
    try:
        return _BY_TEXT.get(scalar(said).strip(" "), _UNTYPED)
    except Invalid:
        return _UNTYPED


def paths(name: str, versions: tuple[str, ...] = VERSIONS) -> tuple[str, ...]:
    """A path in several versions."""
    return tuple(f"/api/{version}/{name}" for version in versions)


TRANSACTIONS: Final = Operation(
    name="transact",
    paths=paths("iposTransact"),
    scope=Scope.PAYMENT_TOKENIZATION,
    ecom_paths=frozenset(paths("iposTransact", ("v1", "v2"))),
    forms=tuple(FORMS.values()),
    select=_select,
)
