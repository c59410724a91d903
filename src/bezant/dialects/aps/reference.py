"""The reference pages of this dialect, drawn from the very tables that dispatch, read, render and refuse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from bezant.dialects.aps import codes
from bezant.dialects.aps.answers import NEVER_REPEATED
from bezant.dialects.aps.codes import Error, Message
from bezant.dialects.aps.operation import Form, Operation
from bezant.dialects.aps.operations import OPERATIONS
from bezant.dialects.wire.describe import FIELD_COLUMNS, field_rows, markdown

PARAMETERS_NAMED_MAX = 6
"""A message of more parameters than this is told without their names."""

_CODES_HEAD = """\
# Codes of Amazon Payment Services' API

Drawn from the tables of the code: `bezant contract aps-codes`. A `response_code` has five digits: two of a
status, three of a message. The HTTP status is 200, unless the gateway itself is in trouble (500, 503). A
row's mark says how sure its number is: `sample` (the vendor's published answers), `docs` (its reference),
`client` (read by a public client), `ours` (no source found). The wording is ours.

"""
_STATUSES_HEAD = """
## Statuses

A failure has its operation's status, unless `00` or `15` stands before its message in the tables.

"""
_REASONS_HEAD = """
## What the core refuses, and what the lender declines

"""
_OPERATIONS_HEAD = """\
# Operations of Amazon Payment Services' API

Drawn from the tables of the code: `bezant contract aps-operations`. Every request is a JSON object, posted
to `/FortAPI/paymentApi`. Parameters are checked in this order: all that are needed are there (00001), the
merchant (00009, 00015), the access code (00010), the signature (00008), lengths (00032), then each as it
stands here. An answer repeats every parameter of the request in the type in which it came, but not
{never_repeated}.
The codes are explained in [aps-codes.md](aps-codes.md).
"""


def codes_page() -> str:
    """Every message, every status, every reason."""
    found = uses()
    messages = markdown(
        ("message", "English", "Arabic", "when", "mark"),
        (
            (f"`{each.code}`", each.english, each.arabic, when(each, found), each.mark.value)
            for each in sorted(codes.MESSAGES, key=lambda message: message.code)
        ),
    )
    statuses = markdown(
        ("operation", "edition", "succeeded", "failed"),
        (
            (operation.word, edition, f"`{form.succeeded}`", f"`{form.failed}`")
            for operation in OPERATIONS
            for edition, form in _editions(operation)
        ),
    )
    reasons = markdown(
        ("reason", "status", "message"),
        sorted(
            (
                reason.value.replace("_", " "),
                f"`{error.status}`" if error.status else "the operation's",
                f"`{error.message.code}` {error.message.english}",
            )
            for reason, error in codes.REFUSALS.items()
        ),
    )
    return _CODES_HEAD + messages + _STATUSES_HEAD + statuses + _REASONS_HEAD + reasons


def operations_page() -> str:
    """Every operation: how it is named, what it takes, what it answers."""
    names = ", ".join(f"`{name}`" for name in sorted(NEVER_REPEATED))
    return _OPERATIONS_HEAD.format(never_repeated=names) + "".join(map(_section, OPERATIONS))


def when(message: Message, uses: Mapping[Message, list[str]]) -> str:
    """When a message is answered: in its own words, for which parameters, for which reasons."""
    return "; ".join(filter(None, (message.when, *uses.get(message, ()))))


def uses() -> dict[Message, list[str]]:
    """What each message is answered for, beside its own words."""
    found: dict[Message, list[str]] = defaultdict(list)
    for message, parameters in _parameters().items():
        named = sorted(parameters)
        few = len(named) <= PARAMETERS_NAMED_MAX
        found[message].append(", ".join(f"`{name}`" for name in named) if few else "many parameters")
    for reason, error in codes.REFUSALS.items():
        found[error.message].append(reason.value.replace("_", " "))
    return found


def _parameters() -> dict[Message, set[str]]:
    found: dict[Message, set[str]] = defaultdict(set)
    for operation in OPERATIONS:
        for _, form in _editions(operation):
            for spec in form.fields:
                for error in (spec.missing, spec.invalid, spec.too_long):
                    if error is not None:
                        found[error.message].add(spec.name)
    return found


def _editions(operation: Operation) -> Iterator[tuple[str, Form]]:
    if operation.classic == operation.current:
        yield "both", operation.current
    else:
        yield "current", operation.current
        yield "classic", operation.classic


def _section(operation: Operation) -> str:
    named = f"\n## {operation.title}\n\nNamed by `{operation.parameter}` `{operation.word}`.\n\n"
    current, classic = operation.current, operation.classic
    page = named + _fields(current) + f"\n{_answer(current)}\n\n" + _keys(current)
    if classic != current:
        page += f"\nIn the classic edition: {_answer(classic)}\n"
        page += "\n" + _fields(classic) if classic.fields != current.fields else ""
        page += "\n" + _keys(classic) if classic.keys != current.keys else ""
    return page


def _fields(form: Form) -> str:
    return markdown(FIELD_COLUMNS, field_rows(form.fields, _code))


def _keys(form: Form) -> str:
    return markdown(("key", "value", "note"), ((f"`{key.name}`", key.value, key.note) for key in form.keys))


def _answer(form: Form) -> str:
    kept_back = ", ".join(f"`{name}`" for name in sorted(form.kept_back))
    not_repeated = f" It does not repeat {kept_back}." if kept_back else ""
    return f"Answer: `{form.succeeded}` or `{form.failed}`.{not_repeated}"


def _code(error: Error) -> str:
    return f"`{error.status or '..'}{error.message.code}`"
