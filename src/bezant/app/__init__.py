"""The composition root: the only place that names concrete stores, rails and dialects."""

from bezant.app.gateway import Gateway, open_gateway
from bezant.app.store import Names, NotReady, RealClock, Store, open_store

__all__ = ["Gateway", "Names", "NotReady", "RealClock", "Store", "open_gateway", "open_store"]
