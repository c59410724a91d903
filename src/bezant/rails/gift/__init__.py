"""The gift host: whoever keeps the balances of gift cards. The protocol is our own (see ``codec``)."""

from bezant.rails.gift.link import GiftLink
from bezant.rails.gift.rail import GiftRail

__all__ = ["GiftLink", "GiftRail"]
