"""Who takes payments: sales organizations, merchants, stores, terminals, and their credentials."""

from bezant.core.merchants.boarding import (
    APP_NAME,
    TERMINAL_NUMBER,
    BadFacts,
    Boarding,
    ClockChange,
    IssuedKey,
    freeze,
    move,
    release,
)
from bezant.core.merchants.devices import Device, Devices
from bezant.core.merchants.model import (
    Account,
    Caller,
    ClientToken,
    Credential,
    Endpoint,
    Iso,
    Merchant,
    MerchantClock,
    Profile,
    Store,
    Terminal,
    TipRule,
)
from bezant.core.merchants.ports import Hasher, SystemClock
from bezant.core.merchants.service import Denied, Directory, Gate, Rejection

__all__ = [
    "APP_NAME",
    "TERMINAL_NUMBER",
    "Account",
    "BadFacts",
    "Boarding",
    "Caller",
    "ClientToken",
    "ClockChange",
    "Credential",
    "Denied",
    "Device",
    "Devices",
    "Directory",
    "Endpoint",
    "Gate",
    "Hasher",
    "Iso",
    "IssuedKey",
    "Merchant",
    "MerchantClock",
    "Profile",
    "Rejection",
    "Store",
    "SystemClock",
    "Terminal",
    "TipRule",
    "freeze",
    "move",
    "release",
]
