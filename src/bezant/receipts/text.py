"""A receipt as plain text, for mails and for whoever reads without pictures."""

from __future__ import annotations

from collections.abc import Iterator

from bezant.core.languages import Language
from bezant.receipts.sheet import Row, worded
from bezant.receipts.slip import Slip


def text(slip: Slip, language: Language) -> str:
    """Lines of text, each ended by a newline."""
    sheet = worded(slip, language)

    def blocks() -> Iterator[list[str]]:
        yield [line for line in (sheet.merchant, sheet.store, f"{sheet.title}: {sheet.kind}") if line]
        yield [sheet.standing, *_lines(*sheet.amounts, sheet.total)]
        if sheet.remaining is not None:
            yield _lines(*sheet.changes, sheet.remaining)
        yield _lines(*sheet.facts)
        if sheet.notice:
            yield [sheet.notice]

    return "\n\n".join("\n".join(block) for block in blocks()) + "\n"


def _lines(*rows: Row) -> list[str]:
    return [f"{row.label}: {row.value}" for row in rows]
