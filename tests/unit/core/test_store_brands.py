"""A store's colour and logo: what payers can read and what is a picture, and nothing else."""

from __future__ import annotations

import io
import zlib
from typing import Any

import pytest
from PIL import Image

from bezant.core.merchants import LOGO_BYTES_MAX, BadFacts, ImageKind, colour_of, logo_of
from bezant.core.merchants.brands import white_contrast

KINDS = ("PNG", "JPEG", "WEBP")


def picture(kind: str = "PNG", size: tuple[int, int] = (120, 40), **how: Any) -> bytes:
    """A picture as programs write it."""
    file = io.BytesIO()
    Image.new("RGB", size, "#067a57").save(file, kind, **how)
    return file.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)


class TestAColour:
    def test_is_kept_in_one_way_of_writing(self) -> None:
        assert colour_of("#06F") == "#0066ff"
        assert colour_of("#067A57") == "#067a57"

    @pytest.mark.parametrize(
        ("colour", "ratio"), [("#000000", 21.0), ("#ffffff", 1.0), ("#767676", 4.54), ("#777777", 4.48)]
    )
    def test_has_the_contrast_that_the_guidelines_say(self, colour: str, ratio: float) -> None:
        assert white_contrast(colour) == pytest.approx(ratio, abs=0.005)

    @pytest.mark.parametrize("colour", ["#777777", "#0a7", "#fff"])
    def test_that_white_text_cannot_be_read_on_is_refused(self, colour: str) -> None:
        with pytest.raises(BadFacts, match="darker"):
            colour_of(colour)

    @pytest.mark.parametrize(
        "text", ["", "red", "#12", "#12345", "067a57", "#067a57;", "#\u0660\u0660\u0660", "#000\n"]
    )
    def test_written_in_another_way_is_refused(self, text: str) -> None:
        with pytest.raises(BadFacts, match="written"):
            colour_of(text)


class TestALogo:
    @pytest.mark.parametrize("kind", KINDS)
    def test_is_told_by_its_bytes(self, kind: str) -> None:
        found = logo_of(picture(kind))
        assert found.kind is ImageKind[kind]
        assert found.name.endswith(f".{kind.lower()}")

    @pytest.mark.parametrize(
        ("kind", "how"),
        [("JPEG", {"progressive": True}), ("WEBP", {"lossless": True}), ("WEBP", {"exif": b"Exif\0\0II*\0"})],
    )
    def test_may_be_of_each_usual_sort(self, kind: str, how: dict[str, Any]) -> None:
        assert logo_of(picture(kind, **how)).kind is ImageKind[kind]

    @pytest.mark.parametrize("kind", KINDS)
    def test_that_is_cut_off_is_refused_wherever_it_is_cut(self, kind: str) -> None:
        whole = picture(kind)
        for length in range(len(whole)):
            with pytest.raises(BadFacts):
                logo_of(whole[:length])

    @pytest.mark.parametrize("kind", KINDS)
    def test_with_something_behind_it_is_refused(self, kind: str) -> None:
        with pytest.raises(BadFacts, match="more than a picture"):
            logo_of(picture(kind) + b"PK\x03\x04<script>alert(1)</script>")

    @pytest.mark.parametrize("kind", KINDS)
    def test_may_have_1024_pixels_a_side_and_no_more(self, kind: str) -> None:
        logo_of(picture(kind, (1024, 1)))
        for size in ((1025, 1), (1, 1025)):
            with pytest.raises(BadFacts, match="pixels"):
                logo_of(picture(kind, size))

    @pytest.mark.parametrize("side", [0, 2**31 - 1, 2**32 - 1])
    def test_that_claims_to_be_huge_or_nothing_is_refused_unread(self, side: int) -> None:
        header = chunk(b"IHDR", side.to_bytes(4) * 2 + b"\x08\x02\0\0\0")
        bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
        with pytest.raises(BadFacts, match="pixels"):
            logo_of(bomb)

    def test_with_a_wrong_check_sum_is_refused(self) -> None:
        content = bytearray(picture())
        content[18] ^= 1
        with pytest.raises(BadFacts, match="damaged"):
            logo_of(bytes(content))

    @pytest.mark.parametrize("kind", ["PNG", "WEBP"])
    def test_that_moves_is_refused(self, kind: str) -> None:
        other = Image.new("RGB", (120, 40), "#ff0000")
        with pytest.raises(BadFacts, match="moves"):
            logo_of(picture(kind, save_all=True, append_images=[other], duration=100))

    def test_over_48_kilobytes_is_refused(self) -> None:
        with pytest.raises(BadFacts, match="48 kB"):
            logo_of(picture() + bytes(LOGO_BYTES_MAX))

    @pytest.mark.parametrize("content", [b"", b"<svg/>", b"GIF89a", b"%PDF-1.7"])
    def test_of_another_kind_is_refused(self, content: bytes) -> None:
        with pytest.raises(BadFacts, match="PNG, JPEG or WebP"):
            logo_of(content)
