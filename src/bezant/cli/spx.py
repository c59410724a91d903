"""Encrypted card numbers, as who receives them sees them: ``bezant spx``."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bezant.cli.screen import show_facts
from bezant.cli.usage import example, json_option
from bezant.core.vault import Envelope
from bezant.storage.envelopes import open_envelope


@click.group()
def spx() -> None:
    """Card numbers that were fetched encrypted, on the side of who may read them."""


@spx.command(epilog=example("bezant spx decrypt --key iso-private.pem answer.json"))
@click.argument("answer", type=click.File("rb"), default="-")
@click.option(
    "--key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The RSA private key, in PEM form.",
)
@click.option("--reveal", is_flag=True, help="Print the card number in clear.")
@json_option
def decrypt(*, answer: BinaryIO, key_file: Path, reveal: bool, as_json: bool) -> None:
    """Open what encryption fetch answered: ANSWER is the JSON answer, or - for standard input.

    It needs no gateway and no database. The card number is masked unless --reveal is given.
    """
    token, envelope = envelope_in(answer.read())
    pan = open_envelope(_private_key(key_file), envelope, token=token)
    facts = {"token": token, "card_number": pan.reveal() if reveal else pan.mask()}
    show_facts(facts, as_json=as_json)


def envelope_in(answer: bytes) -> tuple[str, Envelope]:
    """The token and the envelope of an answer of encryption fetch. Raises ``click.ClickException``."""
    try:
        found: Any = msgspec.json.decode(answer)
        data = found["data"]
        token = str(data["token"])
        envelope = Envelope(
            encrypted_pan=base64.b64decode(data["spx_encrypted_pan"], validate=True),
            wrapped_key=base64.b64decode(data["spx_iso_session_key"], validate=True),
        )
    except (msgspec.DecodeError, RecursionError, KeyError, TypeError, ValueError, binascii.Error):
        raise click.ClickException("that is no answer of encryption fetch") from None
    return token, envelope


def _private_key(path: Path) -> RSAPrivateKey:
    content = path.read_bytes()
    try:
        key = _loaded(content)
    except (ValueError, UnsupportedAlgorithm):
        raise click.ClickException(f"{path} holds no private key that can be opened") from None
    if not isinstance(key, RSAPrivateKey):
        raise click.ClickException(f"{path} is no RSA key")
    return key


def _loaded(content: bytes) -> object:
    try:
        return load_pem_private_key(content, password=None)
    except TypeError:  # it is encrypted
        password: str = click.prompt("Passphrase of the key", hide_input=True, err=True)
        return load_pem_private_key(content, password=password.encode())
