"""The pages of one gateway as routes, composed: what the server needs to know of this package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.routing import Route

from bezant.core.invoices import UID, Invoices, Receipts
from bezant.web.answers import PageResponse
from bezant.web.brands import BrandPages, FindLogo
from bezant.web.codes import CodePages
from bezant.web.files import FilePages
from bezant.web.limits import Limits
from bezant.web.passage import FIELDS_SCRIPT_PATH, FRAME_PATH, SCRIPT_PATHS, PassagePages
from bezant.web.pay import PaymentPages
from bezant.web.receipts import ReceiptPages
from bezant.web.seals import Seals
from bezant.web.site import Door, Endpoint, Observer, Site
from bezant.web.wording import ACCENT, BUTTON


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the pages need.

    ``digest`` is a keyed hash, the same in every process; ``now`` gives seconds that never go back;
    ``public_url`` is how payers reach the gateway, without a path.
    """

    invoices: Invoices
    receipts: Receipts
    logo: FindLogo
    digest: Callable[[str], bytes]
    now: Callable[[], float]
    observe: Observer
    door: Door
    public_url: str
    trusted_proxies: frozenset[str]


def routes(services: Services) -> list[Route]:
    """Every page."""
    site = Site(
        public_url=services.public_url,
        trusted_proxies=services.trusted_proxies,
        observe=services.observe,
        door=services.door,
    )
    payments = PaymentPages(
        site,
        invoices=services.invoices,
        receipts=services.receipts,
        seals=Seals(services.digest),
        limits=Limits(services.now),
    )
    receipts, codes = ReceiptPages(site, services.receipts), CodePages(site, services.invoices)
    brands = BrandPages(site, services.logo)
    passage, files = PassagePages(site), FilePages(site)

    async def linked(request: Request) -> PageResponse:
        """The address that links had with the vendor: ``/?uid=...`` (source: vendor samples)."""
        uid = request.query_params.get("uid", "")
        if UID.fullmatch(uid) is None:
            return site.missing(request)
        return site.redirect(site.within(request, f"/pay/{uid}"), outcome="linked")

    def at(path: str, name: str, answer: Endpoint, *methods: str) -> Route:
        return Route(path, site.endpoint(name, answer), methods=list(methods or ("GET",)))

    return [
        at("/", "link", linked),
        at("//", "link", linked),
        at("/pay/{uid}", "pay-form", site.admitted(payments.form)),
        at("/pay/{uid}", "pay", payments.pay, "POST"),
        at("/pay/{uid}/cancel", "pay-cancel", payments.cancel, "POST"),
        at("/pay/{uid}/result", "pay-result", site.admitted(payments.result)),
        at("/r/{receipt}.pdf", "receipt-document", site.admitted(receipts.document)),
        at("/r/{receipt}", "receipt", site.admitted(receipts.page)),
        at("/qr/{uid}.{kind}", "qr", site.admitted(codes.code)),
        at("/logo/{name}", "logo", site.admitted(brands.logo)),
        *(
            at(f"/{paint.name}/{{digits}}.css", paint.name, partial(brands.colour, paint=paint))
            for paint in (ACCENT, BUTTON)
        ),
        at("/static/{name}", "file", files.asset),
        at("/.well-known/bezant-pages", "self-check", files.check),
        *(at(path, "passage-script", passage.script) for path in SCRIPT_PATHS),
        at(FIELDS_SCRIPT_PATH, "card-fields-script", passage.fields_script),
        at(FRAME_PATH, "passage-frame", passage.frame),
    ]
