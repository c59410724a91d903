"""Bad values in every field of every operation: the error that the contract declares, and never a crash.

What each value means to a field is asked of the field itself; ``test_bad_input`` says it again by hand for
the operations that most clients use. Here it is shown that every operation answers as it declares, whatever
the field and the value, and that nothing but what was meant takes place.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import pytest

from bezant.dialects.valor.codes import Error
from bezant.dialects.valor.dialect import Operation
from bezant.dialects.valor.operations import OPERATIONS
from bezant.dialects.wire import body
from bezant.dialects.wire.contract import Fault, read_fields
from tests.e2e.valor.malformed import VALUES
from tests.e2e.valor.shop import EXPIRY, VISA, Till
from tests.e2e.valor.wire import ON_SQLITE, Wire, said_by, with_field
from tests.support.books import come_to_rest, disagreements, violations
from tests.support.gateway import Answer, Gateway

UNKNOWN: Final = "999999999"
_ITEM: Final = {"product_code": "A1", "item_name": "Apple", "unit_cost": "1"}
_GIFT_CARD: Final = {"pan": "7319520000019999999", "pin": "0000"}
_DECLINED_CARD: Final = {"amount": "9000.05", "cardnumber": VISA, "expirydate": EXPIRY}

BASES: Final[Mapping[str, Mapping[str, object]]] = {
    "sale": _DECLINED_CARD,
    "auth": _DECLINED_CARD,
    "incremental_auth": {"amount": "1.00", "ref_txn_id": UNKNOWN},
    "capture": {"amount": "1.00", "ref_txn_id": UNKNOWN},
    "tipadjust": {"amount": "1.00", "ref_txn_id": UNKNOWN},
    "refund": {"amount": "1.00", "ref_txn_id": UNKNOWN},
    "void": {"ref_txn_id": UNKNOWN},
    "ecommRefund": {"main_action": "Manage2FA", "operation": "ecommRefund", "amount": "1.00"},
    "txnfetch_date": {"start_date_range": "2026-01-01", "end_date_range": "2026-01-31"},
    "transaction_inquiry": {"invoicenumber": "nothing"},
    "binLookup": {"bin": "411111"},
    "encryptionfetch": {"txn_id": UNKNOWN},
    **{f"add{kind}": _ITEM for kind in ("Product", "Modifier")},
    **{f"edit{kind}": {"product_id": UNKNOWN} for kind in ("Product", "Modifier")},
    **{f"delete{kind}": {"product_id": UNKNOWN} for kind in ("Product", "Modifier")},
    "addDiscount": {"discount_name": "Offer", "amount_type": "0", "cost": "10"},
    "editDiscount": {"discount_id": UNKNOWN},
    "deleteDiscount": {"discount_id": UNKNOWN},
    **{f"gift{what}": {"amount": "1.00", **_GIFT_CARD} for what in ("sale", "addvalue", "activate")},
    **{f"gift{what}": _GIFT_CARD for what in ("balance", "deactivate")},
    "hostedpage": {"txn_type": "sale", "epage": "1", "amount": "20.00"},
    "qrcode": {"amount": "20.00"},
    **{name: {"uid": "0" * 32} for name in ("resendEinvoice", "cancelEinvoice")},
    **{name: {"receipt_type": "1", "ref_txn_id": UNKNOWN} for name in ("fetchReceipt", "eReceipt")},
    "giftrefund": {"amount": "1.00", "ref_txn_id": UNKNOWN},
    "giftvoid": {"ref_txn_id": UNKNOWN},
}
"""A request of each operation that needs something, right but for the one field that a test replaces."""

WITH_FIELDS: Final = [operation for operation in OPERATIONS if operation.fields]


@ON_SQLITE
@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.fields], ids=lambda each: each.name
)
def test_a_bad_value_is_answered_as_the_contract_declares(
    gateway: Gateway, till: Till, wire: Wire, operation: Operation
) -> None:
    wrong = {}
    for field in operation.fields:
        for name, value in VALUES.items():
            request = with_field(till, base_of(operation, till), field.name, value)
            said, expected = told(wire.post(request)), declared(operation, request)
            if said in {"E99", "E110"} or (expected is not None and said not in {expected, "-"}):
                wrong[field.name, name] = (expected, said)
    assert wrong == {}
    assert till.booked() == {}
    come_to_rest(gateway)
    assert violations(gateway) + disagreements(gateway) == []


def told(answer: Answer) -> str:
    """The code of an answer: ``S00`` for a list, which has none, and ``-`` for a refusal in words alone."""
    if "error_no" in answer.body:
        return said_by(answer)
    return "S00" if answer.status == HTTPStatus.OK else str(answer.body.get("error_code", "-"))


def base_of(operation: Operation, till: Till) -> dict[str, Any]:
    """A right request of an operation."""
    said = dict(BASES.get(operation.name, {}))
    if operation.types:
        said["txn_type"] = operation.types[0]
    if operation.name == "cardToken":
        token = till.call("clientToken").body["clientToken"]
        said |= {"client_token": token, "pan": VISA, "expirydate": EXPIRY}
    return said


def declared(operation: Operation, request: bytes) -> str | None:
    """The error that the fields of an operation declare for a request, if they have one."""
    try:
        read_fields(operation.fields, body.folded(body.parse_json(request)))
    except Fault as fault:
        error: Error = fault.error
        return error.code
    return None


def test_every_field_that_needs_a_value_has_one_in_the_table() -> None:
    for operation in OPERATIONS:
        if operation.name == "cardToken":  # it has a client token, made anew for each test
            continue
        needed = {field.name for field in operation.fields if field.missing is not None}
        assert needed <= set(BASES.get(operation.name, {})), operation.name
