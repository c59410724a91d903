"""``bezant`` and ``python -m bezant``."""

from __future__ import annotations

import gc
import sys

gc.disable()  # what modules make while they load is no garbage: to look for it takes a fifth of a start

from bezant import cli  # noqa: E402 - after that


def main() -> None:
    """Carry out the process's command line and exit with its status."""
    sys.exit(cli.run(sys.argv[1:]))


if __name__ == "__main__":
    main()
