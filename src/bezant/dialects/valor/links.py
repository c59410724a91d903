"""Where payers go: the addresses of hosted pages, QR codes and receipts that answers of this dialect tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses under the one that payers reach this gateway at, which has no slash at its end."""

    base_url: str

    def page(self, uid: str) -> str:
        """Where an invoice is paid (form: vendor samples)."""
        return f"{self.base_url}//?uid={uid}&redirect=1"

    def code(self, uid: str) -> str:
        """The QR code of an invoice's page, as PNG."""
        return f"{self.base_url}/qr/{uid}.png"

    def receipt(self, uid: str) -> str:
        """A receipt. The vendor's address of one can be guessed; ours cannot."""
        return f"{self.base_url}/r/{uid}"
