"""What the dialect answers when an operation could not be carried out."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest

from bezant.core.merchants import Caller
from bezant.core.outcomes import Unavailable
from bezant.dialects.valor.dialect import Call, Operation, Shown, ValorDialect
from bezant.dialects.valor.services import Services
from bezant.dialects.wire.http import Request

pytestmark = pytest.mark.anyio


async def _let_in(_services: Services, _values: Any, *, address: str) -> Caller:
    return cast("Caller", None)


async def _cannot_store(_call: Call) -> Shown:
    raise Unavailable("OperationalError")


STORING = Operation(
    name="store",
    title="Stores something",
    types=("store",),
    fields=(),
    answer=_cannot_store,
    layouts=(),
    door=_let_in,
)


class TestAnOperationThatCannotBeStored:
    async def test_is_answered_that_it_may_be_tried_later(self) -> None:
        dialect = ValorDialect(cast("Services", None), (STORING,))
        response = await dialect.answer(
            Request(
                method="POST",
                path="/",
                query=b"txn_type=store",
                headers={},
                body=b"",
                address="192.0.2.1",
                request_id="1",
            )
        )
        assert response.status == 503
        assert msgspec.json.decode(response.body)["error_no"] == "E110"
        assert (b"retry-after", b"1") in response.headers
