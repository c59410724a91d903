from __future__ import annotations

import pytest

from bezant.core.vault import mask_card_numbers


class TestATextThatIsKept:
    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("4111111111111111", "XXXX1111"),
            ("card 4111 1111 1111 1111, thanks", "card XXXX1111, thanks"),
            ("3714-496353-92376!", "XXXX2376!"),
            ("a 4111111111111111 and 5146315000000055", "a XXXX1111 and XXXX0055"),
        ],
    )
    def test_shows_no_card_number(self, text: str, kept: str) -> None:
        assert mask_card_numbers(text) == kept

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "inv0001",
            "4111111111111112",  # its check digit is wrong
            "9999999999999995",  # of no brand
            "41111111111111111111111",  # too long for a card
            "order 2026-11-21 / 555 123 4567",
        ],
    )
    def test_is_otherwise_left_alone(self, text: str) -> None:
        assert mask_card_numbers(text) == text
