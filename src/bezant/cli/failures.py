"""What went wrong, as one line and an exit status: 2 for a wrong command line or setting, 1 for the rest.

Only failures that a user can do something about are explained. Anything else is a bug and keeps its
traceback. No database error shows its text once a statement was sent: that may carry values.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

import click
from sqlalchemy.exc import DBAPIError

from bezant.app.store import NotReady
from bezant.config import BadSettings
from bezant.core.outcomes import BadFacts, Conflict, Refused, Unavailable
from bezant.rails.acquirer.sandbox import ControlRefused
from bezant.storage.crypto import KeyTrouble

MISTAKE = 2
FAILURE = 1
INTERRUPTED = 130

_DATABASE = (Conflict, Unavailable, DBAPIError)


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
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "bezant"
            return Failure(_line(error.format_message(), command=command), MISTAKE)
        case click.Abort():
            return Failure("", INTERRUPTED)
        case OSError(errno=errno.EPIPE):
            return Failure("", FAILURE)  # whoever read our output has seen enough of it
        case BadSettings() | BadFacts():
            return Failure(_line(str(error)), MISTAKE)
        case _:
            pass
    text = _database(error) if isinstance(error, _DATABASE) else _text(error)
    return None if text is None else Failure(_line(text), FAILURE)


def _text(error: Exception) -> str | None:
    match error:
        case click.ClickException() | NotReady() | KeyTrouble() | ControlRefused():
            text = str(error)
        case Refused():
            text = f"refused: {error}"
        case OSError():
            text = error.strerror or str(error)
            text = f"{error.filename}: {text}" if error.filename else text
        case _:
            return None
    return text


def _database(error: Exception) -> str:
    match error:
        case Conflict():
            text = "taken already, or changed by somebody else just now"
        case DBAPIError(statement=None):
            text = f"cannot open the database: {error.orig}"
        case DBAPIError():
            text = f"the database failed: {type(error.orig).__name__}"
        case _:
            text = f"the database failed: {error}"
    return text


def _line(text: str, *, command: str = "bezant") -> str:
    return f"{command}: {' '.join(text.split())}"
