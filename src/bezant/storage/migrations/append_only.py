"""Placeholder until the triggers are written."""

from typing import Any


def create(op: Any) -> None: ...
