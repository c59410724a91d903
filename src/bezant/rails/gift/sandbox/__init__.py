"""The far end of the gift link, as a host of its own: for tests, demos and integrators."""

from bezant.rails.gift.sandbox.cards import TEST_CARDS, TestCard
from bezant.rails.gift.sandbox.control import ControlRefused, GiftControl
from bezant.rails.gift.sandbox.host import GiftSandbox

__all__ = ["TEST_CARDS", "ControlRefused", "GiftControl", "GiftSandbox", "TestCard"]
