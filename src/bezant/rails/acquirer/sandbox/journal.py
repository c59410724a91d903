"""An append-only file of JSON lines that outlives a killed process.

Each line reaches the operating system before the answer that depends on it is written; it is not forced
to the disk, since the sandbox promises to survive a killed process, not a lost machine. A last line
without its end is what a kill left behind and is cut off. One process at a time may hold a journal.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

Record = TypeVar("Record")

_KEY_BYTES: Final = 32


class Journal(Generic[Record]):
    """Records of one tagged type, in the order in which they were added.

    Beside the file stands ``<name>.key``: random bytes, made once, for keyed fingerprints in it. Raises
    ``BlockingIOError`` when another process holds the file, ``msgspec.MsgspecError`` for lines that are
    no records.
    """

    def __init__(self, path: Path, record: type[Record]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise
        self._path = path
        self._lines: list[bytes] = []
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(record).decode
        self.key = self._read_key(path.with_name(path.name + ".key"))

    def replay(self) -> Iterator[Record]:
        """Every record so far. To be read before the first is added."""
        whole = 0
        with self._path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                yield self._decode(line)
        os.ftruncate(self._file, whole)

    def add(self, record: Record) -> None:
        """Take a record; ``flush`` writes it."""
        self._lines.append(self._encode(record))

    def flush(self) -> None:
        """Hand everything added to the operating system."""
        if self._lines:
            rest = b"\n".join((*self._lines, b""))
            self._lines.clear()
            while rest:
                rest = rest[os.write(self._file, rest) :]

    def close(self) -> None:
        """Write what is left and let go of the file."""
        self.flush()
        os.close(self._file)

    @staticmethod
    def _read_key(path: Path) -> bytes:
        key = path.read_bytes() if path.exists() else b""
        if len(key) == _KEY_BYTES:
            return key
        key = secrets.token_bytes(_KEY_BYTES)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(key)
        return key
