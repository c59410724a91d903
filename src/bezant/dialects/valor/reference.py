"""The reference pages of this dialect, drawn from the very tables that dispatch, read, render and refuse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from string import digits

from bezant.dialects.valor import codes, families
from bezant.dialects.valor.codes import Error
from bezant.dialects.valor.dialect import Operation
from bezant.dialects.valor.operations import OPERATIONS
from bezant.dialects.wire.describe import FIELD_COLUMNS, REPLY_COLUMNS, field_rows, markdown, reply_rows

OPERATIONS_NAMED_MAX = 3
"""An error of more operations than this is told without their names."""

_ERRORS_HEAD = """\
# Errors of Valor's API

Drawn from the tables of the code: `bezant contract errors`. A row's mark says how sure it is: `sample`
(the vendor's published answers), `docs` (the vendor's reference), `client` (read by a public client),
`ours` (no source found).

"""
_DECLINES_HEAD = """
## Declines

`error_no` is E98, the HTTP status 400. A decline has a `txnid`, unless nothing was recorded.

"""
_OPERATIONS_HEAD = """\
# Operations of Valor's API

Drawn from the tables of the code: `bezant contract operations`. An operation is named by `txn_type`, in
any case of letters; its parameters come as JSON, form or query, and are checked in the order in which they
stand here. The errors are explained in [valor-errors.md](valor-errors.md).
"""


def errors_page() -> str:
    """Every error and every decline."""
    places = uses()
    errors = markdown(
        ("error_no", "desc", "HTTP", "when", "mark"),
        (
            (f"`{error.code}`", error.text, str(error.status), when(error, places), error.mark.value)
            for error in sorted(codes.ERRORS, key=_place)
        ),
    )
    declines = markdown(
        ("error_code", "switch_error_code", "mesg", "reason", "mark"),
        sorted(
            (
                f"`{decline.code}`",
                f"`{decline.switch}`" if decline.switch else "null",
                decline.text,
                reason.value.replace("_", " "),
                decline.mark.value,
            )
            for table in (codes.DECLINES, codes.GIFT_DECLINES)
            for reason, decline in table.items()
        ),
    )
    return _ERRORS_HEAD + errors + _DECLINES_HEAD + declines


def operations_page() -> str:
    """Every operation: how it is named, what it takes, what it answers."""
    return _OPERATIONS_HEAD + "".join(map(_section, OPERATIONS))


def when(error: Error, uses: Mapping[Error, list[str]]) -> str:
    """When an error is answered: in its own words, and for which parameters."""
    return "; ".join(filter(None, (error.when, *uses.get(error, ()))))


def uses() -> dict[Error, list[str]]:
    """For which parameters each error is answered, and where."""
    places: dict[Error, dict[tuple[str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for operation in OPERATIONS:
        for spec in (*operation.doors, *operation.fields):
            faults = {spec.invalid: "not valid"}
            if spec.missing is not None:
                faults[spec.missing] = "absent or not valid" if spec.missing == spec.invalid else "absent"
            for error, fault in faults.items():
                names = places[error][spec.name, fault]
                if operation.name not in names:
                    names.append(operation.name)
    return {error: list(_worded(found)) for error, found in places.items()}


def _worded(found: Mapping[tuple[str, str], list[str]]) -> Iterator[str]:
    together: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (parameter, fault), names in found.items():
        where = f" ({', '.join(names)})" if len(names) <= OPERATIONS_NAMED_MAX else ""
        together[fault, where].append(f"`{parameter}`")
    for (fault, where), parameters in together.items():
        yield f"{', '.join(parameters)} {fault}{where}"


def _place(error: Error) -> tuple[str, int]:
    """By letters, then by number: E5 before E10."""
    letters = error.code.rstrip(digits)
    return letters, int(error.code[len(letters) :])


def _section(operation: Operation) -> str:
    fields = (*operation.doors, *operation.fields)
    answers = "".join(
        "\nAnswer:\n\n" + markdown(REPLY_COLUMNS, reply_rows(layout))
        for layout in operation.layouts
        if layout is not families.DECLINE
    )
    declined = "\nIt may be declined (E98).\n" if families.DECLINE in operation.layouts else ""
    return (
        f"\n## {operation.title}\n\n{_named(operation)}\n\n"
        + markdown(FIELD_COLUMNS, field_rows(fields, lambda error: f"`{error.code}`"))
        + answers
        + declined
    )


def _named(operation: Operation) -> str:
    names = [f"`txn_type` {' or '.join(f'`{word}`' for word in operation.types)}"] if operation.types else []
    names += [
        " and ".join(f"`{name}` `{word}`" if word else f"query key `{name}`" for name, word in sign.items())
        for sign in operation.signs
    ]
    return f"Named by {', or by '.join(names)}."
