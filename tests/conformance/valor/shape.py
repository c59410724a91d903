"""What it means that an answer is like a sample: same keys in the same order, same JSON types, same texts.

``differences`` names each that is not so by its path. Texts are compared where they never change; the types
of all values are compared, and a key may only be null in one and not in the other where ``NULLABLE`` says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

SAMPLES: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "samples.json").read_bytes())
"""The vendor's published answers, by operation (source: vendor sample)."""

TEXTS: Final = frozenset(
    {
        # every family
        *(
            "error_no",
            "error_code",
            "success_url",
            "switch_error_code",
            "isFlexSendOrNot",
            "mesg",
            "msg",
            "channel",
        ),
        # sales: never filled in by the vendor
        *("clerk_id", "clerk_name", "clerk_label", "card_type", "zip", "additional_info"),
        *("additionalKeyOne", "additionalKeyTwo", "additionalValueOne", "additionalValueTwo"),
        # sales: what the sample's request said, or follows from it
        *(
            "amount",
            "tax",
            "customfee",
            "address",
            "is_partial_approve",
            "partial_amount",
            "pan",
            "netamt",
            "card_brand",
        ),
        *("phone_number", "card_holder_name", "expiry_date", "orderdescription", "invoicenumber"),
        # open batch
        *("status", "statusMsg", "epiInfo", "batchSummary", "openBatchDetails"),
        *("tip_amount", "cashback_amount", "custom_fee_amount", "tax_amount", "txamount", "masked_card_no"),
        *("card_scheme", "store_time_zone", "mid", "response_code", "is_voided", "is_auth_completed"),
        *("invoice_no", "surcharge_label", "txn_type", "txn_type_code", "pos_entry_mode"),
        # lists
        *("number_of_records", "page_number", "page_size"),
        *("CARD_TYPE", "LABEL", "TIMEZONE", "TXN_TYPE", "CARD_SCHEME", "PAN", "RESPONSE_CODE"),
        *("CARDHOLDER_NAME", "DBA_NAME", "INVOICE_NO", "POS_ENTRY_MODE", "BASE_AMOUNT", "CUSTOM_FEE_AMOUNT"),
        *("NET_AMOUNT", "TIP_AMOUNT", "TAX_DETAILS", "TOTAL_TAX", "TOTAL_WITH_TAX", "MID", "CASHBACK_AMOUNT"),
        *("DEVICE_MODEL", "POS_CONDITION_CODE", "IS_SETTLED", "REFUND_AMOUNT", "REFUND_COUNT", "IS_VOID"),
        *("IS_AUTH_COMPLETED", "IS_REVERSAL", "CARD_METADATA", "BILLING_STREET_NO", "BILLING_ZIPCODE"),
    }
)
"""Keys whose values are compared, too, with all that is inside them.

Not here are: what the gateway, the host or the vault gives (``txnid``, ``rrn``, ``stan``, ``tran_no``,
``batch_no``, ``approval_code``, ``token``), the terminal's own ``epi`` and ``tid``, dates and times, totals
of a list, and what the samples blur (``email_id``). ``desc`` is compared in refusals.
"""

PLACEHOLDER: Final = "0.01"
"""Stands in the samples for a value that is really 0 or empty."""

EXTRA: Final = frozenset({"ORDER_DESCRIPTION", "TAX_AMOUNT", "BILLING_STREET_NO", "BILLING_ZIPCODE"})
"""Keys of a list's rows that public clients read, whether a sample has them or not."""

NULLABLE: Final = frozenset(
    {"phone_number", "email_id", "card_holder_name", "address", "orderdescription", "invoicenumber"}
)
"""Optional fields of a request that its answer repeats."""


def differences(
    sample: Any, found: Any, *, texts: frozenset[str] = TEXTS, shortened: bool = False, path: str = ""
) -> Iterator[str]:
    """Where ``found`` is not like ``sample``.

    A ``shortened`` sample leaves out keys of its rows; those that it has are all there, in their order.
    """
    key = path.rpartition(".")[2]
    if isinstance(sample, dict) and isinstance(found, dict):
        yield from _keys(sample, found, shortened=shortened and "data" in path, path=path)
        for name in sample.keys() & found.keys():
            place = f"{path}.{name}"
            yield from differences(sample[name], found[name], texts=texts, shortened=shortened, path=place)
    elif isinstance(sample, list) and isinstance(found, list):
        if len(sample) != len(found):
            yield f"{path}: {len(found)} items for {len(sample)}"
        for number, (one, other) in enumerate(zip(sample, found, strict=False)):
            yield from differences(one, other, texts=texts, shortened=shortened, path=f"{path}[{number}]")
    elif _type(sample) != _type(found):
        if not (key in NULLABLE and None in {sample, found}):
            yield f"{path}: {_type(found)} for {_type(sample)}"
    elif texts & set(path.replace("[0]", "").split(".")) and sample not in {found, PLACEHOLDER}:
        yield f"{path}: {found!r} for {sample!r}"


def _keys(sample: dict[str, Any], found: dict[str, Any], *, shortened: bool, path: str) -> Iterator[str]:
    wanted = list(sample)
    if shortened:
        present = [name for name in found if name in sample]
    else:
        present = [name for name in found if name in sample or name not in EXTRA]
    if wanted != present:
        yield f"{path or 'answer'}: keys {present} for {wanted}"


def _type(value: Any) -> str:
    """The JSON type. Whole numbers and fractions are one: ``21`` and ``11.02``."""
    names = {bool: "boolean", int: "number", float: "number", str: "text", list: "list", dict: "object"}
    return "null" if value is None else names[type(value)]
