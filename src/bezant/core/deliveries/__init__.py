"""Deliveries: what the outside is to be told, kept with the change that it tells of until it is taken."""

from bezant.core.deliveries.model import (
    DELIVERY,
    Answered,
    Delivery,
    Event,
    Fate,
    Parcel,
    Policy,
    State,
    Unreachable,
)
from bezant.core.deliveries.ports import Composer, DeliveryStore, Sender
from bezant.core.deliveries.service import Courier, Route, Unrouted

__all__ = [
    "DELIVERY",
    "Answered",
    "Composer",
    "Courier",
    "Delivery",
    "DeliveryStore",
    "Event",
    "Fate",
    "Parcel",
    "Policy",
    "Route",
    "Sender",
    "State",
    "Unreachable",
    "Unrouted",
]
