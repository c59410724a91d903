"""Notices in words: what ``core.notices`` tells people, as letters and text messages."""

from bezant.notices.composer import NoticeComposer

__all__ = ["NoticeComposer"]
