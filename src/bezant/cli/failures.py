"""What went wrong, as one line and an exit status: 2 for a wrong command line or setting, 1 for the rest.

Only failures that a user can do something about are explained. Anything else is a bug and keeps its
traceback. No database error shows its text once a statement was sent: that may carry values.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

import click
from sqlalchemy.exc import ArgumentError, DBAPIError

from bezant.app import NotReady
from bezant.config import BadSettings
from bezant.core.merchants import BadFacts
from bezant.core.outcomes import Conflict, Refused
from bezant.rails.acquirer.sandbox import ControlRefused
from bezant.storage.crypto import KeyTrouble
from bezant.storage.lanes import Unavailable

MISTAKE = 2
FAILURE = 1
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Failure:
    """What to print on standard error, if anything, and the exit status."""

    line: str
    status: int


def explained(error: Exception) -> Failure | None:
    """The failure that ``error`` stands for; nothing for a bug."""
    match error:
        case click.exceptions.NoArgsIsHelpError():
            return Failure(error.format_message(), MISTAKE)
        case click.ClickException():
            return Failure(_click_line(error), error.exit_code)
        case click.Abort():
            return Failure("", INTERRUPTED)
        case BadSettings() | BadFacts():
            return Failure(_line(str(error)), MISTAKE)
        case NotReady() | KeyTrouble() | ControlRefused():
            return Failure(_line(str(error)), FAILURE)
        case Conflict():
            return Failure(_line("taken already, or changed by somebody else just now"), FAILURE)
        case Refused():
            return Failure(_line(f"refused: {error}"), FAILURE)
        case Unavailable() | DBAPIError() | ArgumentError():
            return _database(error)
        case OSError():
            # Whoever read our output has seen enough of it.
            return Failure("" if error.errno == errno.EPIPE else _line(_system(error)), FAILURE)
        case _:
            return None


def _database(error: Unavailable | DBAPIError | ArgumentError) -> Failure:
    match error:
        case ArgumentError():
            return Failure(_line("BEZANT_DATABASE_URL is not the URL of a database"), MISTAKE)
        case DBAPIError(statement=None):
            return Failure(_line(f"cannot open the database: {error.orig}"), FAILURE)
        case DBAPIError():
            return Failure(_line(f"the database failed: {type(error.orig).__name__}"), FAILURE)
        case Unavailable():
            return Failure(_line(f"the database failed: {error}"), FAILURE)


def _system(error: OSError) -> str:
    text = os.strerror(error.errno) if error.errno else str(error)
    return f"{error.filename}: {text}" if error.filename else text


def _click_line(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return _line(error.format_message(), command=context.command_path if context else "bezant")


def _line(text: str, *, command: str = "bezant") -> str:
    return f"{command}: {' '.join(text.split())}"
