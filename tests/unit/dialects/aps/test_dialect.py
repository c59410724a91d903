"""What the dialect answers when an operation could not be carried out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import msgspec
import pytest

from bezant.core.merchants import SigningAccount
from bezant.core.outcomes import Unavailable
from bezant.dialects import aps
from bezant.dialects.wire.http import Request

pytestmark = pytest.mark.anyio


class Away:
    """Accounts in a database that is away."""

    async def by_identifier(self, _identifier: str) -> SigningAccount:
        """Nobody can say."""
        raise Unavailable("OperationalError")


@dataclass
class Services:
    signing: Away


class TestARequestWhileTheDatabaseIsAway:
    async def test_is_answered_that_it_may_be_tried_later(self) -> None:
        dialect = aps.dialect(cast("aps.Services", Services(signing=Away())))
        response = await dialect.answer(
            Request(
                method="POST",
                path="/FortAPI/paymentApi",
                query=b"",
                headers={},
                body=b'{"command": "PURCHASE", "merchant_identifier": "m", "access_code": "c"}',
                address="192.0.2.1",
                request_id="1",
            )
        )
        assert response.status == 503
        assert msgspec.json.decode(response.body)["response_code"] == "00006"
        assert "retry-after" in {name.decode() for name, _ in response.headers}
