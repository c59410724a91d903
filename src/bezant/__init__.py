"""Bezant: a payment gateway that a company hosts itself."""

__version__ = "0.1.0"
