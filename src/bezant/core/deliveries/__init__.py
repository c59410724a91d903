"""Deliveries: what the outside is to be told, kept with the change that it tells of until it is taken."""

from bezant.core.deliveries.model import (
    DELIVERY,
    Accepted,
    Delivery,
    Event,
    Fate,
    Parcel,
    Policy,
    Refused,
    State,
    Unreachable,
)
from bezant.core.deliveries.ports import Composer, DeliveryStore, Sender
from bezant.core.deliveries.service import Courier

__all__ = [
    "DELIVERY",
    "Accepted",
    "Composer",
    "Courier",
    "Delivery",
    "DeliveryStore",
    "Event",
    "Fate",
    "Parcel",
    "Policy",
    "Refused",
    "Sender",
    "State",
    "Unreachable",
]
