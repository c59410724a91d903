"""What tests take from npm: the accessibility checker, installed as its lock file says."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.support.apt import install
from tests.support.tree import ROOT

_FOLDER: Final = ROOT / "tests" / "web"
_ONE_AT_A_TIME: Final = Path(tempfile.gettempdir()) / "bezant-tests-npm.lock"


def axe() -> str:
    """The source of axe-core, which is installed if need be."""
    script = _FOLDER / "node_modules" / "axe-core" / "axe.min.js"
    with _ONE_AT_A_TIME.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not script.exists():
            assert shutil.which("npm") or install("npm"), "npm is missing: install it"
            command = ("npm", "ci", "--ignore-scripts")
            subprocess.run(command, cwd=_FOLDER, stdout=sys.stderr, check=True)
    return script.read_text(encoding="utf-8")
