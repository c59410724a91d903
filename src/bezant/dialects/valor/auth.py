"""Credentials on the wire, in the order in which they are checked (codes: vendor samples; order: ours)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bezant.core.merchants import Caller, Denied, Rejection
from bezant.dialects.valor import codes
from bezant.dialects.valor.codes import Error
from bezant.dialects.valor.services import Services
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Fault, Field, read_fields

DENIALS: dict[Denied, Error] = {
    Denied.LOCKED: codes.TOO_MANY_FAILED,
    Denied.UNKNOWN_APP_ID: codes.BAD_APP_ID,
    Denied.WRONG_KEY: codes.BAD_APP_KEY,
    Denied.WRONG_TERMINAL: codes.BAD_EPI,
    Denied.WRONG_CLIENT_TOKEN: codes.AUTHENTICATION_FAILED,
}

# Lengths only: whether a credential is known is the gate's to say, and its answer is the same for all.
APP_ID = Field(
    name="appid",
    read=codecs.text(length_max=64),
    missing=codes.APP_ID_REQUIRED,
    invalid=codes.BAD_APP_ID,
    aliases=("app_id",),
    note="the alias: the vendor's older hosts",
)
APP_KEY = Field(
    name="appkey",
    read=codecs.secret(length_max=64),
    missing=codes.APP_KEY_REQUIRED,
    invalid=codes.BAD_APP_KEY,
    aliases=("auth_key",),
    note="the alias: the vendor's older hosts",
)
EPI = Field(
    name="epi",
    read=codecs.pattern(r"2[0-9]{9}"),
    missing=codes.EPI_REQUIRED,
    invalid=codes.BAD_EPI,
)
CHILD_EPI = Field(
    name="child_epi",
    read=codecs.pattern(r"2[0-9]{9}"),
    invalid=codes.BAD_EPI,
    note="multi-MID merchants name the parent in epi and the child here (vendor docs, void-api-1)",
)
CLIENT_TOKEN = Field(
    name="client_token",
    read=codecs.secret(length_max=64),
    missing=codes.AUTHENTICATION_FAILED,
    invalid=codes.AUTHENTICATION_FAILED,
)

_SAID_BY_FIELD = {Denied.WRONG_KEY: APP_KEY, Denied.WRONG_TERMINAL: EPI}

MERCHANT_KEYS = (APP_ID, APP_KEY, EPI, CHILD_EPI)


async def enter(services: Services, values: Mapping[str, Any], *, address: str) -> Caller:
    """The caller by app id, app key and EPI: an earlier check's error wins over a later one's."""
    app_id = _first(APP_ID, values)
    try:
        caller = await services.gate.enter(
            app_id=app_id, app_key=_raw(APP_KEY, values), number=_raw(EPI, values), address=address
        )
        child = _first(CHILD_EPI, values)
        return caller if child is None else await services.gate.child(caller, child)
    except Rejection as rejection:
        # Absent is said in other words than wrong, and only after what comes before it was right.
        if rejection.denied in _SAID_BY_FIELD:
            _first(_SAID_BY_FIELD[rejection.denied], values)
        raise Fault(DENIALS[rejection.denied]) from None


async def enter_with_client_token(services: Services, values: Mapping[str, Any], *, address: str) -> Caller:
    """The caller by client token and EPI."""
    token = _first(CLIENT_TOKEN, values)
    number = _first(EPI, values)
    try:
        return await services.gate.enter_with_client_token(
            token=token.reveal(), number=number, address=address
        )
    except Rejection as rejection:
        raise Fault(DENIALS[rejection.denied]) from None


def _raw(field: Field[Error], values: Mapping[str, Any]) -> str:
    """A credential as it was sent, for the gate to compare; nothing that could be one is empty."""
    for name in field.names:
        value = values.get(name)
        if value is not None and value != "":
            return value if isinstance(value, str) else ""
    return ""


def _first(field: Field[Error], values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what the field reads
    return read_fields((field,), values)[field.name]
