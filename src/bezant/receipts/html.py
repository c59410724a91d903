"""A receipt as HTML for mails: tables and styles in the tags, since mail programs drop everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bezant.core.languages import Language
from bezant.receipts.sheet import worded
from bezant.receipts.slip import Slip

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def html(slip: Slip, language: Language) -> str:
    """The receipt as an HTML fragment: one ``div``, styled, without anything to be fetched."""
    return _TEMPLATES.get_template("receipt.html").render(sheet=worded(slip, language))
