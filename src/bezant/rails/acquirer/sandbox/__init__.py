"""The far end of the acquirer link, as a host of its own: for tests, demos and integrators."""

from bezant.rails.acquirer.sandbox.control import ControlRefused, SandboxControl
from bezant.rails.acquirer.sandbox.host import SandboxHost
from bezant.rails.acquirer.sandbox.issuer import TEST_CARDS, SandboxCard

__all__ = ["TEST_CARDS", "ControlRefused", "SandboxCard", "SandboxControl", "SandboxHost"]
