"""Passwords: what is refused before it is hashed."""

from __future__ import annotations

import pytest

from bezant.core.outcomes import BadFacts
from bezant.core.people import check_password
from bezant.core.sensitive import Secret

EMAIL = "ann.miller@example.com"


class TestAPassword:
    @pytest.mark.parametrize(
        "password",
        ["bezant-2026x", "correct horse battery 9", "x1" + "abcdef" * 21, "pässwörter 4 you!"],
        ids=["as short as can be", "of several words", "as long as can be", "beyond ASCII"],
    )
    def test_may_be(self, password: str) -> None:
        check_password(Secret(password), email=EMAIL)

    @pytest.mark.parametrize(
        ("password", "why"),
        [
            ("bezant-2026", "12 to 128 characters"),
            ("x1" + "abcdef" * 21 + "x", "12 to 128 characters"),
            ("", "12 to 128 characters"),
            ("only-letters-here", "letters and digits"),
            ("7236-9931-4452", "letters and digits"),
            ("pass\u0664\u0665word-long", "letters and digits"),
            ("a1a1a1a1a1a1a1", "6 different"),
            ("Ann.Miller-1984", "the name in the email"),
            ("tab\tin-between-1", "printable"),
            ("nul\0in-between-1", "printable"),
        ],
    )
    def test_must_not_be_guessed_easily(self, password: str, why: str) -> None:
        with pytest.raises(BadFacts, match=why) as refused:
            check_password(Secret(password), email=EMAIL)
        assert not password or password not in str(refused.value)
