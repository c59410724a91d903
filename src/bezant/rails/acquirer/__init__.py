"""The card network: ISO 8583:1987 over TCP to an acquirer, and a sandbox host that answers it."""

from bezant.rails.acquirer.link import AcquirerLink
from bezant.rails.acquirer.matching import Stray, StrayKind
from bezant.rails.acquirer.rail import AcquirerRail

__all__ = ["AcquirerLink", "AcquirerRail", "Stray", "StrayKind"]
