"""Deliveries: what the outside is to be told, kept with the change that it tells of until it is taken."""

from bezant.core.deliveries.letters import Letter, Text, is_mail_address, one_line, phone_number
from bezant.core.deliveries.model import (
    DELIVERY,
    KEPT,
    Answered,
    Content,
    Delivery,
    Event,
    Fate,
    Parcel,
    Policy,
    State,
    Unreachable,
)
from bezant.core.deliveries.ports import Composer, DeliveryStore, Sender
from bezant.core.deliveries.service import NOT_SET_UP, Courier, Route, Senders, Unrouted

__all__ = [
    "DELIVERY",
    "KEPT",
    "NOT_SET_UP",
    "Answered",
    "Composer",
    "Content",
    "Courier",
    "Delivery",
    "DeliveryStore",
    "Event",
    "Fate",
    "Letter",
    "Parcel",
    "Policy",
    "Route",
    "Sender",
    "Senders",
    "State",
    "Text",
    "Unreachable",
    "Unrouted",
    "is_mail_address",
    "one_line",
    "phone_number",
]
