"""A contract as rows for the documentation, drawn from the very tables that parse and render."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Field, Layout, Reply

E = TypeVar("E")

FIELD_COLUMNS = ("parameter", "needed", "value", "when absent", "when invalid", "note")
REPLY_COLUMNS = ("key", "value", "note")


def field_rows(fields: Sequence[Field[E]], error: Callable[[E], str]) -> Iterator[tuple[str, ...]]:
    """One row per parameter, in the order of the checks. ``error`` words a dialect's error."""
    for spec in fields:
        names = ", ".join(f"`{name}`" for name in (spec.name, *spec.aliases))
        needed = spec.missing is not None
        absent = error(spec.missing) if spec.missing is not None else _default(spec.default)
        yield names, "yes" if needed else "no", _words(spec.read), absent, error(spec.invalid), spec.note


def reply_rows(layout: Layout[Any]) -> Iterator[tuple[str, ...]]:
    """One row per key, in order."""
    for reply in layout.replies:
        yield f"`{reply.key}`", _value(reply), reply.note


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _default(default: object) -> str:
    return "" if default in (None, "") else f"`{default}`"


def _value(reply: Reply[Any]) -> str:
    if isinstance(reply, Constant):
        return f"always `{reply.write(None).decode()}`"
    # The plain writer takes what it is given: its type is the value's.
    words = "as it is" if reply.write is codecs.json else _words(reply.write)
    return f"{words}, left out when there is none" if reply.optional else words


def _words(codec: Callable[..., object]) -> str:
    """The first sentence of a codec's docstring, in Markdown's quotes."""
    return (codec.__doc__ or "").strip().partition("\n")[0].partition(". ")[0].replace("``", "`").rstrip(".")
