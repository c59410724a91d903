"""This dialect as an OpenAPI 3.1 document, drawn from the very tables that dispatch, read and render.

All operations of the Merchant API share one path. In the document each has its own: what stands after ``#``
names the operation for tools and is never sent, since a fragment is no part of a request. The vault's
operations have paths of their own on the wire, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from bezant import __version__
from bezant.dialects.valor import families, vault_contract, vault_rest
from bezant.dialects.valor.codes import CRASHED, KEY_IN_FLIGHT, TRY_LATER, Error
from bezant.dialects.valor.dialect import Operation
from bezant.dialects.valor.keys import KEYS
from bezant.dialects.valor.operations import OPERATIONS
from bezant.dialects.valor.vault_rest import VaultOperation
from bezant.dialects.wire.codecs import Schema
from bezant.dialects.wire.contract import Field, Layout
from bezant.dialects.wire.describe import fields_schema, layout_schema

Part = dict[str, Any]

_DESCRIPTION: Final = """\
Drawn from the tables of the code: `bezant contract openapi`.

The Merchant API has one path, `POST /`; what stands after `#` in a path here names the operation and is not
sent. An operation is named by `txn_type` (or by what its schema says instead), in any case of letters. Its
parameters come as JSON, as an URL-encoded form, as a multipart form or in the query string; where a value
stands in the body and in the query, the body's counts. Names go in any case of letters. An empty text or null
is an absent value; what is not named here is not looked at; a name may stand once in each place.

A decline and an error have the HTTP status 400. A payment that was not approved has `error_no` E98.
"""
_FORMS: Final = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
_EXAMPLES: Final[Mapping[str, Part]] = {
    "sale": {
        "amount": "20.00",
        "surchargeIndicator": "0",
        "cardnumber": "4111111111111111",
        "expirydate": "1236",
        "cvv": "999",
    },
    "auth": {
        "amount": "20.00",
        "surchargeIndicator": "0",
        "cardnumber": "4111111111111111",
        "expirydate": "1236",
        "cvv": "999",
    },
    "giftsale": {"amount": "5.00", "pan": "6006491286999901778"},
    "binLookup": {"bin": "411111"},
    "hostedpage": {"amount": "20.00", "invoicenumber": "inv0001", "orderdescription": "king size bed 10x12"},
    "qrcode": {"amount": "20.00"},
    "addcustomer": {"customer_name": "John Smith"},
    "addpaymentprofile": {"pan_num": "4111111111111111", "expiry": "12/36", "cardholder_name": "John Smith"},
    "addachprofile": {"routing_number": "021000021", "account_number": "000123456789"},
}
_ID_FIELD: Final = "$response.body#/txnid"
_LINKS: Final[Mapping[str, tuple[tuple[str, Mapping[str, str]], ...]]] = {
    "sale": (
        ("refund", {"ref_txn_id": _ID_FIELD}),
        ("void", {"ref_txn_id": _ID_FIELD}),
        ("tipadjust", {"ref_txn_id": _ID_FIELD}),
        ("sale", {"token": "$response.body#/token"}),
        ("encryptionfetch", {"txn_id": _ID_FIELD}),
        ("transaction_inquiry", {"rrn": "$response.body#/rrn"}),
        ("closedbatch", {"batchNO": "$response.body#/batch_no"}),
    ),
    "auth": (
        ("capture", {"ref_txn_id": _ID_FIELD}),
        ("incremental_auth", {"ref_txn_id": _ID_FIELD}),
        ("void", {"ref_txn_id": _ID_FIELD}),
    ),
    "capture": (("void", {"ref_txn_id": _ID_FIELD}), ("tipadjust", {"ref_txn_id": _ID_FIELD})),
    "refund": (("void", {"ref_txn_id": _ID_FIELD}),),
    "clientToken": (
        ("cardToken", {"client_token": "$response.body#/clientToken"}),
        ("binLookup", {"client_token": "$response.body#/clientToken"}),
    ),
    "cardToken": (("sale", {"token": "$response.body#/cardToken"}),),
    "getProduct": (
        ("editProduct", {"product_id": "$response.body#/data/0/product_id"}),
        ("deleteProduct", {"product_id": "$response.body#/data/0/product_id"}),
    ),
    "getModifier": (
        ("editModifier", {"product_id": "$response.body#/data/0/product_id"}),
        ("deleteModifier", {"product_id": "$response.body#/data/0/product_id"}),
    ),
    "getDiscount": (
        ("editDiscount", {"discount_id": "$response.body#/data/0/discount_id"}),
        ("deleteDiscount", {"discount_id": "$response.body#/data/0/discount_id"}),
    ),
    "giftsale": (("giftrefund", {"ref_txn_id": _ID_FIELD}), ("giftvoid", {"ref_txn_id": _ID_FIELD})),
    "giftaddvalue": (("giftvoid", {"ref_txn_id": _ID_FIELD}),),
    "hostedpage": (
        ("resendEinvoice", {"uid": "$response.body#/uid"}),
        ("cancelEinvoice", {"uid": "$response.body#/uid"}),
    ),
    "ecommRefund": (("refund", {"uuid": "$response.body#/response/uuid"}),),
}
"""What may follow an operation: the next one, and what of the answer it is sent."""
_OF_CUSTOMER: Final = tuple(each.name for each in vault_rest.OPERATIONS if each.ids == ("customer",))
_REMOVED_BY: Final[Mapping[str, str]] = {"addpaymentprofile": "payment_id", "addachprofile": "ach_profile_id"}


def document() -> Part:
    """The document, as JSON values that are the caller's own."""
    schemas = _Schemas()
    paths = {
        **{f"/#{each.name}": {"post": _merchant(each, schemas)} for each in OPERATIONS},
        **{_path(each): _vault(each, schemas) for each in vault_rest.OPERATIONS},
    }
    found: Part = {
        "openapi": "3.1.0",
        "info": {"title": "Valor's API", "version": __version__, "description": _DESCRIPTION},
        "servers": [{"url": "http://127.0.0.1:8080", "description": "bezant serve --demo"}],
        "tags": [
            {"name": "merchant", "description": "the Merchant API, on one path"},
            {"name": "vault", "description": "the vault, over paths and methods"},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas.named,
            "securitySchemes": {
                "appId": {"type": "apiKey", "in": "header", "name": "Valor-App-ID"},
                "appKey": {"type": "apiKey", "in": "header", "name": "Valor-App-Key"},
            },
        },
    }
    return msgspec.json.decode(msgspec.json.encode(found), type=Part)


