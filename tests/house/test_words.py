"""The project speaks of itself alone: its text must make sense on any machine, to any reader."""

from __future__ import annotations

import re

import pytest

from tests.support.tree import texts

# Each pattern is written so that it does not match its own line here.
FOREIGN = {
    "a path of somebody's machine": r"(?<![\w.~}])/(?:home|root|Users|work|farm|mnt)/\w",
    "the host of a package registry": r"\bpypi\.|pythonhosted\.|npmjs\.|deb\.debian\.",
    "where packages come from": r"--(?:extra-)?(?:index-url|find-links)\b",
    "a number in somebody's tracker": r"(?i)\b(?:issue|ticket|task|story) (?:no\. ?)?#?[0-9]",
    "work left for later": r"\b(?:TO[D]O|FIX[M]E)\b",
    "a key": r"-----BEGIN [A-Z ]*PRIVATE",
}


class TestAStranger:
    @pytest.mark.parametrize("what", FOREIGN)
    def test_reads_nothing_of_where_the_code_was_written(self, what: str) -> None:
        found = [
            f"{path}:{number}: {line.strip()[:100]}"
            for path, text in texts()
            if path.name != "LICENSE"
            for number, line in enumerate(text.splitlines(), start=1)
            if re.search(FOREIGN[what], line)
        ]
        assert found == []
