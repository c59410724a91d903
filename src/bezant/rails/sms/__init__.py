"""Text messages to phones: posted over HTTP to a gateway that sends them, or to an inbox of the sandbox."""

from bezant.rails.sms.sender import SECONDS_MAX, HttpTexts, NoTexts

__all__ = ["SECONDS_MAX", "HttpTexts", "NoTexts"]
