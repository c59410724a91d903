"""``bezant`` and ``python -m bezant``."""

from __future__ import annotations

import sys

from bezant import cli


def main() -> None:
    """Carry out the process's command line and exit with its status."""
    sys.exit(cli.run(sys.argv[1:]))


if __name__ == "__main__":
    main()
