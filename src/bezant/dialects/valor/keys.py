"""What stands behind each key of an answer that is written as it is: a JSON schema by key.

Most keys mean the same wherever they stand; where they do not, the schema is as wide as all of them. The
descriptions that machines read are drawn with it, and generated requests hold the answers to it.
"""

from __future__ import annotations

from typing import Final

from bezant.dialects.valor.families import BRANDS
from bezant.dialects.wire.codecs import Schema

_TEXT: Final[Schema] = {"type": "string"}
_TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_SUM: Final[Schema] = {"type": "integer", "description": "minor units"}
_ID: Final[Schema] = {"type": "integer", "minimum": 1}
_BRANDS: Final = tuple(filter(None, BRANDS.values()))
_BRAND: Final[Schema] = {"enum": [*_BRANDS, None]}
_FLAG: Final[Schema] = {"enum": [0, 1]}
_FLAG_TEXT: Final[Schema] = {"enum": ["0", "1"]}
_YES_NO: Final[Schema] = {"enum": ["Yes", "No"]}


def _pattern(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^{pattern}$"}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


_TERMINAL: Final = _pattern("2[0-9]{9}")
_TOKEN: Final = {
    **_or_null(_pattern("[0-9A-F]{40}")),
    "examples": ["11FD46A0C3B51E72D94886F07A1B2C3D4E2A9A9E"],
}
_REFERENCE: Final = {**_or_null(_pattern("[0-9A-Za-z]{12}")), "examples": ["608305501153"]}
_APPROVAL_CODE: Final = {**_or_null(_pattern("[0-9A-Za-z]{6}")), "examples": ["TAS992"]}
_RESPONSE_CODE: Final = {**_pattern("[0-9A-Z]{2,3}"), "examples": ["00", "51"]}
_LINK: Final = _pattern("[0-9A-Za-z]{32}")
_NUMBER: Final = _pattern("[0-9]+")
_NUMBER_OR_NULL: Final = _or_null(_NUMBER)
_FOUR: Final = _pattern("XXXX([0-9]{4})?")
_LISTED_CARD: Final = _or_null(_pattern("[0-9]{4} XXXX XXXX [0-9]{4}"))
_PLACE: Final = ("customer_name", "street_no", "street_name", "unit", "city", "state", "zip")

KEYS: Final[dict[str, Schema]] = {
    "account_holder_name": _TEXT_OR_NULL,
    "account_number": _pattern(r"\*{4}[0-9]{4}"),
    "account_type": {"enum": ["C", "S", "G"]},
    "ach_profile_id": _ID,
    "additional_info": {"type": ["string", "object", "null"]},
    "address": _TEXT_OR_NULL,
    "address_label": _TEXT,
    "amount_type": _FLAG,
    "approval_code": _APPROVAL_CODE,
    "APPROVAL_CODE": _APPROVAL_CODE,
    "ATTEMPTS": _COUNT,
    "AUTH_CODE": _APPROVAL_CODE,
    "base_amount_totals": _SUM,
    "batch_no": {"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+$"},
    "BATCH_NO": _NUMBER,
    **{f"billing_{part}": _TEXT_OR_NULL for part in _PLACE},
    "BILLING_STREET_NO": _TEXT_OR_NULL,
    "BILLING_ZIPCODE": _TEXT_OR_NULL,
    "card_brand": {"enum": [*_BRANDS, *(brand.upper() for brand in _BRANDS), None]},
    "CARD_BIN": _or_null(_pattern("[0-9]{6}([0-9]{2})?")),
    "CARD_CATEGORY": _TEXT_OR_NULL,
    "card_holder_name": _TEXT_OR_NULL,
    "CARD_LEVEL": _TEXT_OR_NULL,
    "card_scheme": _BRAND,
    "CARD_SCHEME": _BRAND,
    "card_type": {"enum": ["C", "D", None]},
    "CARD_TYPE": {"enum": ["CREDIT", "DEBIT", None]},
    "cardholder_name": _TEXT_OR_NULL,
    "CARDHOLDER_NAME": _TEXT_OR_NULL,
    "cardToken": _TOKEN,
    "category": _TEXT_OR_NULL,
    "clientToken": _pattern("[0-9A-Za-z_-]{20,64}"),
    "code": {"type": "integer", "minimum": 400, "maximum": 599},
    "company_name": _TEXT_OR_NULL,
    "COUNTRY": _TEXT_OR_NULL,
    "custom_fee_totals": _SUM,
    "customer_email": _TEXT_OR_NULL,
    "customer_name": _TEXT_OR_NULL,
    "CUSTOMER_NAME": _TEXT_OR_NULL,
    "customer_phone": _TEXT_OR_NULL,
    "customfee": _TEXT,
    "dashboard_batchcount": _COUNT,
    "dashboard_netamount": _SUM,
    "DAYS_UNTILL_EXPIRATION": {"type": ["integer", "null"], "minimum": 0},
    "DBA_NAME": _TEXT,
    "desc": _TEXT,
    "description": _TEXT_OR_NULL,
    "DEVICE_MODEL": _TEXT,
    "discount_id": _ID,
    "discount_name": _TEXT,
    "email_id": _TEXT_OR_NULL,
    "emailId": _TEXT,
    "epi": _TERMINAL,
    "EPI": _TERMINAL,
    "epi_id": _TERMINAL,
    "eReceipt": _TEXT,
    "error_code": _pattern("[0-9A-Z]{2,4}"),
    "error_desc": _TEXT,
    "error_no": _pattern("([A-Z][0-9]{2,3}|91)"),
    "errors": {"type": ["array", "string"], "items": _TEXT},
    "expiry_date": _pattern("([0-9]{2})?/([0-9]{2})?"),
    "group_name": _TEXT_OR_NULL,
    "ID": _ID,
    "inventory": _YES_NO,
    "invoice_no": _TEXT_OR_NULL,
    "INVOICE_NO": _TEXT_OR_NULL,
    "invoicenumber": _TEXT_OR_NULL,
    "is_active": _FLAG_TEXT,
    "IS_AUTH_COMPLETED": _FLAG_TEXT,
    "IS_CUSTOMER_INFO_AVAIL": _FLAG,
    "is_deleted": {"enum": [0, 1, "0", "1"]},
    "is_enable_2fa": _FLAG,
    "is_partial_approve": _FLAG,
    "IS_QRCODE": _FLAG,
    "IS_REVERSAL": _FLAG_TEXT,
    "IS_SETTLED": {"enum": ["0", "1", ""]},
    "IS_VOID": _FLAG_TEXT,
    "is_voided": _FLAG,
    "IS_VOIDED": {"enum": ["1", ""]},
    "isFlexSendOrNot": _TEXT_OR_NULL,
    "ISSUING_BANK": _TEXT_OR_NULL,
    "item_name": _TEXT,
    "LABEL": _TEXT,
    "masked_card_no": _LISTED_CARD,
    "masked_pan": _FOUR,
    "max_tip": _NUMBER,
    "mesg": _TEXT,
    "mid": _NUMBER_OR_NULL,
    "MID": _NUMBER_OR_NULL,
    "msg": _TEXT,
    "name": _TEXT,
    "NEVER_EXPIRE": _FLAG,
    "number_of_records": _COUNT,
    "ORDER_DESCRIPTION": _TEXT_OR_NULL,
    "orderdescription": _TEXT_OR_NULL,
    "owner": _TEXT,
    "page_number": _ID,
    "page_size": _ID,
    "pan": _FOUR,
    "PAN": _LISTED_CARD,
    "pan_number": _pattern("[0-9]{6,8}"),
    "payment_id": _ID,
    "phone_number": _TEXT_OR_NULL,
    "phoneNumber": _TEXT,
    "pos_entry_mode": _NUMBER,
    "POS_ENTRY_MODE": _NUMBER,
    "precedence": _NUMBER,
    "product_code": _TEXT,
    "PRODUCT_DESCRIPTION": _TEXT_OR_NULL,
    "product_id": {"type": ["integer", "string"], "minimum": 1, "pattern": "^[0-9]+$"},
    "qr_code_url": _TEXT,
    "quantity": _NUMBER,
    "REF_TXN_ID": _NUMBER,
    "REFUND_COUNT": _NUMBER,
    "response_code": _RESPONSE_CODE,
    "RESPONSE_CODE": _RESPONSE_CODE,
    "routing_number": _pattern(r"\*{4}[0-9]{4}"),
    "rrn": _REFERENCE,
    "RRN": _REFERENCE,
    **{f"shipping_{part}": _TEXT_OR_NULL for part in _PLACE},
    "SMS_STATUS": _FLAG,
    "stan": {"type": ["integer", "null"], "minimum": 1, "maximum": 999_999, "examples": [687540]},
    "stan_no": _NUMBER_OR_NULL,
    "STAN_NO": _NUMBER_OR_NULL,
    "STATUS": {"enum": ["PENDING", "PROCESSING", "PAID", "SALE(VOIDED)", "EXPIRED", "CANCELED"]},
    "store_time_zone": _TEXT,
    "Surcharge": _FLAG,
    "SURCHARGE_INDICATOR": _FLAG,
    "SURCHARGE_PERCENTAGE": _TEXT,
    "switch_error_code": _TEXT_OR_NULL,
    "tax": _TEXT,
    "taxable": _YES_NO,
    "tid": _NUMBER_OR_NULL,
    "TIMEZONE": _TEXT,
    "tip_adjust": {"type": "boolean"},
    "tip_counts": _COUNT,
    "token": _TOKEN,
    "TOKEN": _TOKEN,
    "total_pages": _COUNT,
    "total_results": _COUNT,
    "total_tip_amount": _SUM,
    "total_transactions": _COUNT,
    "Traditional": _FLAG,
    "tran_no": {"type": ["integer", "null"], "minimum": 1, "examples": [1]},
    "TRAN_NO": _NUMBER_OR_NULL,
    "transaction_total_amount": _SUM,
    "transactionCount": _COUNT,
    "txn_id": _ID,
    "TXN_ID": {"type": ["integer", "null"], "minimum": 1},
    "txn_type": _TEXT,
    "TXN_TYPE": _TEXT,
    "txn_type_code": {"type": "integer", "minimum": 100, "maximum": 199},
    "txnid": {**_NUMBER_OR_NULL, "examples": ["10169526"]},
    "type": _TEXT,
    "uid": _LINK,
    "UID": _LINK,
    "url": _TEXT,
    "uuid": _TEXT,
    "vault_customer_id": _ID,
    "version_tid": _NUMBER_OR_NULL,
}
