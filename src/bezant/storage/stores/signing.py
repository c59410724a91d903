"""Signing accounts, their phrases sealed. Each statement is sent when it is asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from bezant.core.merchants import Digest, Edition, NoticeFormat, Notices, OldPhrase, SigningAccount
from bezant.storage.crypto import Keys
from bezant.storage.instants import from_micros, to_micros
from bezant.storage.tables import directory, signing_access_codes, signing_accounts
from bezant.storage.writes import Writes

IDENTIFIER = "signing"
_REQUEST, _RESPONSE = "request", "response"
_c = signing_accounts.c


class SigningRows:
    """Signing accounts of one transaction."""

    def __init__(self, connection: Connection, writes: Writes, keys: Keys) -> None:
        self._connection = connection
        self._writes = writes
        self._sealer = keys.sealer

    def by_identifier(self, identifier: str) -> SigningAccount | None:
        """The account with that public name."""
        merchant_id = self._connection.execute(
            select(directory.c.merchant_id).where(
                directory.c.kind == IDENTIFIER, directory.c.name == identifier
            )
        ).scalar_one_or_none()
        return None if merchant_id is None else self.of_merchant(merchant_id)

    def of_merchant(self, merchant_id: int) -> SigningAccount | None:
        """A merchant's account."""
        row = self._connection.execute(
            select(signing_accounts).where(_c.merchant_id == merchant_id)
        ).one_or_none()
        if row is None:
            return None
        codes = self._connection.execute(
            select(signing_access_codes.c.access_code)
            .where(signing_access_codes.c.merchant_id == merchant_id)
            .order_by(signing_access_codes.c.access_code)
        ).scalars()
        return self._account(row, tuple(codes))

    def all(self) -> list[SigningAccount]:
        """Every account."""
        ids = self._connection.execute(select(_c.merchant_id).order_by(_c.merchant_id)).scalars().all()
        found = (self.of_merchant(merchant_id) for merchant_id in ids)
        return [account for account in found if account is not None]

    def add(self, account: SigningAccount, *, at: datetime) -> None:
        """Store an account. A second one of an identifier or a merchant fails as a conflict."""
        self._writes.touch()
        self._connection.execute(
            directory.insert().values(
                kind=IDENTIFIER, name=account.identifier, merchant_id=account.merchant_id
            )
        )
        self._connection.execute(
            signing_accounts.insert().values(
                merchant_id=account.merchant_id,
                identifier=account.identifier,
                created_at=to_micros(at),
                **self._values(account),
            )
        )
        self._add_codes(account)

    def change(self, account: SigningAccount) -> None:
        """Store what is changed of an account; its identifier stays."""
        self._writes.touch()
        self._connection.execute(
            update(signing_accounts)
            .where(_c.merchant_id == account.merchant_id)
            .values(**self._values(account))
        )
        self._connection.execute(
            delete(signing_access_codes).where(signing_access_codes.c.merchant_id == account.merchant_id)
        )
        self._add_codes(account)

    def _add_codes(self, account: SigningAccount) -> None:
        for code in account.access_codes:
            self._connection.execute(
                signing_access_codes.insert().values(merchant_id=account.merchant_id, access_code=code)
            )

    def _values(self, account: SigningAccount) -> dict[str, object]:
        merchant_id, old = account.merchant_id, account.old_phrase
        seal = self._sealer.seal_phrase
        return {
            "terminal_id": account.terminal_id,
            "digest": account.digest.value,
            "request_phrase": seal(merchant_id, _REQUEST, account.request_phrase),
            "response_phrase": seal(merchant_id, _RESPONSE, account.response_phrase),
            "old_phrase": seal(merchant_id, _REQUEST, old.phrase) if old else None,
            "old_phrase_until": to_micros(old.until) if old else None,
            "edition": account.edition.value,
            "direct_url": account.notices.direct_url,
            "later_url": account.notices.later_url,
            "notice_format": account.notices.format.value,
            "active": account.active,
        }

    def _account(self, row: Row[Any], codes: tuple[str, ...]) -> SigningAccount:
        opened = self._sealer.open_phrase
        old = None
        if row.old_phrase is not None:
            old = OldPhrase(
                phrase=opened(row.merchant_id, _REQUEST, bytes(row.old_phrase)),
                until=from_micros(row.old_phrase_until),
            )
        return SigningAccount(
            merchant_id=row.merchant_id,
            terminal_id=row.terminal_id,
            identifier=row.identifier,
            access_codes=codes,
            digest=Digest(row.digest),
            request_phrase=opened(row.merchant_id, _REQUEST, bytes(row.request_phrase)),
            response_phrase=opened(row.merchant_id, _RESPONSE, bytes(row.response_phrase)),
            old_phrase=old,
            edition=Edition(row.edition),
            notices=Notices(
                direct_url=row.direct_url,
                later_url=row.later_url,
                format=NoticeFormat(row.notice_format),
            ),
            active=bool(row.active),
        )
