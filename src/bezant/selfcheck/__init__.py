"""Whether card data stays where it belongs: canaries are sent through a gateway, then searched for.

A gateway of its own is driven through every operation and error path that takes card numbers, bank accounts,
gift cards or secrets (``errands``), each time with values that occur nowhere else (``canaries``). Then all
that it left is searched for them, in every form that a careless system would have made of them (``search``).
"""

from bezant.selfcheck.check import Place, check
from bezant.selfcheck.gateway import Unable

__all__ = ["Place", "Unable", "check"]
