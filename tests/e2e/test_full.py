"""A gateway that lets nobody in tells everybody to come again, each in the words that he understands."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.gateway import Gateway

LINK = "/pay/" + "a" * 32
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("full"), settings={"BEZANT_ADMITTED_MAX": "0"}) as gateway:
        yield gateway


def ask(
    gateway: Gateway, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, str | None, str]:
    """The answer's status, its ``Retry-After``, and its text."""
    connection = http.client.HTTPConnection(urlsplit(gateway.base_url).netloc, timeout=30)
    try:
        connection.request(method, path, body or None, headers or {})
        response = connection.getresponse()
        return response.status, response.getheader("retry-after"), response.read().decode()
    finally:
        connection.close()


def ask_in_pieces(gateway: Gateway) -> tuple[int, str | None]:
    """The answer to a body that cannot come whole: its status and its ``Retry-After``."""
    connection = http.client.HTTPConnection(urlsplit(gateway.base_url).netloc, timeout=30)
    try:
        connection.request("POST", "/", iter([b'{"a":', b"1}"]), JSON, encode_chunked=True)
        response = connection.getresponse()
        return response.status, response.getheader("retry-after")
    finally:
        connection.close()


class TestAFullGateway:
    @pytest.mark.parametrize(
        ("method", "path", "words"),
        [
            pytest.param("POST", "/", "SYSTEM BUSY, TRY AGAIN LATER", id="valor"),
            pytest.param("GET", "/api/valor-vault/getcustomers", "SYSTEM BUSY, TRY AGAIN LATER", id="vault"),
            pytest.param("POST", "/FortAPI/paymentApi", "Technical problem", id="aps"),
            pytest.param("POST", "/api/v3/iposTransact", "System Busy, Try Again Later", id="ipospays"),
            pytest.param("POST", "/v1/authenticate-token", "usy", id="ipospays tokens"),
        ],
    )
    def test_says_so_in_a_dialects_own_words(self, full: Gateway, method: str, path: str, words: str) -> None:
        status, retry_after, text = ask(full, method, path, b"{}" if method == "POST" else b"", JSON)
        assert (status, retry_after) == (503, "1")
        assert words in text

    def test_says_so_to_what_comes_in_pieces(self, full: Gateway) -> None:
        assert ask_in_pieces(full) == (503, "1")

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", LINK), ("POST", LINK), ("GET", f"{LINK}/result"), ("GET", "/r/x"), ("GET", "/r/x.pdf")],
    )
    def test_says_so_to_payers(self, full: Gateway, method: str, path: str) -> None:
        status, retry_after, text = ask(full, method, path, b"a=b" if method == "POST" else b"", FORM)
        assert (status, retry_after) == (503, "1")
        assert "Please try again in a moment" in text

    @pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/.well-known/bezant-pages"])
    def test_still_answers_those_who_look_after_it(self, full: Gateway, path: str) -> None:
        assert ask(full, "GET", path)[0] == 200

    def test_tells_its_log_together(self, full: Gateway) -> None:
        before = full.log_text().count("\n")
        for _ in range(20):
            assert ask(full, "POST", "/", b"{}", JSON)[0] == 503
            assert ask_in_pieces(full)[0] == 503
            assert ask(full, "GET", LINK)[0] == 503
        assert full.log_text().count("\n") - before < 20
