"""The far end of the lender link, as a host of its own: for tests, demos and integrators."""

from bezant.rails.lender.sandbox.books import PHONES
from bezant.rails.lender.sandbox.control import ControlRefused, LenderControl
from bezant.rails.lender.sandbox.host import LenderSandbox

__all__ = ["PHONES", "ControlRefused", "LenderControl", "LenderSandbox"]
