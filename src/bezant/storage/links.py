"""Public names of receipts: what they stand for, encrypted, so that they need no table and no guess fits.

AES-SIV gives the same name each time, and a text that was not made here does not decrypt: 128 bits of it are
a check. The name says which merchant's row to read, so that no directory over all merchants is needed.
"""

from __future__ import annotations

import base64
import re
import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from bezant.core.receipts import Copy, ReceiptName
from bezant.storage.crypto import RootKey

_LAYOUT: Final = struct.Struct(">BQQ")
_COPIES: Final = (Copy.CUSTOMER, Copy.MERCHANT)
"""By the number that stands for each in a name."""
_UID: Final = re.compile(r"[A-Za-z0-9_-]{44}", re.ASCII)
_BOUND_TO: Final = [b"receipt"]


class SealedReceiptNames:
    """Fulfils ``ReceiptNames``. Under another root key no name of this one opens."""

    def __init__(self, root: RootKey) -> None:
        self._cipher = AESSIV(root.derive("receipt names"))

    def uid(self, name: ReceiptName) -> str:
        """44 letters, digits, hyphens and underscores."""
        content = _LAYOUT.pack(_COPIES.index(name.copy), name.merchant_id, name.payment_id)
        return base64.urlsafe_b64encode(self._cipher.encrypt(content, _BOUND_TO)).decode("ascii")

    def read(self, uid: str) -> ReceiptName | None:
        """What the name stands for; nothing for any other text."""
        if _UID.fullmatch(uid) is None:
            return None
        try:
            content = self._cipher.decrypt(base64.urlsafe_b64decode(uid), _BOUND_TO)
        except InvalidTag:
            return None
        copy, merchant_id, payment_id = _LAYOUT.unpack(content)
        return ReceiptName(merchant_id=merchant_id, payment_id=payment_id, copy=_COPIES[copy])
