"""An approval that the merchant's rules do not accept is taken back, and the books stay right."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from bezant.core.merchants import CardChecks
from bezant.core.money import Money
from bezant.core.outcomes import Approved, Reason
from bezant.core.payments import Kind, State
from bezant.core.payments.messages import Ask
from tests.storage.shop import SILENCE, Shop

pytestmark = pytest.mark.anyio

MISMATCH = Approved(approval_code="TAS001", response_code="00", amount=Money(10_00), cvv="N")


class TestAnUnwantedApproval:
    @pytest.mark.parametrize("kind", [Kind.SALE, Kind.AUTHORIZATION])
    async def test_is_reversed_until_the_network_confirms_it(self, shop: Shop, kind: Kind) -> None:
        merchant = replace(shop.caller.merchant, checks=CardChecks(verification_declines=True))
        shop.caller = structs.replace(shop.caller, merchant=merchant)
        shop.network.will_say(MISMATCH, SILENCE)
        payment = (await shop.charge(kind=kind)).payment
        assert (payment.state, payment.reason) == (State.IN_DOUBT, Reason.CVV_MISMATCH)
        assert shop.wrong() == []
        await shop.reverse()
        assert (await shop.find(payment)).state is State.IN_DOUBT
        shop.clock.pass_by(minutes=5)
        await shop.reverse()
        taken_back = await shop.find(payment)
        assert (taken_back.state, taken_back.verification_result) == (State.REVERSED, "N")
        assert [message.ask for message in shop.network.messages[1:]] == [Ask.REVERSE, Ask.REVERSE]
        assert shop.wrong() == []
