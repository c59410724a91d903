"""Notices over a shop's storage."""

from __future__ import annotations

from bezant.core.notices import Channel, Limits, Notices
from bezant.storage.ids import IdBlocks
from tests.storage.shop import Shop


def notices_of(
    shop: Shop,
    *,
    ids: IdBlocks | None = None,
    channels: frozenset[Channel] = frozenset(Channel),
    limits: Limits | None = None,
) -> Notices:
    """What a shop tells people."""
    return Notices(
        units=shop.units,
        ids=ids or IdBlocks(shop.units, "payments"),
        hasher=shop.keys.hasher,
        clock=shop.clock,
        channels=channels,
        limits=limits or Limits(),
    )
