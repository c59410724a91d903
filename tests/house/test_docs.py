"""The pages stay true to the tree, and the core to the glossary."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.far import FAR, FAULTS, LINKS
from tests.faults.links import ACQUIRER
from tests.faults.machine import CALENDAR, MEMORY, SHIMMED
from tests.faults.stores import HOST, LOGS, POSTGRESQL, VOLUME
from tests.support.tree import ROOT, SOURCE, modules, texts

_LINK = re.compile(r"\]\((?!https?:|mailto:|#)(?P<target>[^)#\s]+)[^)]*\)")
_ROW = re.compile(r"\| \*\*(?P<word>[^*]+)\*\* \|[^|]*\|(?P<elsewhere>[^|]*)\|")
_CLASS = re.compile(r"^class (\w+)", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)

GLOSSARY = list(_ROW.finditer((ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")))
PAGES = sorted((path for path, _ in texts() if path.suffix == ".md"), key=str)


class TestAReader:
    def test_is_met_by_a_readme(self) -> None:
        assert Path("README.md") in PAGES

    @pytest.mark.parametrize("page", PAGES, ids=str)
    def test_can_follow_every_link(self, page: Path) -> None:
        text = _FENCED.sub("", (ROOT / page).read_text(encoding="utf-8"))
        targets = [link["target"] for link in _LINK.finditer(text)]
        assert [target for target in targets if not (ROOT / page.parent / target).exists()] == []


class TestTheGlossary:
    def test_explains_a_word_once(self) -> None:
        words = [row["word"] for row in GLOSSARY]
        assert len(words) > 50
        assert sorted(set(words)) == sorted(words)

    def test_keeps_the_words_of_wires_out_of_the_core(self) -> None:
        foreign = {word for row in GLOSSARY for word in re.findall(r"`(\w+)`", row["elsewhere"])}
        assert "stan" in foreign
        slips = [
            f"{path}: {name}"
            for path, text in modules(SOURCE / "core")
            for name in _names(text)
            if any(f"_{word}_" in f"_{name.lower()}_" for word in foreign)
        ]
        assert slips == []


class TestTheTablesOfFaults:
    TEXT = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")

    def test_name_every_scenario(self) -> None:
        scenarios = (*ACQUIRER, *POSTGRESQL, *HOST, *VOLUME, *LOGS, *MEMORY, *SHIMMED, *CALENDAR)
        names = [*(scenario.name for scenario in scenarios), *FAULTS, FAR[-1].name]
        assert [name for name in names if f'"{name}"' not in self.TEXT] == []
        assert [link for link in LINKS if link not in self.TEXT] == []

    def test_name_tests_that_there_are(self) -> None:
        classes = {name for _, text in modules(ROOT / "tests") for name in _CLASS.findall(text)}
        named = re.findall(r"`(Test\w+)`", self.TEXT)
        assert len(named) > 15
        assert [name for name in named if name not in classes] == []


def _names(text: str) -> Iterator[str]:
    """Every name that a module gives or uses."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.alias(name=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case _:
                pass
