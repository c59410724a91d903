"""What can be looked up: a number range, the calling device, a card encrypted for the sales organization.

Source: vendor samples; the requests of the first: public client, of the others: our choice.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bezant.core.merchants import Caller, Device, Profile
from bezant.core.vault import BinRecord, Export, ExportRefusal, ExportRefused, brand_of
from bezant.dialects.valor import auth, codes
from bezant.dialects.valor.dialect import Call, Operation, Shown
from bezant.dialects.valor.families import BRANDS, card_type
from bezant.dialects.valor.operations import fields
from bezant.dialects.valor.services import Services
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Fault, Field, Layout, Reply, nested

# Number ranges -------------------------------------------------------------------------------------------

BIN_DIGITS_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class _Range:
    digits: str
    record: BinRecord


BIN: Layout[_Range] = Layout(
    Constant("error_no", "S00"),
    Reply("pan_number", codecs.json, lambda r: r.digits, "as it was sent, never more than eight digits"),
    Reply("card_brand", codecs.json, lambda r: (BRANDS[brand_of(r.digits)] or "").upper()),
    Reply("card_type", codecs.json, lambda r: card_type(r.record), "D or C"),
    Constant("desc", "SUCCESS"),
)


async def _by_token_or_keys(services: Services, values: Mapping[str, Any], *, address: str) -> Caller:
    """A page calls with a client token (public client), a server with its keys (inferred)."""
    door = auth.enter_with_client_token if values.get("client_token") else auth.enter
    return await door(services, values, address=address)


async def _bin(call: Call) -> Shown:
    digits: str = call.values["bin"][:BIN_DIGITS_SHOWN]
    record = call.services.bins.find(digits)
    if record is None:
        raise Fault(codes.BAD_BIN)
    return Shown(BIN.render(_Range(digits, record)), "S00")


# Devices -------------------------------------------------------------------------------------------------

VIRTUAL_MODEL: Final = "139"
"""The model of a virtual terminal (vendor sample of the transaction list)."""
PROCESSOR: Final = "ISO 8583"


@dataclass(frozen=True, slots=True)
class _Shown:
    caller: Caller
    device: Device
    last_at: datetime | None


def _terminal_number(shown: _Shown) -> str | None:
    """The acquirer's number for it: of the traditional profile, if it has both."""
    endpoints = shown.caller.terminal.endpoints
    return next((endpoints[profile].terminal_number for profile in Profile if profile in endpoints), None)


def _type(shown: _Shown) -> str:
    model = shown.caller.terminal.device_model
    return "Virtual Terminal" if model == VIRTUAL_MODEL else model


_STORE: Layout[_Shown] = Layout(
    Reply("name", codecs.json, lambda d: d.caller.store.name),
    Reply("version_tid", codecs.json, _terminal_number),
    Constant("last_heartbeat", None),
)
_DEVICE: Layout[_Shown] = Layout(
    Reply("name", codecs.json, lambda d: d.caller.terminal.label),
    Reply("type", codecs.json, _type),
    Constant("serial_no", None),
    Reply("last_txn_date", codecs.moment(codecs.day_and_time), lambda d: d.last_at, "local; null if unused"),
    Constant("assigned_app_version", "1.0.0"),
    Constant("app_update", "enabled"),
    Constant("app_updated", None),
    Constant("param_update", "enabled"),
    Constant("param_updated", None),
    Constant("status", "active"),
    Reply("owner", codecs.json, lambda d: d.device.owner),
)
_PROFILES: Layout[_Shown] = Layout(
    Reply("Traditional", codecs.json, lambda d: int(Profile.TRADITIONAL in d.caller.terminal.endpoints)),
    Reply("Surcharge", codecs.json, lambda d: int(Profile.SURCHARGE in d.caller.terminal.endpoints)),
)
_PROCESSOR: Layout[_Shown] = Layout(
    Constant("name", PROCESSOR, "our acquirer link"),
    Reply("Profiles", nested(_PROFILES), lambda d: d, "which surchargeIndicator values it takes"),
)
DEVICE: Layout[_Shown] = Layout(
    Constant("error_no", "S00"),
    Reply("store", nested(_STORE), lambda d: d),
    Reply("device", nested(_DEVICE), lambda d: d),
    Reply("processor", nested(_PROCESSOR), lambda d: d),
)


