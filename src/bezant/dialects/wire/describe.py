"""A contract as rows for readers and as JSON schemas for machines, drawn from the tables that run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from bezant.dialects.wire import codecs
from bezant.dialects.wire.codecs import Schema, schema_of
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


def fields_schema(fields: Sequence[Field[Any]]) -> Schema:
    """The object that a request is: a property for each field, by its first name.

    Names go in any case of letters, an empty text or null is an absent value, and what is not named is not
    looked at; none of that is in the schema.
    """
    required = [spec.name for spec in fields if spec.missing is not None]
    return {
        "type": "object",
        "properties": {spec.name: _field_schema(spec) for spec in fields},
        **({"required": required} if required else {}),
    }


def layout_schema(layout: Layout[Any], plain: Mapping[str, Schema]) -> Schema:
    """The object that an answer is: these keys and no others.

    ``plain`` has, by key, what the writer puts there that takes any value as it is. Raises ``KeyError`` for
    a key that it does not have.
    """
    return {
        "type": "object",
        "properties": {reply.key: _reply_schema(reply, plain) for reply in layout.replies},
        "required": [reply.key for reply in layout.replies if not reply.optional],
        "additionalProperties": False,
    }


def _field_schema(spec: Field[Any]) -> Schema:
    found = schema_of(spec.read)
    assert isinstance(found, dict), f"no schema for {spec.name}"
    items = found.get("items")
    if isinstance(items, tuple):
        found = {**found, "items": fields_schema(items)}
    aliases = f"also named {' or '.join(spec.aliases)}" if spec.aliases else ""
    words = "; ".join(filter(None, (_words(spec.read).replace("`", ""), spec.note, aliases)))
    return {**found, "description": words}


def _reply_schema(reply: Reply[Any], plain: Mapping[str, Schema]) -> Schema:
    if isinstance(reply, Constant):
        found: Schema = {"const": msgspec.json.decode(reply.write(None))}
    elif reply.write is codecs.json:
        found = plain[reply.key]
    else:
        found = _drawn(schema_of(reply.write), plain)
    return {**found, "description": reply.note} if reply.note else found


def _drawn(schema: object, plain: Mapping[str, Schema]) -> Schema:
    """A schema in which layouts have become the schemas of their objects."""
    if isinstance(schema, Layout):
        return layout_schema(schema, plain)
    assert isinstance(schema, dict), "a writer without a schema"
    if isinstance(schema.get("items"), Layout):
        return {**schema, "items": layout_schema(schema["items"], plain)}
    return schema


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
