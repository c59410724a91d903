"""Finds inputs that break a target: its corpus, what hypothesis makes for it, mutations, and large inputs.

An input that a target answers in a way not seen before joins the corpus for the rest of the run, so that
mutations go on from there; what breaks a target is made as small as it goes. All follows from the seed.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import hypothesis

from tests.fuzz import targets, transactions
from tests.fuzz.generation import generating
from tests.fuzz.targets import Target, growing

TARGETS: Final = (*targets.TARGETS, *transactions.TARGETS)
CORPUS: Final = Path(__file__).parent / "corpus"
FRAGMENTS: Final = (
    *(b"\x00", b"\x1f", b"\x7f", b"\xff", b"\t", b" ", b"\r\n", b"\xef\xbb\xbf"),
    *(b"\xc2\xb2", b"\xd9\xa3", b"\xef\xbc\x91", b"\xed\xa0\x80", b"\\ud800", b"\\u0000"),
    *(b"0", b"-0", b"+1", b"0x1", b"1e9", b"1_000", b"9" * 20, b"NaN", b"null"),
    *(b"{}", b"[]", b'""', b"&", b"=", b";", b",", b"%00", b"%ff"),
    *(b"--b", b"--b--", b"Content-Disposition: form-data; name=a"),
)
LARGE_BYTES: Final = 16 * 1024
CPU_SECONDS_MAX: Final = 1.0
"""For an input of ``LARGE_BYTES``; twenty times what the slowest target needs."""
KEPT_MAX: Final = 400
SHOWN_MAX: Final = 160


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that broke a target, made small, and how."""

    target: str
    data: bytes
    trouble: str

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return CORPUS / self.target / f"finding-{hashlib.sha256(self.data).hexdigest()[:12]}"


@dataclass(slots=True)
class Hunt:
    """What came of fuzzing one target."""

    target: Target
    inputs: int = 0
    corpus: list[bytes] = field(default_factory=list)
    words: dict[str, bytes] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)

    def offer(self, data: bytes) -> None:
        """Try one input."""
        self.inputs += 1
        word, trouble = outcome(self.target, data)
        if trouble is not None:
            if trouble not in self.findings:
                small = smaller(data, lambda each: outcome(self.target, each)[1] == trouble)
                self.findings[trouble] = Finding(self.target.name, small, trouble)
        elif word not in self.words and len(self.words) < KEPT_MAX:
            self.words[word] = data
            self.corpus.append(data)


def outcome(target: Target, data: bytes) -> tuple[str, str | None]:
    """A target's word for an input, and what went wrong: the kind of error and where."""
    try:
        return target.check(data), None
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        assert trace is not None
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        return "", f"{type(error).__name__} at {place}"


def kept(target: Target) -> list[tuple[Path, bytes]]:
    """The target's corpus as it is in the repository."""
    return [(path, path.read_bytes()) for path in sorted((CORPUS / target.name).glob("*"))]


def fuzz(
    target: Target, *, seed: int, examples: int, mutations: int | None = None, seconds: float = 0.0
) -> Hunt:
    """Fuzz one target: with so many examples, then so many mutations, or for so long."""
    end = time.monotonic() + seconds
    hunt = Hunt(target)
    for _, data in kept(target):
        hunt.corpus.append(data)
        hunt.offer(data)
    _generate(hunt, examples=examples, seed=seed)
    _enlarge(hunt)
    choice = random.Random(f"{seed} {target.name}")
    tried = 0
    while tried < mutations if mutations is not None else time.monotonic() < end:
        hunt.offer(mutated(choice, choice.choice(hunt.corpus or [b""]), hunt.corpus or [b""]))
        tried += 1
    return hunt


def _generate(hunt: Hunt, *, examples: int, seed: int) -> None:
    @generating(examples, seed=seed)
    @hypothesis.given(hunt.target.inputs)
    def offer(data: bytes) -> None:
        hunt.offer(data)

    offer()


def _enlarge(hunt: Hunt) -> None:
    """Large inputs, none of which may take long: processor time, which a busy machine does not change."""
    for data in growing(LARGE_BYTES):
        spent = []
        for _ in range(2):  # the first time may pay for what is set up once
            begun = time.process_time()
            hunt.offer(data)
            spent.append(time.process_time() - begun)
        if min(spent) > CPU_SECONDS_MAX:
            trouble = f"took {min(spent):.1f} s"
            hunt.findings.setdefault("slow", Finding(hunt.target.name, data, trouble))


def mutated(choice: random.Random, data: bytes, corpus: list[bytes]) -> bytes:
    """The input with one to five small changes."""
    for _ in range(choice.randint(1, 5)):
        at = choice.randint(0, len(data))
        to = min(len(data), at + choice.randint(1, 16))
        match choice.randrange(8):
            case 0:
                data = data[:at] + choice.choice(FRAGMENTS) + data[at:]
            case 1:
                data = data[:at] + data[to:]
            case 2:
                data = data[:at] + choice.choice(FRAGMENTS) + data[to:]
            case 3 if at < len(data):
                data = data[:at] + bytes([data[at] ^ 1 << choice.randrange(8)]) + data[at + 1 :]
            case 4:
                data = data[:at] + data[at:to] * choice.randint(2, 9) + data[to:]
            case 5:
                other = choice.choice(corpus)
                data = data[:at] + other[choice.randint(0, len(other)) :]
            case 6:
                data = data[:at] + choice.randbytes(choice.randint(1, 4)) + data[to:]
            case _:
                data = data[:at] + bytes([choice.randrange(256)]) + data[at + 1 :]
    return data[: 2 * LARGE_BYTES]


def smaller(data: bytes, breaks: Callable[[bytes], bool]) -> bytes:
    """The input without all that can be left out while it still breaks."""
    size = len(data) // 2
    while size:
        for shorter in _without_pieces(data, size):
            if breaks(shorter):
                data = shorter
                break
        else:
            size //= 2
        size = min(size, len(data))
    return data


def _without_pieces(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[:at] + data[at + size :]


def named(names: tuple[str, ...]) -> tuple[Target, ...]:
    """The targets of those names; all without any. Raises ``KeyError``."""
    known = {target.name: target for target in TARGETS}
    return tuple(known[name] for name in names) or TARGETS