class _Schemas:
    """The schemas of a document: each stands there once and is referred to."""

    def __init__(self) -> None:
        self.named: dict[str, Schema] = {}
        self._names: dict[bytes, str] = {}

    def refer(self, name: str, schema: Schema) -> Schema:
        """A reference to ``schema``, under ``name`` unless it is there already."""
        known = self._names.setdefault(msgspec.json.encode(schema), name)
        self.named.setdefault(known, schema)
        return {"$ref": f"#/components/schemas/{known}"}

    def answer(self, name: str, layout: Layout[Any]) -> Schema:
        """A reference to the schema of a layout."""
        return self.refer(name, layout_schema(layout, KEYS))

    def family(self, name: str) -> Schema:
        """A reference to the schema of a family of errors."""
        return self.answer(_FAMILY_NAMES[name], families.ERROR_FAMILIES[name])


_FAMILY_NAMES: Final = {"ERR": "Error", "ERR-E03": "ErrorNotAllowed", "ERR-91": "ErrorUnknownTransaction"}


def page() -> str:
    """The document, as its file."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=1).decode() + "\n"


# The Merchant API -----------------------------------------------------------------------------------------


def _merchant(operation: Operation, schemas: _Schemas) -> Part:
    content = {
        "schema": schemas.refer(f"{operation.name}.request", _request(operation)),
        "example": {**_named(operation), **_EXAMPLES.get(operation.name, {})},
    }
    return {
        "operationId": operation.name,
        "summary": operation.title,
        "tags": ["merchant"],
        "description": _errors(operation),
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "the same key with the same request is carried out once",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
            },
        ],
        "requestBody": {
            "required": True,
            "description": "or the same parameters in the query string",
            "content": dict.fromkeys(_FORMS, content),
        },
        "responses": _responses(operation, schemas),
    }


def _named(operation: Operation) -> dict[str, str]:
    """The words that name an operation. A bare query key stands in the query only."""
    if operation.types:
        return {"txn_type": operation.types[0]}
    return dict(operation.signs[0])


def _request(operation: Operation) -> Schema:
    schema = fields_schema((*operation.doors, *operation.fields))
    names = _named(operation)
    words: Part = {name: {"const": word} for name, word in names.items()}
    if operation.types:
        words["txn_type"] = {"enum": list(operation.types)}
    schema["properties"] = {**words, **schema["properties"]}
    required = schema.get("required", [])
    if {"appid", "client_token"} <= set(required):
        # Either lets a caller in.
        schema["anyOf"] = [{"required": ["client_token"]}, {"required": ["appid", "appkey"]}]
        required = [name for name in required if name not in {"appid", "appkey", "client_token"}]
    schema["required"] = list(dict.fromkeys((*names, *required)))
    return schema


def _responses(operation: Operation, schemas: _Schemas) -> Part:
    success, *others = operation.layouts
    refusals = [
        schemas.answer("Decline" if layout is families.DECLINE else f"{operation.name}.refusal", layout)
        for layout in others
    ]
    if operation.refusal is None:
        error = schemas.family("ERR")
        refusals += [schemas.family(name) for name in families.ERROR_FAMILIES]
    else:
        error = schemas.answer(f"{operation.name}.error", operation.refusal)
        refusals += [error, schemas.family("ERR")]
    links = {
        f"{name}{number}": {"operationId": name, "requestBody": dict(sent)}
        for number, (name, sent) in enumerate(_LINKS.get(operation.name, ()))
    }
    done = _answer("Done", schemas.answer(f"{operation.name}.answer", success))
    return {
        "200": {**done, **({"links": links} if links else {})},
        "400": _answer("Declined, refused, or not understood", {"anyOf": refusals}),
        str(KEY_IN_FLIGHT.status): _answer(KEY_IN_FLIGHT.when, error),
        str(TRY_LATER.status): _try_later(error),
        str(CRASHED.status): _answer(CRASHED.when, error),
    }


def _errors(operation: Operation) -> str:
    """Which errors a parameter gives, in the order of their checks."""
    told: dict[Error, None] = {}
    for spec in (*operation.doors, *operation.fields):
        told |= dict.fromkeys(error for error in (spec.missing, spec.invalid) if error is not None)
    return "Errors: " + ", ".join(f"`{error.code}` {error.text}" for error in told) if told else ""


# The vault ------------------------------------------------------------------------------------------------


def _path(operation: VaultOperation) -> str:
    names = (f"{{{name}}}" for name in operation.ids)
    return "/".join(("/api", vault_rest.ROOTS[0], operation.name, *names))


def _vault(operation: VaultOperation, schemas: _Schemas) -> Part:
    return {method.lower(): _vault_operation(operation, method, schemas) for method in operation.methods}


def _vault_operation(operation: VaultOperation, method: str, schemas: _Schemas) -> Part:
    main = method == operation.methods[0]
    reads = method == "GET"
    failure = schemas.answer("VaultFailure", vault_contract.FAILED)
    done = _answer("Done", schemas.answer(f"{operation.name}.answer", operation.layout))
    links = dict(_vault_links(operation)) if main else {}
    id_schema = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
    found: Part = {
        "operationId": operation.name if main else f"{operation.name}_{method.lower()}",
        "summary": operation.title,
        "tags": ["vault"],
        "description": operation.note,
        "security": [{"appId": [], "appKey": []}],
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": id_schema} for name in operation.ids),
            *(_query(operation.fields) if reads else ()),
        ],
        "responses": {
            str(operation.status): {**done, **({"links": links} if links else {})},
            "400": _answer("Refused, or not understood", failure),
            "404": _answer("No such operation", failure),
            str(vault_rest.METHOD_NOT_ALLOWED): _answer("Not with this method", failure),
            str(TRY_LATER.status): _try_later(failure),
            str(CRASHED.status): _answer(CRASHED.when, failure),
        },
    }
    if operation.fields and not reads:
        schema = fields_schema(operation.fields)
        content: Part = {"schema": schemas.refer(f"{operation.name}.request", schema)}
        if operation.name in _EXAMPLES:
            content["example"] = _EXAMPLES[operation.name]
        # No form has a list of objects.
        forms = _FORMS if "address_details" not in schema["properties"] else _FORMS[:1]
        found["requestBody"] = {"required": True, "content": dict.fromkeys(forms, content)}
    return found


def _query(fields: tuple[Field[Any], ...]) -> Iterator[Part]:
    for name, schema in fields_schema(fields)["properties"].items():
        yield {"name": name, "in": "query", "schema": schema}


def _vault_links(operation: VaultOperation) -> Iterator[tuple[str, Part]]:
    """A customer can be added to and shown; what was added can be removed."""
    if operation.name == "addcustomer":
        for name in _OF_CUSTOMER:
            yield name, {"operationId": name, "parameters": {"customer": "$response.body#/vault_customer_id"}}
    if operation.name in _REMOVED_BY:
        key = _REMOVED_BY[operation.name]
        sent = {"customer": "$request.path.customer", "profile": f"$response.body#/{key}"}
        yield "deletepaymentprofile", {"operationId": "deletepaymentprofile", "parameters": sent}


# Pieces ---------------------------------------------------------------------------------------------------


def _answer(words: str, schema: Schema) -> Part:
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def _try_later(schema: Schema) -> Part:
    return {**_answer(TRY_LATER.when, schema), "headers": {"Retry-After": {"schema": {"type": "string"}}}}
