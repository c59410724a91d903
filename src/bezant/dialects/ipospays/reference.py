"""The reference pages of this dialect, drawn from the very tables that dispatch, read, render and refuse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from bezant.dialects.ipospays import auth, auth_codes, card_fields, codes
from bezant.dialects.ipospays.auth_codes import AuthError
from bezant.dialects.ipospays.codes import Error
from bezant.dialects.ipospays.door import REFUSALS
from bezant.dialects.ipospays.operation import Form, Operation
from bezant.dialects.ipospays.operations.transactions import FORMS
from bezant.dialects.ipospays.transact import OPERATIONS
from bezant.dialects.wire.contract import Field, Layout
from bezant.dialects.wire.describe import FIELD_COLUMNS, REPLY_COLUMNS, field_rows, markdown, reply_rows

_OPERATIONS_HEAD: Final = """\
# Operations of iPOSpays' API

Drawn from the tables of the code: `bezant contract ipospays-operations`. How keys and tokens are made is told
in [credentials.md](credentials.md), what goes wrong in [ipospays-codes.md](ipospays-codes.md).

A request is a JSON object with its token in the header `token`. A name with a dot is a member of an inner
object; letters' case does not count; an empty text or null is an absent value. All that is wrong with a
request is answered at once, in `errors`, with the status that the codes' page tells.
"""
_CODES_HEAD: Final = """\
# Errors and declines of iPOSpays' API

Drawn from the tables of the code: `bezant contract ipospays-codes`. A row's mark says how sure it is: `docs`
(the vendor's reference), `client` (read by a public client), `ours` (no source found).

## The token API

`{"errorCode": ..., "errorMessage": ...}`, with status 200 where `BEZANT_AUTH_ERRORS_OK` is 1.

"""
_PROBLEMS_HEAD: Final = """
## Problems of a request

`{"errors": [{"field": ..., "message": ...}]}`. Where the token is the trouble, `errorCode` and `errorMessage`
stand beside the list. Nothing was done.

"""
_DECLINES_HEAD: Final = """
## Declines

`responseCode` is `400`, in an answer with status 200. A refund that is not done is a problem of its request
instead, of the field `transactionRequest.rrn` or `transactionRequest.amount`, with the text as its message.

"""
_AUTH: Final = (
    ("Authenticate", "authenticate_token", auth.AUTHENTICATE_FIELDS, auth.ISSUED),
    ("Refresh", "refresh_token", auth.REFRESH_FIELDS, auth.ISSUED),
    ("Shop token", "shop_token", auth.SHOP_FIELDS, auth.SHOP_TOKEN),
)


def operations_page() -> str:
    """Every operation: where it is, what it takes, what it answers."""
    return _OPERATIONS_HEAD + "".join((*_token_sections(), *map(_section, OPERATIONS)))


def codes_page() -> str:
    """Every error and every decline."""
    tokens = markdown(
        ("code", "message", "status", "when", "mark"),
        (
            (f"`{each.code}`", each.message, str(each.status), each.when, each.mark.value)
            for each in auth_codes.ERRORS
        ),
    )
    problems = markdown(
        ("field", "message", "status", "code", "mark"),
        sorted(
            (
                f"`{each.field}`",
                each.message,
                str(each.status),
                f"`{each.code}`" if each.code else "",
                each.mark,
            )
            for each in _problems()
        ),
    )
    reasons = defaultdict(list)
    for reason, decline in codes.DECLINES.items():
        reasons[decline].append(reason.value.replace("_", " "))
    for decline, words in (
        (codes.NOT_OFFERED, "bank debits, gift cards"),
        (codes.NO_INCREMENT, "an increment on American Express"),
        (codes.FORMAT_ERROR, "a reference that `BEZANT_TRANSACT_STRICT_REFERENCE` does not allow"),
    ):
        reasons[decline].append(words)
    declines = markdown(
        ("`errResponseCode`", "`errResponseMessage`", "when", "mark"),
        sorted(
            (f"`{each.code}`", each.text, ", ".join(sorted(when)), each.mark.value)
            for each, when in reasons.items()
        ),
    )
    return _CODES_HEAD + tokens + _PROBLEMS_HEAD + problems + _DECLINES_HEAD + declines


def _problems() -> set[Error]:
    """Every problem that a table names: declared on a field, for a token, or for what the core refuses."""
    found = {each for each in vars(codes).values() if isinstance(each, Error)}
    found |= {*REFUSALS.values(), *codes.REFUSALS.values(), card_fields.FOREIGN}
    found |= _declared(card_fields.FIELDS)
    for operation in OPERATIONS:
        found.add(codes.not_registered(operation.scope.value))
        for form in operation.forms:
            found |= _declared(form.fields)
    return found


def _declared(fields: Iterable[Field[Error]]) -> set[Error]:
    return {each for spec in fields for each in (spec.missing, spec.invalid) if each is not None}


def _token_sections() -> Iterator[str]:
    for title, name, fields, layout in _AUTH:
        places = [place for place, operation in auth.OPERATIONS.items() if operation.name == name]
        paths = ", ".join(f"`{method} {path}`" for method, path in places)
        yield f"\n## {title}\n\n{paths}, in headers or in the body.\n\n"
        yield markdown(FIELD_COLUMNS, field_rows(fields, _auth_words))
        yield "\n" + _answers((layout,))
    yield "\n## Signing keys\n\n`GET /.well-known/jwks.json` answers the keys that prove tokens (RFC 7517).\n"
    yield f"\n## Payment token\n\n`POST {card_fields.PATH}` (our choice), a form or JSON, from any page.\n\n"
    yield markdown(FIELD_COLUMNS, field_rows(card_fields.FIELDS, _words))
    yield "\n" + _answers((card_fields.ISSUED,))


def _section(operation: Operation) -> str:
    paths = ", ".join(f"`{operation.method} {path}`" for path in operation.paths)
    titles = {id(form): type_ for type_, form in FORMS.items()}
    header = "`token` or `Authorization`" if operation.authorization else "`token`"
    page = f"\n## {operation.name.replace('_', ' ').capitalize()}\n\n{paths}. Scope `{operation.scope.value}`"
    page += f", in the header {header}."
    if operation.ecom_paths:
        lasting = ", ".join(f"`{path}`" for path in sorted(operation.ecom_paths))
        page += f" A terminal's auth token opens {lasting}, too."
    page += "\n"
    for form in operation.forms:
        type_ = titles.get(id(form))
        page += f"\n### {form.title}{'' if type_ is None else f': transactionType {type_}'}\n\n"
        page += _form(form)
    return page


def _form(form: Form) -> str:
    note = f"{form.note}\n\n" if form.note else ""
    return note + markdown(FIELD_COLUMNS, field_rows(form.fields, _words)) + "\n" + _answers(form.layouts)


def _answers(layouts: Iterable[Layout[Any]]) -> str:
    return "\n".join(markdown(REPLY_COLUMNS, reply_rows(layout)) for layout in layouts)


def _words(error: Error) -> str:
    return error.message


def _auth_words(error: AuthError) -> str:
    return f"`{error.code}`"
