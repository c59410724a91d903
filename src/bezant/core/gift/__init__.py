"""Gift cards: activate, load, redeem, refund, deactivate, void; and what takes back what is in doubt."""

from bezant.core.gift.guard import Guard
from bezant.core.gift.messages import Answer, Ask, Granted, Message
from bezant.core.gift.model import MOVEMENT, Event, Kind, Misses, Movement, Notes, State
from bezant.core.gift.ports import GiftHost, Key
from bezant.core.gift.queries import NO_MOVEMENTS, MovementPage, MovementQuery
from bezant.core.gift.recovery import GiftRecovery
from bezant.core.gift.service import Card, Enquiry, GiftCards, Outcome

__all__ = [
    "MOVEMENT",
    "NO_MOVEMENTS",
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
    "MovementPage",
    "MovementQuery",
    "Notes",
    "Outcome",
    "State",
]
