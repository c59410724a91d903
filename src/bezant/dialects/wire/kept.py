"""JSON that is kept as it came and looked into by nobody: bounded, every card number in it masked."""

from __future__ import annotations

from typing import Any

from bezant.core.vault import mask_card_numbers
from bezant.dialects.wire import body, codecs
from bezant.dialects.wire.codecs import Invalid, Reader


def json_object(*, length_max: int) -> Reader[str]:
    """A JSON object, or a text that is one, as JSON text of at most ``length_max`` characters."""

    def read(value: Any) -> str:  # noqa: ANN401 - any JSON value
        said = from_json(value)
        if not isinstance(said, dict):
            raise Invalid
        written = codecs.as_received(masked(said)).decode()
        if len(written) > length_max:
            raise Invalid
        return written

    return codecs.described(
        read,
        f"a JSON object, at most {length_max} characters",
        {"type": ["object", "string"], "maxLength": length_max},
    )


def from_json(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The value itself, or what its text says: forms send JSON as text."""
    if not isinstance(value, str) or isinstance(value, body.Number):
        return value
    try:
        return body.parse_json_value(value.encode())
    except (body.Malformed, UnicodeEncodeError):
        raise Invalid from None


def masked(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The same value with every card number in it masked. A number that is one becomes a text."""
    match value:
        case str():
            shown = mask_card_numbers(value)
            return value if shown == value else shown
        case dict():
            return {mask_card_numbers(name): masked(item) for name, item in value.items()}
        case list():
            return [masked(item) for item in value]
        case _:
            return value
