"""The project's own files, for tests of house rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "bezant"

_MADE = frozenset({".git", ".venv", "__pycache__", "build", "dist", "var", ".hypothesis", "node_modules"})


def texts() -> Iterator[tuple[Path, str]]:
    """Every text file of the project, by its path from the root, but for what tools and runs leave behind."""
    for path in _files(ROOT):
        try:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # an image or a font


def modules(folder: Path = SOURCE) -> Iterator[tuple[Path, str]]:
    """Every Python module under ``folder``, but for migrations, which are history."""
    for path in sorted(folder.rglob("*.py")):
        if "migrations" not in path.parts:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in _MADE or path.name.endswith("_cache"):
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path