async def _device(call: Call) -> Shown:
    device = await call.services.devices.of(call.caller)
    last_at = device.last_payment_at
    local = call.caller.local(last_at) if last_at else None
    return Shown(DEVICE.render(_Shown(call.caller, device, local)), "S00")


# Encrypted cards -----------------------------------------------------------------------------------------

EXPORT_ERRORS: Final = {
    ExportRefusal.NO_KEY: codes.EXPORT_OFF,
    ExportRefusal.UNKNOWN_CARD: codes.BAD_TRANSACTION_ID,
}


@dataclass(frozen=True, slots=True)
class _Sent:
    export: Export
    issuer: BinRecord | None


@codecs.with_schema({"type": "string", "contentEncoding": "base64", "pattern": "^[0-9A-Za-z+/]+=*$"})
def _base64(raw: bytes) -> bytes:
    """Base64 text, with padding."""
    return b'"%b"' % base64.b64encode(raw)


_CARD: Layout[_Sent] = Layout(
    Reply("cardholder_name", codecs.json, lambda s: s.export.cardholder),
    Reply("masked_pan", codecs.json, lambda s: f"XXXX{s.export.card.last4}"),
    Reply("token", codecs.json, lambda s: s.export.card.token),
    Reply("card_type", codecs.json, lambda s: card_type(s.issuer), "C or D, null for an unknown range"),
    Reply("card_brand", codecs.json, lambda s: BRANDS[s.export.card.brand]),
    Reply("spx_encrypted_pan", _base64, lambda s: s.export.envelope.encrypted_pan),
    Constant("spx_iso_key_label", "ISO_SPX"),
    Reply("spx_iso_session_key", _base64, lambda s: s.export.envelope.wrapped_key),
    Reply("customer_name", codecs.json, lambda s: s.export.customer, "null for a card of no customer"),
)
ENCRYPTED: Layout[_Sent] = Layout(
    Constant("error_no", "S00"),
    Constant("error_code", "00"),
    Reply("data", nested(_CARD), lambda s: s),
)


async def _encrypted(call: Call) -> Shown:
    payment_id, customer_id, profile_id = (call.values[name] for name in ("txn_id", "vault_id", "payment_id"))
    exports, caller = call.services.exports, call.caller
    try:
        if payment_id is not None:
            export = await exports.of_payment(caller, payment_id)
        elif customer_id is not None and profile_id is not None:
            export = await exports.of_profile(caller, customer_id=customer_id, profile_id=profile_id)
        else:
            raise Fault(codes.CARD_NOT_NAMED)
    except ExportRefused as refused:
        raise Fault(EXPORT_ERRORS[refused.refusal]) from None
    return Shown(ENCRYPTED.render(_Sent(export, call.services.bins.find(export.card.bin))), "S00")


def _id(name: str, *aliases: str) -> Field[codes.Error]:
    return Field(
        name=name,
        read=codecs.integer(minimum=1, maximum=fields.PAYMENT_ID_MAX),
        invalid=codes.BAD_TRANSACTION_ID,
        aliases=aliases,
    )


OPERATIONS = (
    Operation(
        name="binLookup",
        title="BIN Lookup",
        types=("binLookup", "bin_lookup"),
        fields=(
            Field(
                name="bin",
                read=codecs.pattern(r"[0-9]{6,19}"),
                missing=codes.BAD_BIN,
                invalid=codes.BAD_BIN,
                aliases=("pan_number",),
                note="six or eight digits; what is longer is cut off",
            ),
        ),
        answer=_bin,
        layouts=(BIN,),
        door=_by_token_or_keys,
        doors=(auth.CLIENT_TOKEN, *auth.MERCHANT_KEYS),
        open_to_browsers=True,
    ),
    Operation(
        name="deviceInfo",
        title="Device Info",
        types=("deviceInfo", "device_info"),
        fields=(),
        answer=_device,
        layouts=(DEVICE,),
    ),
    Operation(
        name="encryptionfetch",
        title="Encryption Fetch",
        types=("encryptionfetch", "encryption_fetch"),
        fields=(
            _id("txn_id", "ref_txn_id"),
            _id("vault_id", "vault_customer_id"),
            _id("payment_id"),
        ),
        answer=_encrypted,
        layouts=(ENCRYPTED,),
    ),
)
