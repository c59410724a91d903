"""Rules for the code that linters do not know."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.support.tree import ROOT, modules

MODULE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70

_READS_BY_TYPE = re.compile(r"(?:json\.decode|msgpack\.decode|convert)\([^)]*\btype=")
_SILENCED = re.compile(r"#\s*(?:noqa: *[A-Z0-9, ]+[0-9]|type: *ignore\[[a-z, -]+\])(?P<reason>.*)")


class TestAReader:
    def test_finds_no_module_too_long_to_read_at_once(self) -> None:
        lengths = {str(path): text.count("\n") for path, text in modules()}
        assert {path: lines for path, lines in lengths.items() if lines > MODULE_LINES_MAX} == {}

    def test_finds_no_long_function_without_a_reason(self) -> None:
        """The reason is a comment on the line of the ``def``: ``# long: ...``."""
        long = []
        for path, text in modules():
            lines = text.splitlines()
            for function in _functions(text):
                assert function.end_lineno is not None
                length = function.end_lineno - function.lineno + 1
                if length > FUNCTION_LINES_MAX and "# long: " not in lines[function.lineno - 1]:
                    long.append(f"{path}:{function.lineno} {function.name} ({length} lines)")
        assert long == []

    def test_is_told_why_a_checker_is_silenced(self) -> None:
        """``# noqa: S105 - a reason, not a credential``; that a code is named is for ruff to see."""
        unexplained = [
            f"{path}:{number}"
            for folder in (ROOT / "src", ROOT / "tests")
            for path, text in modules(folder)
            for number, line in enumerate(text.splitlines(), start=1)
            if (silenced := _SILENCED.search(line)) and not silenced["reason"].strip(" -#")
        ]
        assert unexplained == []


def _functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


class TestTheDatabase:
    def test_is_never_asked_what_time_it_is(self) -> None:
        """So it does not matter how wrong its clock is: every instant that is stored or compared is ours."""
        asked = [
            f"{path}:{number}"
            for path, text in modules()
            for number, line in enumerate(text.splitlines(), start=1)
            if _DATABASE_CLOCK.search(line)
        ]
        assert asked == []


_DATABASE_CLOCK = re.compile(
    r"func\.(?:now|current_\w+|clock_timestamp|localtime\w*)|\b(?:CURRENT_(?:TIMESTAMP|TIME|DATE)|LOCALTIME\w*)\b"
    r"|\b(?:clock|statement|transaction)_timestamp\(|\bunixepoch\(|\bjulianday\(|'now'|\bSELECT\b.*\bnow\(\)",
)


class TestALane:
    def test_reads_nothing_by_a_type_that_another_is_just_learning(self) -> None:
        """A type is learned by msgspec when it is first needed, and whoever reads by it just then crashes.

        Lanes are threads: their stores make ``Decoder`` objects when they are loaded.
        """
        learning = [
            f"{path}:{number}"
            for path, text in modules(ROOT / "src" / "bezant" / "storage")
            for number, line in enumerate(text.splitlines(), start=1)
            if _READS_BY_TYPE.search(line)
        ]
        assert learning == []
