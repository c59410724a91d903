"""Client tokens and card tokens (vendor docs: create-page-token; form: public clients)."""

from __future__ import annotations

from datetime import datetime

from bezant.core.vault import Card
from bezant.dialects.valor import auth, codes
from bezant.dialects.valor.dialect import Call, Operation, Shown
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Fault, Field, Layout, Reply

CLIENT_TOKEN: Layout[tuple[str, datetime]] = Layout(
    Constant("error_no", "S00"),
    Constant("error_code", "00"),
    Reply("clientToken", codecs.json, lambda issued: issued[0]),
    Reply(
        "validity",
        codecs.moment(codecs.day_and_time),
        lambda issued: issued[1],
        "UTC; 30 minutes (our choice)",
    ),
)
CARD_TOKEN: Layout[Card] = Layout(
    Constant("error_no", "S00"),
    Constant("error_code", "00"),
    Reply("cardToken", codecs.json, lambda card: card.token),
)


async def _client_token(call: Call) -> Shown:
    issued = await call.services.gate.issue_client_token(call.caller)
    return Shown(CLIENT_TOKEN.render(issued), "S00")


async def _card_token(call: Call) -> Shown:
    if not call.values["pan"].passes_luhn():
        raise Fault(codes.BAD_CARD_NUMBER)
    card = await call.services.vault.keep(call.caller.merchant.merchant_id, call.values["pan"])
    return Shown(CARD_TOKEN.render(card), "S00")


OPERATIONS = (
    Operation(
        name="clientToken",
        title="GetClientToken",
        types=("clientToken",),
        fields=(),
        answer=_client_token,
        layouts=(CLIENT_TOKEN,),
    ),
    Operation(
        name="cardToken",
        title="Create Card Token",
        types=("cardToken",),
        fields=(
            Field(
                name="pan",
                read=codecs.card_number,
                missing=codes.BAD_CARD_NUMBER,
                invalid=codes.BAD_CARD_NUMBER,
                aliases=("cardnumber",),
            ),
            Field(
                name="expirydate",
                read=codecs.card_expiry,
                missing=codes.BAD_EXPIRY,
                invalid=codes.BAD_EXPIRY,
            ),
        ),
        answer=_card_token,
        layouts=(CARD_TOKEN,),
        door=auth.enter_with_client_token,
        doors=(auth.CLIENT_TOKEN, auth.EPI),
        open_to_browsers=True,
    ),
)
