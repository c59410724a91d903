"""Steps inside one transaction that several use cases share: finding, finishing, telling the outside."""

from __future__ import annotations

from datetime import datetime

from bezant.core.bnpl.messages import InquiryAnswer, LoanAnswer, ReturnAnswer
from bezant.core.bnpl.model import (
    LOAN_TOPICS,
    REFUND_TOPICS,
    Loan,
    LoanRefund,
    LoanState,
    RefundState,
    Topic,
    decide_loan,
    decide_refund,
    loan_entry,
    refund_entry,
)
from bezant.core.bnpl.ports import FinanceTx
from bezant.core.deliveries import Delivery


def existing_loan(tx: FinanceTx, merchant_id: int, loan_id: int) -> Loan:
    """A loan that must exist."""
    loan = tx.finance.loan(merchant_id, loan_id)
    assert loan is not None, "a loan that was stored is gone"
    return loan


def existing_refund(tx: FinanceTx, merchant_id: int, refund_id: int) -> LoanRefund:
    """A refund that must exist."""
    refund = tx.finance.refund(merchant_id, refund_id)
    assert refund is not None, "a refund that was stored is gone"
    return refund


def finish_loan(
    tx: FinanceTx,
    *,
    loan: Loan,
    answer: LoanAnswer | InquiryAnswer,
    delivery_id: int,
    at: datetime,
    real: datetime,
) -> Loan:
    """Decide on the lender's answer, book it, and have the outside told under ``delivery_id``.

    ``at`` is the merchant's time, ``real`` real time. Raises ``Conflict`` at the end of the transaction
    when somebody else decided first.
    """
    finished = decide_loan(loan, answer, at=at, real=real)
    tx.finance.change_loan(loan, finished, at=at)
    if finished.state is LoanState.GRANTED:
        tx.journal.book(loan_entry(finished, booked_at=at))
    topic = Topic.RESOLVED if loan.state is LoanState.IN_DOUBT else LOAN_TOPICS[finished.state]
    announce(tx, finished, topic, delivery_id=delivery_id, real=real)
    return finished


def finish_refund(
    tx: FinanceTx,
    *,
    refund: LoanRefund,
    answer: ReturnAnswer | InquiryAnswer,
    delivery_id: int,
    at: datetime,
    real: datetime,
) -> LoanRefund:
    """As ``finish_loan``. A declined refund frees what it had claimed of its loan."""
    finished = decide_refund(refund, answer, at=at, real=real)
    tx.finance.change_refund(refund, finished, at=at)
    if finished.state is RefundState.DONE:
        tx.journal.book(refund_entry(finished, booked_at=at))
    elif finished.state is RefundState.DECLINED:
        loan = existing_loan(tx, refund.merchant_id, refund.loan_id)
        tx.finance.change_loan(loan, loan.changed(refunded=loan.refunded - refund.amount), at=at)
    in_doubt = refund.state is RefundState.IN_DOUBT
    topic = Topic.REFUND_RESOLVED if in_doubt else REFUND_TOPICS[finished.state]
    announce(tx, finished, topic, delivery_id=delivery_id, real=real)
    return finished


def announce(
    tx: FinanceTx, subject: Loan | LoanRefund, topic: Topic, *, delivery_id: int, real: datetime
) -> None:
    """Have the outside told of a loan or a refund, if this transaction commits."""
    tx.deliveries.add(
        Delivery.announced(
            merchant_id=subject.merchant_id,
            delivery_id=delivery_id,
            topic=topic.value,
            subject_id=subject.loan_id if isinstance(subject, Loan) else subject.refund_id,
            sequence=subject.revision,
            real=real,
        )
    )
