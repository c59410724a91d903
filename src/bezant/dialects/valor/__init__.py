"""Valor PayTech's Merchant API."""

from bezant.dialects.valor.callbacks import Callbacks
from bezant.dialects.valor.dialect import NAME, ValorDialect
from bezant.dialects.valor.links import Links
from bezant.dialects.valor.operations import OPERATIONS
from bezant.dialects.valor.services import Services

__all__ = ["NAME", "OPERATIONS", "Callbacks", "Links", "Services", "dialect"]


def dialect(services: Services) -> ValorDialect:
    """Everything of this dialect, over the core's use cases."""
    return ValorDialect(services, OPERATIONS)
