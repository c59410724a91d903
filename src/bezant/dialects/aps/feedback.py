"""Transaction feedback: what a merchant's server is told of purchases and refunds, by itself.

Direct feedback follows each purchase as soon as it is answered, however it went; what becomes of it later, a
refund or the end of a doubt, is notified elsewhere (source: vendor docs). Both say what the operation's
answer says, flat, all values as texts (source: public client), signed with the response phrase.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlencode

from bezant.core.bnpl import Loan, LoanRefund, Topic
from bezant.core.deliveries import Delivery, Parcel
from bezant.core.merchants import Directory, NoticeFormat, Notices, SigningAccount, SigningDirectory
from bezant.dialects.aps import answers, codes
from bezant.dialects.aps.codes import Error
from bezant.dialects.aps.operation import Form
from bezant.dialects.aps.operations.purchases import PURCHASE, purchase_error, purchase_facts
from bezant.dialects.aps.operations.refunds import REFUND, refund_error, refund_facts
from bezant.dialects.aps.signature import SIGNATURE, sign_answer
from bezant.dialects.wire.codecs import json

T = TypeVar("T")

FEEDBACK_TAKEN: Final = (range(200, 300), range(302, 303))
"""The statuses that acknowledge a notice: any 2xx, and 302 (source: vendor docs)."""
DIRECT: Final = frozenset({Topic.BOUGHT, Topic.FAILED, Topic.IN_DOUBT})
"""What is told at once. The rest is told where later changes are."""
IN_DOUBT: Final = frozenset({Topic.IN_DOUBT, Topic.REFUND_IN_DOUBT})
"""What is told as it was then, even if the lender has answered meanwhile."""
REFUNDS: Final = frozenset(
    {Topic.REFUNDED, Topic.REFUND_FAILED, Topic.REFUND_IN_DOUBT, Topic.REFUND_RESOLVED}
)


class LoanRows(Protocol):
    """Loans and refunds of one transaction."""

    def loan(self, merchant_id: int, loan_id: int) -> Loan | None:
        """A loan of that merchant."""
        ...

    def refund(self, merchant_id: int, refund_id: int) -> LoanRefund | None:
        """A refund of that merchant."""
        ...


class LoanTx(Protocol):
    """The store of one transaction."""

    @property
    def finance(self) -> LoanRows:
        """Loans and refunds."""
        ...


class LoanUnits(Protocol):
    """Reads."""

    async def read(self, work: Callable[[LoanTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...


class Feedback:
    """Composes what merchants with a signing account are told."""

    def __init__(self, *, units: LoanUnits, signing: SigningDirectory, callers: Directory) -> None:
        self._units = units
        self._signing = signing
        self._callers = callers

    async def compose(self, delivery: Delivery) -> Parcel | None:
        """What to send, and where; nothing for a merchant that wants to be told nothing."""
        account = await self._signing.of_merchant(delivery.merchant_id)
        topic = Topic(delivery.topic)
        url = _url(account.notices, topic) if account else None
        if account is None or url is None:
            return None
        loan, refund = await self._units.read(lambda tx: _subject(tx, delivery, topic))
        said = _refund_notice(loan, refund, topic, account) if refund else _loan_notice(loan, topic, account)
        said[SIGNATURE] = sign_answer(said, account.response_phrase, account.digest)
        caller = await self._callers.caller(account.merchant_id, account.terminal_id)
        return _parcel(url, said, account.notices.format, sandbox=caller.merchant.sandbox)


def _url(notices: Notices, topic: Topic) -> str | None:
    return notices.direct_url if topic in DIRECT else notices.later_url


def _subject(tx: LoanTx, delivery: Delivery, topic: Topic) -> tuple[Loan, LoanRefund | None]:
    """The loan that a delivery is about, and the refund of it, if it is about one."""
    merchant_id, subject_id = delivery.merchant_id, delivery.subject_id
    refund = tx.finance.refund(merchant_id, subject_id) if topic in REFUNDS else None
    loan = tx.finance.loan(merchant_id, refund.loan_id if refund else subject_id)
    assert loan is not None, "what was announced is gone"
    return loan, refund


def _loan_notice(loan: Loan, topic: Topic, account: SigningAccount) -> dict[str, str]:
    error = codes.IN_DOUBT if topic in IN_DOUBT else purchase_error(loan.state, loan.reason)
    facts = purchase_facts(loan)
    return _notice(loan.echo, facts, PURCHASE.form(account.edition), error)


def _refund_notice(loan: Loan, refund: LoanRefund, topic: Topic, account: SigningAccount) -> dict[str, str]:
    error = codes.IN_DOUBT if topic in IN_DOUBT else refund_error(refund.state, refund.reason)
    facts = {**refund_facts(refund), "merchant_reference": loan.reference}
    return _notice(refund.echo, facts, REFUND.form(account.edition), error)


def _notice(
    echo: Mapping[str, str], facts: Mapping[str, Any], form: Form, error: Error | None
) -> dict[str, str]:
    language = echo.get("language", "en").lower()
    told = (
        answers.outcome(error, failed=form.failed, language=language)
        if error
        else answers.told(codes.SUCCESS, form.succeeded, language)
    )
    said = {**echo, **facts, **told}
    return {name: str(value) for name, value in said.items() if value is not None and value != ""}


def _parcel(url: str, said: Mapping[str, str], written: NoticeFormat, *, sandbox: bool) -> Parcel:
    if written is NoticeFormat.FORM:
        return Parcel(
            url=url,
            content_type="application/x-www-form-urlencoded",
            body=urlencode(said).encode(),
            sandbox=sandbox,
        )
    return Parcel(url=url, content_type="application/json", body=json(dict(said)), sandbox=sandbox)
