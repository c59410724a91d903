"""What a contract is written in: fields of a request, keys of a reply, and the operations made of them.

A field's position decides which error wins when several would apply. ``note`` carries the word on a fact's
source into the generated documentation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bezant.dialects.wire.codecs import Invalid, Reader, Writer, json

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
    """

    name: str
    read: Reader[Any]
    invalid: E
    missing: E | None = None
    aliases: tuple[str, ...] = ()
    default: Any = None
    note: str = ""
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(n.lower() for n in (self.name, *self.aliases)))


@dataclass(frozen=True, slots=True)
class Reply(Generic[V]):
    """One key of an answer: how it is written, and where its value comes from."""

    key: str
    write: Writer
    value: Callable[[V], Any]
    note: str = ""


class Constant(Reply[Any]):
    """A key that always has the same value."""

    def __init__(self, key: str, value: object, note: str = "") -> None:
        written = json(value)
        super().__init__(key, lambda _: written, lambda _: None, note)


class Layout(Generic[V]):
    """A JSON object with its keys in order."""

    __slots__ = ("_parts", "replies")

    def __init__(self, *replies: Reply[V]) -> None:
        self.replies = replies
        self._parts = tuple(
            ((b"{" if not n else b",") + json(reply.key) + b":", reply.write, reply.value)
            for n, reply in enumerate(replies)
        )

    def render(self, view: V) -> bytes:
        """The object that shows ``view``."""
        pieces: list[bytes] = []
        for prefix, write, value in self._parts:
            pieces.append(prefix)
            pieces.append(write(value(view)))
        pieces.append(b"}")
        return b"".join(pieces)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys in order."""
        return tuple(reply.key for reply in self.replies)


def array(layout: Layout[V]) -> Writer:
    """A JSON array of such objects."""

    def write(views: Sequence[V]) -> bytes:
        return b"[" + b",".join(layout.render(view) for view in views) + b"]"

    return write


def nested(layout: Layout[V]) -> Writer:
    """Such an object inside another."""
    return layout.render


Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[E]):
    """One operation of a dialect: what it reads, in the order of its checks, and who answers it."""

    name: str
    title: str
    fields: tuple[Field[E], ...]
    handler: Handler
    layouts: Mapping[str, Layout[Any]]


def read_fields(fields: Sequence[Field[E]], values: Mapping[str, Any]) -> dict[str, Any]:
    """The meaning of each field, by the vendor's name. Raises ``Fault`` with the first error that applies.

    An empty text is an absent value.
    """
    found: dict[str, Any] = {}
    for spec in fields:
        raw = None
        for name in spec.names:
            raw = values.get(name)
            if raw is not None and raw != "":
                break
        if raw is None or raw == "":
            if spec.missing is not None:
                raise Fault(spec.missing)
            found[spec.name] = spec.default
            continue
        try:
            found[spec.name] = spec.read(raw)
        except Invalid:
            raise Fault(spec.invalid) from None
    return found
