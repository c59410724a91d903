"""Random bytes from the system. When it has none, nothing can be sealed or named: one has to ask again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from bezant.core.outcomes import Unavailable

_NONE = "no random bytes"


def random_bytes(count: int) -> bytes:
    """So many. Raises ``Unavailable``."""
    try:
        return os.urandom(count)
    except (OSError, NotImplementedError):
        raise Unavailable(_NONE) from None


@contextmanager
def drawing() -> Iterator[None]:
    """Around whatever else draws from the system, such as ``secrets``. Raises ``Unavailable``."""
    try:
        yield
    except (OSError, NotImplementedError):
        raise Unavailable(_NONE) from None
