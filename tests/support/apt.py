"""Installs what tests need of Debian's packages, where that may be done without asking."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

_ONE_AT_A_TIME: Final = Path(tempfile.gettempdir()) / f"bezant-tests-apt-{os.geteuid()}.lock"


def install(package: str) -> bool:
    """Install a package as root, or by a sudo that asks nothing; whether that was possible.

    Test processes wait for each other: apt-get takes no two at once.
    """
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not shutil.which("apt-get") or (sudo and not shutil.which("sudo")):
        return False
    apt = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    with _ONE_AT_A_TIME.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        print(f"installing {package} by apt-get", file=sys.stderr)
        return all(
            subprocess.run([*apt, *step], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False).returncode
            == 0
            for step in (["update"], ["install", "-y", "--no-install-recommends", package])
        )
