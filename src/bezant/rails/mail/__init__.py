"""Mails over SMTP: handed to a relay that sends them, or to an inbox of the sandbox."""

from bezant.rails.mail.sender import Security, SmtpSender

__all__ = ["Security", "SmtpSender"]
