"""Opening a database's keys, and making them where there are none yet."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from bezant.core.faults import fault_point
from bezant.storage.crypto import (
    CardSealer,
    ChainKey,
    Keys,
    KeyTrouble,
    RootKey,
    SecretHasher,
    create_root_key,
    load_root_key,
    new_data_key,
    unwrap_data_key,
)
from bezant.storage.stores.system import System
from bezant.storage.writes import Writes


def has_keys(engine: Engine) -> bool:
    """Whether a migrated database was sealed under some root key already."""
    with engine.connect() as connection:
        return bool(System(connection, Writes()).data_keys())


def open_root_key(path: Path, *, create: bool) -> RootKey:
    """The root key in ``path``; a new one where there is none and ``create`` allows it."""
    if path.exists():
        return load_root_key(path)
    if not create:
        message = f"no root key at {path}"
        raise KeyTrouble(message)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        root = create_root_key(path)
    except FileExistsError:
        return load_root_key(path)
    fault_point("keys.root-made")
    return root


def open_keys(engine: Engine, root: RootKey) -> Keys:
    """The keys of a migrated database; its first data key is made here."""
    with engine.connect() as connection:
        wrapped = System(connection, Writes()).data_keys()
    if not wrapped:
        try:
            with engine.begin() as connection:
                _, first = new_data_key(root)
                System(connection, Writes()).add_data_key(
                    1, wrapped=first, wrapped_by=root.key_id, at=datetime.now(UTC)
                )
                fault_point("keys.data-key-made")
            fault_point("keys.data-key-stored")
        except IntegrityError:
            pass  # another process made it first
        with engine.connect() as connection:
            wrapped = System(connection, Writes()).data_keys()
    data_keys = {key_id: unwrap_data_key(root, text) for key_id, text in wrapped.items()}
    return Keys(SecretHasher(root), CardSealer(root, data_keys), ChainKey(root))
