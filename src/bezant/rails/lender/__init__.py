"""The lender: whoever pays merchants for what customers pay back. The protocol is our own (``codec``)."""

from bezant.rails.lender.link import LenderLink
from bezant.rails.lender.rail import LenderRail

__all__ = ["LenderLink", "LenderRail"]
