"""The composition root: the only place that names concrete stores, rails and dialects."""

from bezant.app.gateway import Gateway, open_gateway
from bezant.app.sides import CredentialSide, access_side
from bezant.app.store import Names, NotReady, RealClock, Store, open_store

__all__ = [
    "CredentialSide",
    "Gateway",
    "Names",
    "NotReady",
    "RealClock",
    "Store",
    "access_side",
    "open_gateway",
    "open_store",
]
