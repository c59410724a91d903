"""Gift cards: activate, load, redeem, refund, deactivate, void; and what takes back what is in doubt."""

from bezant.core.gift.guard import Guard
from bezant.core.gift.messages import Answer, Ask, Granted, Message
from bezant.core.gift.model import MOVEMENT, Event, Kind, Misses, Movement, Notes, State
from bezant.core.gift.ports import GiftHost, Key
from bezant.core.gift.recovery import GiftRecovery
from bezant.core.gift.service import Card, Enquiry, GiftCards, Outcome

__all__ = [
    "MOVEMENT",
    "Answer",
    "Ask",
    "Card",
    "Enquiry",
    "Event",
    "GiftCards",
    "GiftHost",
    "GiftRecovery",
    "Granted",
    "Guard",
    "Key",
    "Kind",
    "Message",
    "Misses",
    "Movement",
    "Notes",
    "Outcome",
    "State",
]
