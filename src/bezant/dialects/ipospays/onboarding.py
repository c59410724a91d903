"""Boarding and changing merchants (source: vendor docs; names of members that they leave open: our choice).

What is said of addresses, people and devices is checked for its form and not kept: nothing here needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from bezant.core.credentials import Scope
from bezant.core.merchants import ORIGIN, Endpoint, NewMerchant
from bezant.core.outcomes import Conflict
from bezant.core.people import Actor, ActorKind, OwnerRef
from bezant.dialects.ipospays import codes
from bezant.dialects.ipospays.codes import Error
from bezant.dialects.ipospays.fields import kept, twelve_digits
from bezant.dialects.ipospays.operation import Call, Form, Operation, Problems, Shown
from bezant.dialects.wire import codecs
from bezant.dialects.wire.codecs import Invalid, Reader, scalar
from bezant.dialects.wire.contract import Constant, Field, Layout, Reply

NAME_MAX: Final = 100
LABEL_MAX: Final = 50
ORIGIN_LENGTH_MAX: Final = 255
ORIGINS_MAX: Final = 100
TRIES: Final = 3
"""Of a terminal's random number, should it be taken. What is taken each time is its acquirer's number."""
TAKEN: Final = Error("tpnData.terminalNumber", "Terminal Number is already registered")


def _field(path: str, what: str, read: Reader[Any], *, needed: bool = False, **facts: Any) -> Field[Error]:  # noqa: ANN401 - a Field's own
    return Field(
        name=path,
        read=read,
        invalid=codes.invalid(path, what),
        missing=Error(path, f"{what} cannot be empty") if needed else None,
        **facts,
    )


@codecs.with_schema({"type": "string"})
def _zone(value: Any) -> ZoneInfo:  # noqa: ANN401 - any JSON value
    """A zone of the IANA data base, `America/New_York`."""
    name = scalar(value).strip(" ")
    if name not in available_timezones():
        raise Invalid
    return ZoneInfo(name)


@codecs.with_schema({"type": "array", "items": {"type": "string", "format": "uri"}, "maxItems": ORIGINS_MAX})
def _origins(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - any JSON value
    """A list of origins, `https://shop.example`: scheme, host and port, no path."""
    if not isinstance(value, list) or len(value) > ORIGINS_MAX:
        raise Invalid
    found = [ORIGIN.fullmatch(scalar(each).strip(" ")) for each in value]
    origins = {match[1].lower() for match in found if match is not None}
    if None in found or any(len(origin) > ORIGIN_LENGTH_MAX for origin in origins):
        raise Invalid
    return tuple(sorted(origins))


def _people(root: str) -> tuple[Field[Error], ...]:
    """Who and where: looked at, not kept."""
    return (
        _field(f"{root}.email", "Email", codecs.email(length_max=255)),
        _field(f"{root}.firstName", "First Name", kept(50)),
        _field(f"{root}.lastName", "Last Name", kept(50)),
        _field(f"{root}.address", "Address", kept(NAME_MAX)),
        _field(f"{root}.zip", "Zip", codecs.pattern(r"[0-9A-Za-z\- ]{3,10}")),
        _field(f"{root}.phone", "Phone", codecs.phone(minimum=1, maximum=15)),
    )


DBA: Final = _field("merchantData.dba", "DBA", kept(NAME_MAX), needed=True)
SANDBOX: Final = _field(
    "merchantData.sandbox", "Sandbox", codecs.flag, default=False, note="our addition: its clock can be moved"
)
STORE: Final = _field(
    "storeData.dba", "Store DBA", kept(NAME_MAX), note="the merchant's, where there is none"
)
ZONE: Final = _field(
    "storeData.timeZone", "Time Zone", _zone, default=ZoneInfo("America/New_York"), note="our addition"
)
LABEL: Final = _field("tpnData.label", "Label", kept(LABEL_MAX), default="VT #1")
MERCHANT_NUMBER: Final = _field(
    "tpnData.merchantNumber",
    "Merchant Number",
    twelve_digits,
    needed=True,
    note="as the acquirer knows the merchant (our name for a part of the processor's data)",
)
TERMINAL_NUMBER: Final = _field(
    "tpnData.terminalNumber",
    "Terminal Number",
    codecs.digits(minimum=8, maximum=8),
    needed=True,
    note="as the acquirer knows the terminal; no other terminal's (our name, too)",
)
FIELDS: Final = (
    DBA,
    SANDBOX,
    *_people("merchantData"),
    STORE,
    ZONE,
    *_people("storeData"),
    _field("storeData.mcc", "MCC", codecs.digits(minimum=4, maximum=4)),
    LABEL,
    MERCHANT_NUMBER,
    TERMINAL_NUMBER,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Boarded:
    merchant_id: int
    store_id: int
    tpn: str


BOARDED: Layout[_Boarded] = Layout(
    Constant("responseCode", "00"),
    Constant("responseMessage", "Success"),
    Reply("merchantId", codecs.json, lambda b: f"{b.merchant_id:012d}"),
    Reply("storeId", codecs.json, lambda b: str(b.store_id)),
    Reply("tpn", codecs.json, lambda b: b.tpn),
)


def _who(call: Call) -> tuple[OwnerRef, Actor]:
    """Whose key it is, and as whom the audit log names its holder."""
    assert call.bearer is not None, "a terminal's own token does not come here"
    owner = call.bearer.owner
    return owner, Actor(kind=ActorKind.API_KEY, name=f"key of {owner}", origin=call.address)


async def _onboard(call: Call) -> Shown:
    owner, actor = _who(call)
    wanted = NewMerchant(
        name=call[DBA],
        store=call[STORE] or call[DBA],
        zone=call[ZONE],
        label=call[LABEL],
        endpoint=Endpoint(merchant_number=call[MERCHANT_NUMBER], terminal_number=call[TERMINAL_NUMBER]),
        sandbox=call[SANDBOX],
    )
    for _ in range(TRIES):
        try:
            caller = await call.services.onboarding.board(actor, owner, wanted)
        except Conflict:
            continue
        profile = await call.services.profiles.assign(*caller.key)
        boarded = _Boarded(
            merchant_id=caller.merchant.merchant_id, store_id=caller.store.store_id, tpn=profile.number
        )
        return Shown(BOARDED.render(boarded), "00")
    raise Problems(TAKEN)


ONBOARD: Final = Operation(
    name="onboard_merchant",
    paths=("/v1/onboardmerchant",),
    scope=Scope.EXTERNAL_API,
    authorization=True,
    forms=(Form(title="Onboard a merchant", fields=FIELDS, perform=_onboard, layouts=(BOARDED,)),),
)

MERCHANT: Final = Field(
    name="merchantId",
    read=twelve_digits,
    missing=codes.BAD_BOARDED,
    invalid=codes.BAD_BOARDED,
    note="as onboarding answered it",
)
ORIGINS: Final = _field(
    "whitelistDomains.originUrls",
    "Origin URLs",
    _origins,
    needed=True,
    note="in place of those that the merchant has",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changed:
    merchant_id: str
    origins: tuple[str, ...]


CHANGED: Layout[_Changed] = Layout(
    Constant("responseCode", "00"),
    Constant("responseMessage", "Success"),
    Reply("merchantId", codecs.json, lambda c: c.merchant_id),
    Reply("whitelistDomains", codecs.json, lambda c: {"originUrls": list(c.origins)}),
)


async def _add_on(call: Call) -> Shown:
    owner, actor = _who(call)
    merchant_id: str = call[MERCHANT]
    origins: tuple[str, ...] = call[ORIGINS]
    if not await call.services.onboarding.set_origins(actor, owner, int(merchant_id), origins):
        raise Problems(codes.BAD_BOARDED)
    return Shown(CHANGED.render(_Changed(merchant_id=merchant_id, origins=origins)), "00")


ADD_ON: Final = Operation(
    name="merchant_add_on",
    paths=("/v2/merchant/add-on",),
    scope=Scope.EXTERNAL_API,
    authorization=True,
    forms=(
        Form(
            title="Edit a merchant",
            fields=(MERCHANT, ORIGINS),
            perform=_add_on,
            layouts=(CHANGED,),
            note="Where the merchant's own web pages are.",
        ),
    ),
)
