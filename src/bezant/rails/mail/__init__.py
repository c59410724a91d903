"""Mails over SMTP: handed to a relay that sends them, or to an inbox of the sandbox."""

from bezant.rails.mail.sender import SECONDS_MAX, Security, SmtpSender

__all__ = ["SECONDS_MAX", "Security", "SmtpSender"]
