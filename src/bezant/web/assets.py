"""Static files, read once and served from memory under names that carry their hash.

A page names a file by ``url`` and its integrity by ``integrity``: a browser that cached an older version asks
for the newer one by another name, and refuses one that was changed on its way.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, Self

PATH: Final = "/static/"
_TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_HASH_DIGITS: Final = 16
# Files are read by name, so a script can import only those before it, and no two each other.
_IMPORT: Final = re.compile(rb"@([a-z]+\.js)@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A static file. ``integrity`` is a subresource integrity value, ``path`` where it is served."""

    name: str
    content: bytes = field(repr=False)
    packed: bytes = field(repr=False)
    content_type: str
    path: str
    integrity: str

    @classmethod
    def of(cls, name: str, content: bytes) -> Self:
        """The file ``name`` (``pages.css``) with this content."""
        stem, _, kind = name.rpartition(".")
        return cls(
            name=name,
            content=content,
            packed=gzip.compress(content, mtime=0),
            content_type=_TYPES[kind],
            path=f"{PATH}{stem}.{hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]}.{kind}",
            integrity="sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode(),
        )


class Assets:
    """The static files of the pages."""

    def __init__(self, assets: Mapping[str, Asset]) -> None:
        self._by_name = dict(assets)
        self._by_path = {asset.path: asset for asset in assets.values()}

    @classmethod
    def load(cls) -> Self:
        """Those of the package. ``@card.js@`` in a script becomes where that other one is served."""
        found: dict[str, Asset] = {}
        for file in sorted_files("static"):
            content = _IMPORT.sub(lambda named: found[named[1].decode()].path.encode(), file.read_bytes())
            found[file.name] = Asset.of(file.name, content)
        return cls(found)

    def __getitem__(self, name: str) -> Asset:
        return self._by_name[name]

    def at(self, path: str) -> Asset | None:
        """The file that is served there."""
        return self._by_path.get(path)


def sorted_files(folder: str) -> list[Traversable]:
    """The files of a folder of this package, by name."""
    found = (file for file in (files(__package__) / folder).iterdir() if file.is_file())
    return sorted(found, key=lambda file: file.name)
