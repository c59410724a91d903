"""What a contract is written in: the fields of a request and the keys of a reply, as tables.

The tables are run as they stand: ``read_fields`` reads by the first kind, a ``Layout`` renders by the second.
A field's position decides which error wins when several would apply. ``note`` carries the word on a fact's
source into the documentation, which ``describe.py`` draws from the same tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bezant.dialects.wire.codecs import Invalid, Reader, Writer, described, json

V = TypeVar("V")
E = TypeVar("E")


class Fault(Exception, Generic[E]):
    """A declared error of a dialect, on its way to be rendered."""

    def __init__(self, error: E) -> None:
        super().__init__("fault")
        self.error = error


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(Generic[E]):
    """One parameter: its names on the wire, how it is read, and the errors it gives.

    ``name`` is how the vendor spells it. Without ``missing`` it may be absent, and is then ``default``.
    ``length_max`` with ``too_long`` is for contracts that have an error of its own for that.
    """

    name: str
    read: Reader[Any]
    invalid: E
    missing: E | None = None
    aliases: tuple[str, ...] = ()
    default: Any = None
    note: str = ""
    length_max: int | None = None
    too_long: E | None = None
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(n.lower() for n in (self.name, *self.aliases)))


@dataclass(frozen=True, slots=True)
class Reply(Generic[V]):
    """One key of an answer: how it is written, and where its value comes from.

    With ``optional``, the key is left out when there is no value.
    """

    key: str
    write: Writer
    value: Callable[[V], Any]
    note: str = ""
    optional: bool = field(default=False, kw_only=True)


class Constant(Reply[Any]):
    """A key that always has the same value."""

    def __init__(self, key: str, value: object, note: str = "") -> None:
        written = json(value)
        super().__init__(key, lambda _: written, lambda _: None, note)


class Layout(Generic[V]):
    """A JSON object with its keys in order. The first of them cannot be optional."""

    __slots__ = ("_slots", "_template", "replies")

    def __init__(self, *replies: Reply[V]) -> None:
        self.replies = replies
        # All that never changes is one text with a place for each value: the fastest of the ways measured.
        template = b""
        slots: list[tuple[Writer, Callable[[V], Any]]] = []
        for reply in replies:
            member = b"," * bool(template) + json(reply.key) + b":"
            if isinstance(reply, Constant):
                template += (member + reply.write(None)).replace(b"%", b"%%")
                continue
            if reply.optional:
                assert template, "an optional key comes after another"
                template += b"%b"
                slots.append((_whole(member, reply.write), reply.value))
            else:
                template += member.replace(b"%", b"%%") + b"%b"
                slots.append((reply.write, reply.value))
        self._template = b"{" + template + b"}"
        self._slots = tuple(slots)

    def render(self, view: V) -> bytes:
        """The object that shows ``view``."""
        return self._template % tuple([write(value(view)) for write, value in self._slots])

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys in order."""
        return tuple(reply.key for reply in self.replies)


def _whole(member: bytes, write: Writer) -> Writer:
    """A key with its value, or nothing."""
    return lambda value: b"" if value is None else member + write(value)


def array(layout: Layout[V]) -> Writer:
    """A JSON array of such objects."""

    def write(views: Sequence[V]) -> bytes:
        return b"[" + b",".join([layout.render(view) for view in views]) + b"]"

    words = "a list of objects: " + ", ".join(f"`{key}`" for key in layout.keys)
    return described(write, words, {"type": "array", "items": layout})


def nested(layout: Layout[V]) -> Writer:
    """Such an object inside another."""

    def write(view: V) -> bytes:
        return layout.render(view)

    return described(write, "an object: " + ", ".join(f"`{key}`" for key in layout.keys), layout)


def check_presence(fields: Sequence[Field[E]], values: Mapping[str, Any]) -> None:
    """Raises ``Fault`` for the first field that is needed and absent: where that is told before all else."""
    for spec in fields:
        if spec.missing is not None and _sent(spec, values) is None:
            raise Fault(spec.missing)


def check_lengths(fields: Sequence[Field[E]], values: Mapping[str, Any]) -> None:
    """Raises ``Fault`` for the first field that is too long: where that is told before any other mistake."""
    for spec in fields:
        raw = _sent(spec, values)
        if spec.length_max is None or not isinstance(raw, str) or len(raw) <= spec.length_max:
            continue
        assert spec.too_long is not None, "a limit has its error"
        raise Fault(spec.too_long)


def read_fields(fields: Sequence[Field[E]], values: Mapping[str, Any]) -> dict[str, Any]:
    """The meaning of each field, by the vendor's name. An empty text is an absent value.

    ``values`` go by lower-cased names. Raises ``Fault`` with the error of the first field that has one.
    """
    found, errors = read_all_fields(fields, values)
    if errors:
        raise Fault(errors[0])
    return found


def read_all_fields(fields: Sequence[Field[E]], values: Mapping[str, Any]) -> tuple[dict[str, Any], list[E]]:
    """The same where an answer names every problem: what could be read, and all errors in order."""
    found: dict[str, Any] = {}
    errors: list[E] = []
    for spec in fields:
        # As ``_sent`` does it, without a call for each of the many fields that a request leaves out.
        for name in spec.names:
            raw = values.get(name)
            if raw is not None and raw != "":
                break
        else:
            found[spec.name] = spec.default
            if spec.missing is not None:
                errors.append(spec.missing)
            continue
        try:
            found[spec.name] = spec.read(raw)
        except Invalid:
            errors.append(spec.invalid)
    return found, errors


def _sent(spec: Field[E], values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    """The field's value by the first of its names that has one."""
    for name in spec.names:
        raw = values.get(name)
        if raw is not None and raw != "":
            return raw
    return None
