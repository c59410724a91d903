"""The world's web servers: posts what merchants want to be told, to nowhere but the public internet."""

from bezant.rails.web.guard import Guard
from bezant.rails.web.sender import WebSender

__all__ = ["Guard", "WebSender"]
