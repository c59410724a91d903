"""The search of bytes for canaries: as they stand, and unpacked where they were compressed."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from bezant.selfcheck.canaries import Canary, Kind, alone, forms

_PACKED: Final = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]", re.DOTALL)
"""How gzip and zlib streams begin."""
_ANY_HEADER: Final = 32 + zlib.MAX_WBITS
UNPACKED_BYTES_MAX: Final = 64 * 1024 * 1024
UNPACKED_BYTES_MIN: Final = 8
CASELESS: Final = ("hexadecimal", "URL-encoded", "JSON-escaped")
"""Forms that are written with small letters or with capitals."""
IN_MEMORY: Final = ("plain", "hexadecimal", "UTF-16, little end first", "packed decimal", "EBCDIC")
"""The forms that are looked for in a process's memory."""


class Search:
    """Looks for some canaries. ``only`` restricts the forms."""

    def __init__(self, canaries: Iterable[Canary], *, only: Iterable[str] | None = None) -> None:
        wanted = None if only is None else frozenset(only)
        sought = tuple(canaries)
        self._needles = [
            (canary, form, needle)
            for canary in sought
            for form, needle in forms(canary)
            if wanted is None or form in wanted
        ]
        lone = [canary for canary in sought if canary.kind is Kind.VERIFICATION]
        self._alone = alone(lone) if lone else None

    def traces(self, content: bytes) -> list[str]:
        """The canaries in some bytes: by form, kind and last signs."""
        found = self._stand(content)
        for unpacked in _unpacked(content):
            found += [f"{trace}, compressed" for trace in self._stand(unpacked)]
        return found

    def traces_in_text(self, content: bytes) -> list[str]:
        """The same in a text, where a verification value can be told from other digits, too."""
        found = self.traces(content)
        if self._alone is not None and any(match["value"] for match in self._alone.finditer(content)):
            found.append(f"alone: {Kind.VERIFICATION}")
        return found

    def _stand(self, content: bytes) -> list[str]:
        lower = content.lower()
        return [
            f"{form}: {canary!r}"
            for canary, form, needle in self._needles
            if needle in (lower if form.endswith(CASELESS) else content)
        ]


def _unpacked(content: bytes) -> Iterator[bytes]:
    for start in _PACKED.finditer(content):
        try:
            found = zlib.decompressobj(_ANY_HEADER).decompress(content[start.start() :], UNPACKED_BYTES_MAX)
        except zlib.error:
            continue  # it only looked like one
        if len(found) >= UNPACKED_BYTES_MIN:
            yield found
