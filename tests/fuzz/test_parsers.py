"""A short hunt: what the corpus holds, and a fixed number of new inputs for every parser."""

from __future__ import annotations

import random

import pytest

from tests.fuzz import engine
from tests.fuzz.engine import TARGETS
from tests.fuzz.targets import Target, resealed

MUTATIONS = 1000
EXAMPLES = 40


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
class TestAParser:
    def test_takes_or_refuses_whatever_was_found_before(self, target: Target) -> None:
        files = engine.kept(target)
        assert files, "a target begins with inputs to go on from: make fuzz ARGS=--keep"
        troubles = {path.name: engine.outcome(target, data)[1] for path, data in files}
        assert {name: trouble for name, trouble in troubles.items() if trouble} == {}

    def test_takes_or_refuses_whatever_comes(self, target: Target) -> None:
        hunt = engine.fuzz(target, seed=1, examples=EXAMPLES, mutations=MUTATIONS)
        assert [(finding.trouble, finding.data) for finding in hunt.findings.values()] == []
        assert hunt.inputs > MUTATIONS


class TestTheHunt:
    def test_sees_an_error_and_makes_its_input_small(self) -> None:
        def check(data: bytes) -> str:
            if b"ab" in data:
                raise KeyError
            return str(len(data) % 2)

        target = Target(name="none", check=check, inputs=TARGETS[0].inputs)
        hunt = engine.Hunt(target)
        for data in (b"x", b"xy", b"xyz", b"123ab456"):
            hunt.offer(data)
        (finding,) = hunt.findings.values()
        assert finding.data == b"ab"
        assert finding.trouble.startswith("KeyError at test_parsers.py:")
        assert hunt.corpus == [b"x", b"xy"]

    def test_makes_the_same_inputs_of_the_same_seed(self) -> None:
        first, again = (
            [engine.mutated(random.Random(7), b"a=1&b=2", [b"c"]) for _ in range(9)] for _ in "ab"
        )
        assert first == again


class TestAnEnvelope:
    def test_that_was_sealed_is_opened(self) -> None:
        """Otherwise that nothing else opens would prove nothing."""
        assert resealed("4111111111111111", "A" * 40) == "4111111111111111"
