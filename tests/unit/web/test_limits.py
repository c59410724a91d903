"""How many tries there are for those who try cards out, and for everybody else."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from bezant.web.limits import ADDRESS, LINK, RANGE, Buckets, Limits, Rate

MERCHANT = 7
BIN = "400000"


@dataclass(slots=True)
class Attacker:
    """Sends tries and counts those that get through; every card is declined."""

    limits: Limits
    through: int = 0

    def tries(self, *, link: str, address: str, number_range: str = BIN, merchant_id: int = MERCHANT) -> bool:
        if self.limits.wait_seconds(
            link=link, address=address, merchant_id=merchant_id, number_range=number_range
        ):
            return False
        self.limits.tried(link=link, address=address)
        self.limits.declined(merchant_id=merchant_id, number_range=number_range)
        self.through += 1
        return True


@dataclass(slots=True)
class Watch:
    """Seconds, moved by hand."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass(slots=True)
class Scene:
    watch: Watch = field(default_factory=Watch)
    attacker: Attacker = field(init=False)

    def __post_init__(self) -> None:
        self.attacker = Attacker(Limits(self.watch))


@pytest.fixture
def scene() -> Scene:
    return Scene()


class TestTenThousandCards:
    def test_of_one_range_from_many_addresses_hardly_get_through(self, scene: Scene) -> None:
        """20 a second from 500 addresses, each on a link of its own: one in a hundred, after the first 50."""
        late = 0
        for number in range(10_000):
            scene.watch.seconds = number / 20
            through = scene.attacker.tries(link=f"link {number}", address=f"address {number % 500}")
            late += through and scene.attacker.through > 50
        assert scene.attacker.through <= RANGE.burst + RANGE.per_minute * 500 / 60 + 1
        assert late <= 100

    def test_of_many_ranges_on_one_link_hardly_get_through(self, scene: Scene) -> None:
        for number in range(10_000):
            scene.watch.seconds = number / 20
            scene.attacker.tries(link="link", address=f"address {number}", number_range=f"{number:06d}")
        assert scene.attacker.through <= LINK.burst + LINK.per_minute * 500 / 60 + 1

    def test_of_many_ranges_from_one_address_hardly_get_through(self, scene: Scene) -> None:
        for number in range(10_000):
            scene.watch.seconds = number / 20
            scene.attacker.tries(link=f"link {number}", address="address", number_range=f"{number:06d}")
        assert scene.attacker.through <= ADDRESS.burst + ADDRESS.per_minute * 500 / 60 + 1

    def test_do_not_disturb_other_payers(self, scene: Scene) -> None:
        for number in range(1000):
            scene.attacker.tries(link=f"link {number}", address=f"address {number % 50}")
        payer = Attacker(scene.attacker.limits)
        assert payer.tries(link="another", address="home", number_range="510000")
        assert payer.tries(link="another", address="home", merchant_id=MERCHANT + 1)


class TestABucket:
    def test_fills_again(self) -> None:
        watch = Watch()
        buckets = Buckets(Rate(burst=2, per_minute=6), watch)
        for _ in range(2):
            assert buckets.wait_seconds("key") == 0
            buckets.take("key")
        assert buckets.wait_seconds("key") == pytest.approx(10)
        watch.seconds = 10
        assert buckets.wait_seconds("key") == pytest.approx(0)

    def test_never_holds_more_than_its_burst(self) -> None:
        watch = Watch()
        buckets = Buckets(Rate(burst=1, per_minute=60), watch)
        buckets.take("key")
        watch.seconds = 1e6
        buckets.take("key")
        assert buckets.wait_seconds("key") > 0

    def test_that_was_used_longest_ago_is_forgotten_first(self) -> None:
        buckets = Buckets(Rate(burst=1, per_minute=1), Watch(), buckets_max=2)
        for key in ("a", "b", "a", "c"):
            buckets.take(key)
        assert buckets.wait_seconds("a") > 0
        assert buckets.wait_seconds("b") == 0
