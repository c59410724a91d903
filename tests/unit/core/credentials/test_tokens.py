"""How long a token is good for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bezant.core.credentials import GRACE, LIFE_MAX, LIFE_MIN, SCOPES, Bearer, Claims, Refusal, Scope
from bezant.core.credentials.model import judge, life_of
from bezant.core.people import OrganizationKind, OwnerRef

START = datetime(2026, 3, 24, 5, 36, tzinfo=UTC)
CLAIMS = Claims(
    owner=OwnerRef.merchant(7),
    scopes=SCOPES[OrganizationKind.MERCHANT],
    unique_id="53893fa5-f08d-4c44-a8f4-95843729f656",
    issued_at=START,
    expires_at=START + LIFE_MIN,
    stamp="dakey_x.1",
)
SECOND = timedelta(seconds=1)


class TestALife:
    @pytest.mark.parametrize(
        ("asked", "given"),
        [
            (None, LIFE_MAX),
            (timedelta(), LIFE_MIN),
            (-LIFE_MAX, LIFE_MIN),
            (LIFE_MIN - SECOND, LIFE_MIN),
            (LIFE_MIN + SECOND, LIFE_MIN + SECOND),
            (LIFE_MAX + SECOND, LIFE_MAX),
        ],
    )
    def test_is_what_was_asked_within_the_limits(self, asked: timedelta | None, given: timedelta) -> None:
        assert life_of(asked) == given


class TestAToken:
    @pytest.mark.parametrize(
        ("after", "refresh_required"),
        [
            (timedelta(), False),
            (LIFE_MIN - SECOND, False),
            (LIFE_MIN, True),
            (LIFE_MIN + GRACE - SECOND, True),
        ],
    )
    def test_is_good_to_the_end_of_its_grace(self, after: timedelta, *, refresh_required: bool) -> None:
        bearer = judge(CLAIMS, START + after)
        assert bearer == Bearer(owner=CLAIMS.owner, scopes=CLAIMS.scopes, refresh_required=refresh_required)

    @pytest.mark.parametrize("after", [LIFE_MIN + GRACE, LIFE_MIN + GRACE + SECOND, timedelta(days=999)])
    def test_is_over_after_that(self, after: timedelta) -> None:
        assert judge(CLAIMS, START + after) is Refusal.EXPIRED


class TestAScope:
    def test_is_given_to_some_kind_of_organization(self) -> None:
        assert frozenset().union(*SCOPES.values()) == frozenset(Scope)
        assert SCOPES.keys() == set(OrganizationKind)

    def test_of_boarding_is_no_merchants(self) -> None:
        holders = {kind for kind, scopes in SCOPES.items() if Scope.EXTERNAL_API in scopes}
        assert holders == {OrganizationKind.ISO, OrganizationKind.AGENT_OFFICE}
