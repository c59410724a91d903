"""What commands share in how they are called: ``--json``, and examples at the end of ``--help``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])

AS_IS = "\b\n"
"""Before a paragraph that click shall not wrap."""


def json_option(command: F) -> F:
    """Give a command ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def example(*lines: str) -> str:
    """An epilog that shows command lines to copy."""
    title = "Example:" if len(lines) == 1 else "Examples:"
    return AS_IS + "\n".join((title, *(f"  {line}" for line in lines)))
