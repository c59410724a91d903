"""Where payers go and come back to: addresses of payment links that answers of this dialect tell.

A payer comes back by an address of ours, which leads on to the shop's with what came of the payment: it is
made before the link has an id of its own, and nobody else can make it.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Final

from bezant.core.merchants import Hasher

OPEN: Final = "/api/v1/externalPay"
SHORT: Final = "/v1/sl/"
BACK: Final = "/v1/hpp/"

_BACK: Final = re.compile(r"/v1/hpp/([0-9]{12})/([A-Za-z0-9_\-]{1,100})/([0-9a-f]{32})", re.ASCII)
_PROOF_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Addresses under ``base_url``, which has no slash at its end."""

    base_url: str
    hasher: Hasher

    def page(self, uid: str) -> str:
        """A link's page itself."""
        return f"{self.base_url}/pay/{uid}"

    def link(self, uid: str, *, short: bool) -> str:
        """What a shop is told of a link (forms: vendor docs)."""
        return f"{self.base_url}{SHORT}{uid}" if short else f"{self.base_url}{OPEN}?t={uid}"

    def back(self, tpn: str, reference: str) -> str:
        """Where the browser of a payer goes when the payment has ended."""
        return f"{self.base_url}{BACK}{tpn}/{reference}/{self._proof(tpn, reference)}"

    def read_back(self, path: str) -> tuple[str, str] | None:
        """The TPN and the reference of such an address; nothing for one that we did not make."""
        parts = _BACK.fullmatch(path)
        if parts is None or not hmac.compare_digest(self._proof(parts[1], parts[2]), parts[3]):
            return None
        return parts[1], parts[2]

    def _proof(self, tpn: str, reference: str) -> str:
        return self.hasher.digest(f"back to {tpn} {reference}")[:_PROOF_BYTES].hex()
