"""What all pages share: drawing, headers, languages, addresses, and the answer when something goes wrong."""

from __future__ import annotations

import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

import structlog
from starlette.requests import Request
from starlette.responses import Response

from bezant.core.faults import fault_point
from bezant.core.outcomes import Conflict, Unavailable
from bezant.proxies import client_address
from bezant.web.answers import PageResponse, security_headers
from bezant.web.assets import Assets
from bezant.web.languages import NAMES, Language, choose, english
from bezant.web.rendering import Pages
from bezant.web.views import GonePage, ProblemPage

Endpoint = Callable[[Request], Awaitable[PageResponse]]
_log = structlog.get_logger(__name__)


class Observer(Protocol):
    """Is told of every page that was asked for: its name, never its address."""

    def __call__(self, *, page: str, outcome: str, status: int, seconds: float) -> None:
        """It was answered, ``seconds`` after it was asked for."""
        ...


class Door(Protocol):
    """Bounds the requests that are worked on at a time."""

    def enter(self) -> bool:
        """Let a request in, or not. Who is let in must leave."""
        ...

    def leave(self) -> None:
        """A request was answered."""
        ...


class Site:
    """Pages of one gateway.

    ``public_url`` is how payers reach it, without a path. If it is ``https``, they come by TLS, whatever
    stands between them and this process, and cookies and browsers are held to it. ``door`` bounds the pages
    that are drawn at a time.
    """

    def __init__(
        self, *, public_url: str, trusted_proxies: frozenset[str], observe: Observer, door: Door
    ) -> None:
        self.assets = Assets.load()
        self.pages = Pages(self.assets)
        self.secure = public_url.startswith("https://")
        self._public_url = public_url
        self._trusted_proxies = trusted_proxies
        self._observe = observe
        self._door = door

    def admitted(self, answer: Endpoint) -> Endpoint:
        """``answer`` for those who are let in; with its body read by then, since that may come slowly."""

        async def entered(request: Request) -> PageResponse:
            if not self._door.enter():
                return self.problem(request, 503, CROWDED, headers={"retry-after": RETRY_AFTER_SECONDS})
            try:
                return await answer(request)
            finally:
                self._door.leave()

        return entered

    def endpoint(self, name: str, answer: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint that is observed, and answers with a page whatever happens. ``name`` is for metrics."""

        async def served(request: Request) -> Response:
            started = time.perf_counter()
            fault_point("request.accepted")
            try:
                response = await answer(request)
            except (Conflict, Unavailable):
                response = self.problem(request, 503, "unavailable")
            except Exception as error:  # noqa: BLE001 - the outermost layer: nothing may get past it
                # Neither the error's text nor the request: both may carry what a payer typed.
                frames = [
                    f"{frame.filename}:{frame.lineno} {frame.name}"
                    for frame in traceback.extract_tb(error.__traceback__)
                ]
                _log.error("page crashed", page=name, exception=type(error).__name__, frames=frames)
                response = self.problem(request, 500, "crashed")
            seconds = time.perf_counter() - started
            self._observe(page=name, outcome=response.outcome, status=response.status_code, seconds=seconds)
            fault_point("page.answered")
            return response

        return served

    def draw(
        self,
        template: str,
        page: object,
        *,
        language: Language,
        outcome: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        policy: Mapping[str, str] | None = None,
    ) -> PageResponse:
        """A page with its headers; ``policy`` replaces directives of the content security policy."""
        return PageResponse(
            self.pages.draw(template, page, language),
            status=status,
            outcome=outcome,
            headers={
                **security_headers(policy=policy, secure=self.secure),
                "content-language": language.tag,
                "vary": "accept-language",
                **(headers or {}),
            },
        )

    def redirect(self, location: str, *, outcome: str) -> PageResponse:
        """See another page of ours. ``location`` is made here, never given by anybody."""
        headers = {**security_headers(secure=self.secure), "location": location}
        return PageResponse(status=303, outcome=outcome, headers=headers)

    def missing(self, request: Request) -> PageResponse:
        """A link that nobody ever made, or a receipt."""
        language = self.language(request)
        page = GonePage(
            title=language.text("Page not found"),
            text=language.text("Please check the address. It may be incomplete."),
        )
        return self.draw("gone.html", page, language=language, outcome="missing", status=404)

    def over(self, request: Request) -> PageResponse:
        """A link that nobody can pay any more."""
        language = self.language(request)
        page = GonePage(
            title=language.text(EXPIRED),
            text=language.text("Please contact the merchant for a new payment link."),
        )
        return self.draw("gone.html", page, language=language, outcome="over", status=410)

    def problem(
        self,
        request: Request,
        status: int,
        outcome: str,
        *,
        retry: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> PageResponse:
        """A request that was not carried out. ``outcome`` is one of ``PROBLEMS``."""
        language = self.language(request)
        title, text = PROBLEMS[outcome]
        page = ProblemPage(title=language.text(title), text=language.text(text), retry=retry)
        return self.draw(
            "problem.html", page, language=language, outcome=outcome, status=status, headers=headers
        )

    def language(self, request: Request) -> Language:
        """The language that this payer reads."""
        return choose(
            wanted=request.query_params.get("lang"), accepted=request.headers.get("accept-language")
        )

    def within(self, request: Request, path: str) -> str:
        """A path of ours, in the language that the payer chose on this page, if any."""
        chosen = request.query_params.get("lang")
        return f"{path}?lang={chosen}" if chosen in NAMES else path

    def absolute(self, path: str) -> str:
        """A path of ours as an address that works outside this page."""
        return f"{self._public_url}{path}"

    def address(self, request: Request) -> str:
        """The payer's address."""
        return client_address(
            request.client.host if request.client else "",
            request.headers.get("x-forwarded-for", "").encode("latin-1"),
            trusted=self._trusted_proxies,
        )


RETRY_AFTER_SECONDS: Final = "1"
CROWDED: Final = "crowded"
"""The outcome of a page that was not let in."""
EXPIRED: Final = english("Payment Link expired")
"""The title of a link that nobody can pay any more (vendor docs)."""
_LATER: Final = (
    english("We cannot answer right now"),
    english("Please try again in a moment. If you have just paid, you will not be charged twice."),
)
PROBLEMS: Final[Mapping[str, tuple[str, str]]] = {
    "unavailable": _LATER,
    CROWDED: _LATER,
    "crashed": (
        english("Something went wrong"),
        english("Please try again in a moment. If you have just paid, you will not be charged twice."),
    ),
    "unreadable": (
        english("We could not read your request"),
        english("Nothing was charged. Please open the payment link again."),
    ),
    "forged": (
        english("Please open the link again"),
        english("This form is not ours, or your browser keeps no cookies. Nothing was charged."),
    ),
    "limited": (
        english("Too many tries"),
        english("Nothing was charged. Please wait a few minutes before you try again."),
    ),
}
"""Titles and texts of requests that were not carried out, by outcome."""
