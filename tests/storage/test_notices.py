"""Notices from their announcement to a mail box or a phone, over real storage and a real mail server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from msgspec import structs
from sqlalchemy import text as sql

from bezant.core.deliveries import NOT_SET_UP, Courier, Delivery, Fate, Policy, Route, Senders, State, Text
from bezant.core.deliveries import Parcel as Posted
from bezant.core.languages import Language
from bezant.core.merchants import Caller, RefundFactor
from bezant.core.money import Money
from bezant.core.notices import (
    Channel,
    Copy,
    FactorNotices,
    Facts,
    Limit,
    Limits,
    LinkFacts,
    Notice,
    Notices,
    PasswordFacts,
    ReceiptFacts,
    Target,
    addressed,
    reaches,
)
from bezant.core.outcomes import Reason, Refused
from bezant.core.payments import Kind, Order, Payment
from bezant.core.sensitive import Secret
from bezant.notices import NoticeComposer
from bezant.rails.mail import Security, SmtpSender
from bezant.rails.mail.sandbox import Mail, MailSandbox
from bezant.rails.sms import HttpTexts
from bezant.rails.sms.sandbox import SmsSandbox
from bezant.storage.units import Unit
from tests.storage.billing import Billing, billing_of
from tests.storage.notices import notices_of
from tests.storage.shop import CARD, Shop, charge_of

pytestmark = pytest.mark.anyio

PAYER = "payer@example.com"
PHONE = "+12015550123"
HOUR = timedelta(hours=1)
POLICY = Policy(retries=3, pause=timedelta(minutes=1))
PAGES = "https://pay.example.com"
PASSWORD = PasswordFacts(merchant="Shop", password=Secret("837465"), amount=Money(5_00), minutes=10)
HOSTILE_NAMES = (
    "Shop\r\nBcc: victim@example.com",
    "Shop\nContent-Type: text/html\n\n<h1>hi",
    'Shop" <evil@example.com>, "x',
    "Shop\u2028X: y",
    "Shop\x00\x0b\x0c",
    "=?utf-8?q?=0D=0ABcc:_victim@example.com?=",
)


class Web:
    """Merchants' servers, of which none is written to here."""

    async def post(self, parcel: Posted) -> Fate:
        """Nothing is sent."""
        raise AssertionError(parcel)


@dataclass
class World:
    """A shop that tells people things, their mail boxes and their phones."""

    shop: Shop
    billing: Billing
    mails: MailSandbox = field(default_factory=MailSandbox)
    phones: SmsSandbox = field(default_factory=SmsSandbox)

    @property
    def notices(self) -> Notices:
        """What it announces by."""
        return notices_of(self.shop)

    @property
    def merchant_id(self) -> int:
        """Whose notices they are."""
        return self.shop.caller.merchant.merchant_id

    async def tell(self, facts: Facts, *, language: Language = Language.ENGLISH) -> int:
        """Announce to the payer's mail box and phone."""
        targets = addressed(mail=PAYER, phone=PHONE)
        return await self.notices.send(self.merchant_id, targets, facts, language=language)

    async def carry(self, *, letters: SmtpSender | None = None) -> list[Delivery]:
        """What one process carries when it looks once."""
        texts = HttpTexts(self.phones.url)
        composer = NoticeComposer(
            units=self.shop.units,
            callers=self.shop.directory,
            opens=self.billing.receipts,
            clock=self.shop.clock,
            pages_url=PAGES,
        )
        courier = Courier(
            units=self.shop.units,
            routes={name: Route(composer=composer, policy=POLICY) for name in ("notice", "password")},
            sender=Senders(parcels=Web(), letters=letters or self.smtp(), texts=texts),
            clock=self.shop.clock,
        )
        try:
            carried = [await courier.carry(each) for each in await courier.due(100)]
        finally:
            await texts.stop()
        return [each for each in carried if each is not None]

    async def claim_all(self) -> None:
        """Another process takes all that is due, and says nothing any more."""
        now = self.shop.clock.now()

        def claim(unit: Unit) -> None:
            for each in unit.deliveries.due(now, limit=9, each=9):
                unit.deliveries.change(each, each.claimed(until=now + timedelta(seconds=45)))

        await self.shop.units.write(claim, merchant_id=self.merchant_id)

    def smtp(self) -> SmtpSender:
        """A way to the mail boxes."""
        return SmtpSender(
            self.mails.address,
            sender="receipts@pay.example.com",
            security=Security.NONE,
            timeout_seconds=5,
            now=self.shop.clock.now,
        )

    async def mail(self, facts: Facts, *, language: Language = Language.ENGLISH) -> Mail:
        """The mail that tells of it."""
        targets = addressed(mail=PAYER, phone=None)
        assert await self.notices.send(self.merchant_id, targets, facts, language=language) == 1
        (carried,) = await self.carry()
        assert carried.state is State.DELIVERED
        return self.mails.mails[-1]

    def dump(self) -> str:
        """Everything that is stored of notices and deliveries."""
        with self.shop.engine.connect() as connection:
            return "".join(
                repr(list(row))
                for table in ("notices", "deliveries")
                for row in connection.execute(sql(f"SELECT * FROM {table}"))  # noqa: S608 - our own words
            )


@pytest.fixture
async def world(shop: Shop) -> AsyncIterator[World]:
    async with _world(shop) as world:
        yield world


class TestANotice:
    async def test_goes_to_mail_boxes_and_phones(self, world: World) -> None:
        assert await world.tell(PASSWORD) == 2
        assert {each.state for each in await world.carry()} == {State.DELIVERED}
        (mail,), (message,) = world.mails.mails, world.phones.messages
        assert (mail.to, message.to) == ([PAYER], PHONE)
        assert all("837465" in text for text in (mail.text, mail.html, message.text))

    async def test_is_forgotten_with_its_delivery(self, world: World) -> None:
        await world.tell(PASSWORD)
        await world.carry()
        await world.tell(PASSWORD)
        world.shop.clock.pass_by(days=30, seconds=1)
        courier = Courier(
            units=world.shop.units, routes={}, sender=Senders(parcels=Web()), clock=world.shop.clock
        )
        assert await courier.forget() == 2
        assert (world.shop.count("notices"), world.shop.count("deliveries")) == (2, 4)
        assert world.shop.wrong() == []

    async def test_is_kept_sealed(self, world: World) -> None:
        await world.tell(PASSWORD)
        before = world.dump()
        await world.carry()
        for kept in (before, world.dump()):
            assert not any(word in kept for word in ("837465", PAYER, PHONE))

    async def test_is_not_sent_where_the_change_that_it_tells_of_is_undone(self, world: World) -> None:
        stamp = await world.notices.stamp()

        def work(unit: Unit) -> None:
            world.notices.announce(
                unit, stamp, world.merchant_id, addressed(mail=PAYER, phone=None), PASSWORD
            )
            raise Refused(Reason.BUSY)

        with pytest.raises(Refused):
            await world.shop.units.write(work, merchant_id=world.merchant_id)
        assert await world.carry() == []

    async def test_goes_to_nobody_over_a_channel_that_is_not_there(self, world: World) -> None:
        mails = notices_of(world.shop, channels=frozenset({Channel.MAIL}))
        targets = addressed(mail=PAYER, phone=PHONE)
        assert await mails.send(world.merchant_id, targets, PASSWORD) == 1
        assert await mails.send(world.merchant_id, targets[1:], PASSWORD) == 0
        senders = Senders(parcels=Web())
        assert await senders.post(Text(to=PHONE, text="hi")) == NOT_SET_UP

    @pytest.mark.parametrize(
        ("mail", "phone"),
        [
            (None, None),
            ("", ""),
            ("nobody", "call me"),
            ("a@example.com\r\nBcc: b@example.com", "1\n2"),
            ("a@example.com,b@example.com", "123"),
            ("<a@example.com>", "+1 (201) 555-0123 ext 4"),
        ],
    )
    def test_goes_to_no_text_that_is_neither_address_nor_number(
        self, mail: str | None, phone: str | None
    ) -> None:
        assert addressed(mail=mail, phone=phone) == ()

    def test_goes_to_a_number_without_its_brackets(self) -> None:
        assert Target.phone("+1 (201) 555-0123") == Target(channel=Channel.TEXT, address=PHONE)

    async def test_without_a_delivery_is_found(self, world: World) -> None:
        await world.tell(PASSWORD)
        assert world.shop.wrong() == []
        with world.shop.engine.begin() as connection:
            connection.execute(sql("DELETE FROM deliveries"))
        assert {each.message for each in world.shop.wrong()} == {"is on no delivery"}


class TestALimit:
    async def test_holds_for_each_target_and_topic_within_an_hour(self, world: World) -> None:
        sale = await world.shop.sale()
        receipt, mine = ReceiptFacts(payment_id=sale.payment_id), addressed(mail=PAYER, phone=None)
        for _ in range(5):
            assert await world.notices.send(world.merchant_id, mine, receipt) == 1
        shouted = addressed(mail=PAYER.upper(), phone=None)
        assert await world.notices.send(world.merchant_id, shouted, receipt) == 0
        assert await world.notices.send(world.merchant_id, mine, PASSWORD) == 1
        other = addressed(mail="other@example.com", phone=PHONE)
        assert await world.notices.send(world.merchant_id, other, receipt) == 2
        assert len(await world.carry()) == 8
        world.shop.clock.pass_by(hours=1)
        assert await world.notices.send(world.merchant_id, mine, receipt) == 1

    async def test_holds_for_all_that_a_merchant_sends(self, world: World) -> None:
        sale = await world.shop.sale()
        receipt = ReceiptFacts(payment_id=sale.payment_id)
        limits = Limits(notices=(Limit(notices=3, within=HOUR, per_target=False),))
        notices = notices_of(world.shop, limits=limits)
        told = [
            await notices.send(world.merchant_id, addressed(mail=f"{n}@example.com", phone=None), receipt)
            for n in range(5)
        ]
        assert told == [1, 1, 1, 0, 0]
        stranger = await world.shop.another_caller()
        assert await notices.send(stranger.merchant.merchant_id, addressed(mail=PAYER, phone=None), PASSWORD)

    async def test_leaves_the_link_itself_alone(self, world: World) -> None:
        for _ in range(7):
            assert await world.billing.ask(email=PAYER)
        assert len(await world.carry()) == 5


class TestARelay:
    async def test_that_was_away_gets_it_later(self, world: World) -> None:
        await world.tell(PASSWORD)
        letters = world.smtp()
        await world.mails.stop()
        assert {each.last_word for each in await world.carry(letters=letters)} == {"not reached", "202"}
        assert await world.carry(letters=letters) == []
        await world.mails.start()
        world.mails.refusing = True
        world.shop.clock.pass_by(minutes=1)
        (second,) = await world.carry()
        assert (second.state, second.last_word) == (State.DUE, "451")
        world.mails.refusing = False
        world.shop.clock.pass_by(minutes=1)
        (third,) = await world.carry()
        assert (third.state, third.tries, len(world.mails.mails)) == (State.DELIVERED, 3, 1)
        world.shop.clock.pass_by(hours=1)
        assert await world.carry() == []

    async def test_gets_the_same_again_from_whoever_takes_over(self, world: World) -> None:
        """A process that dies after it was claimed, or before it told: it is sent at least once."""
        await world.tell(PASSWORD)
        await world.claim_all()
        assert await world.carry() == []
        world.shop.clock.pass_by(minutes=1)
        assert {each.state for each in await world.carry()} == {State.DELIVERED}
        assert (len(world.mails.mails), len(world.phones.messages)) == (1, 1)

    async def test_that_is_never_there_is_given_up(self, world: World) -> None:
        await world.tell(PASSWORD)
        world.mails.refusing = world.phones.refusing = True
        for _ in range(POLICY.retries + 1):
            last = await world.carry()
            world.shop.clock.pass_by(minutes=1)
        assert {each.state for each in last} == {State.GIVEN_UP}
        assert await world.carry() == []


class TestAReceipt:
    async def test_shows_the_refund_that_was_made_before_it_was_sent(self, world: World) -> None:
        sale = await world.shop.sale(20_00)
        await world.notices.send(
            world.merchant_id, addressed(mail=PAYER, phone=PHONE), ReceiptFacts(payment_id=sale.payment_id)
        )
        await world.shop.refund(sale, 5_00)
        await world.carry()
        (mail,), (message,) = world.mails.mails, world.phones.messages
        url = f"{PAGES}/r/{world.billing.receipts.uid(sale)}"
        assert mail.subject == f"Your receipt from {world.shop.caller.merchant.name}"
        for text in (mail.text, mail.html):
            assert all(word in text for word in ("Partly refunded", "-$5.00", "$15.00", "XXXX1111", url))
        assert message.text == f"{mail.subject}, $20.00: {url}"

    async def test_of_a_refund_is_one_of_a_refund(self, world: World) -> None:
        refund = await world.shop.refund(await world.shop.sale(20_00), 5_00)
        mail = await world.mail(ReceiptFacts(payment_id=refund.payment_id, copy=Copy.MERCHANT))
        assert mail.subject.startswith("Your refund from ")
        assert "Audit number" in mail.text

    async def test_of_a_void_shows_it(self, world: World) -> None:
        sale = await world.shop.sale(20_00)
        await world.shop.void(sale)
        mail = await world.mail(ReceiptFacts(payment_id=sale.payment_id))
        assert "Voided" in mail.text
        assert "Remaining: $0.00" in mail.text

    async def test_holds_no_card_number_that_somebody_wrote_into_its_texts(self, world: World) -> None:
        sale = await _described(world.shop, f"card {CARD.reveal()}")
        for copy in Copy:
            mail = await world.mail(ReceiptFacts(payment_id=sale.payment_id, copy=copy))
            assert CARD.reveal() not in f"{mail.subject}{mail.text}{mail.html}"

    async def test_shows_markup_as_text(self, world: World) -> None:
        text = """<script>alert(1)</script> {{ 7 * 7 }} "><img src=x onerror=y>"""
        mail = await world.mail(ReceiptFacts(payment_id=(await _described(world.shop, text)).payment_id))
        assert "<script" not in mail.html
        assert "<img" not in mail.html
        assert ">49" not in mail.html
        assert text in mail.text

    async def test_is_sent_when_the_payer_wants_one_in_the_payers_language(self, world: World) -> None:
        uid = await world.billing.ask()
        outcome = await world.billing.pay(
            uid, receipt=True, email=PAYER, phone=PHONE, language=Language.SPANISH
        )
        paid = outcome.payment
        assert paid is not None
        assert len(await world.carry()) == 2
        mail = world.mails.mails[-1]
        assert mail.subject.startswith("Su recibo de ")
        assert f"/r/{world.billing.receipts.uid(paid)}" in mail.text


class TestALink:
    async def test_says_who_asks_for_what(self, world: World) -> None:
        uid = await world.billing.ask(12_34, number="inv 7", email=PAYER)
        await world.carry()
        (mail,) = world.mails.mails
        assert mail.subject == f"{world.shop.caller.merchant.name} asks you to pay $12.34"
        for text in (mail.text, mail.html):
            assert all(word in text for word in (f"{PAGES}/pay/{uid}", "inv 7", "Mar 25, 2026"))

    async def test_may_ask_for_a_card_and_nothing_else(self, world: World) -> None:
        uid = await world.billing.ask(0, email=PAYER, kind=Kind.VERIFICATION)
        await world.carry()
        (mail,) = world.mails.mails
        assert mail.subject == f"{world.shop.caller.merchant.name} asks you to verify your card"
        for text in (mail.text, mail.html):
            assert f"{PAGES}/pay/{uid}" in text
            assert "Verify card" in text
            assert "$" not in text

    async def test_is_sent_again_when_it_is_changed(self, world: World) -> None:
        uid = await world.billing.ask(email=PAYER)
        await world.billing.invoices.update(world.shop.caller, uid)
        assert len(await world.carry()) == 2
        assert all(uid in mail.text for mail in world.mails.mails)

    @pytest.mark.parametrize("end", ["paid", "cancelled", "expired"])
    async def test_that_nobody_can_pay_any_more_is_not_sent(self, world: World, end: str) -> None:
        uid = await world.billing.ask(email=PAYER)
        match end:
            case "paid":
                await world.billing.pay(uid)
            case "cancelled":
                await world.billing.invoices.cancel(world.shop.caller, uid)
            case _:
                world.shop.clock.pass_by(days=2)
        (carried,) = await world.carry()
        assert carried.state is State.UNWANTED
        assert not world.mails.mails


class TestAPassword:
    async def test_goes_to_the_merchants_people(self, world: World) -> None:
        caller = _guarded(world.shop.caller, RefundFactor(enabled=True, email=PAYER, phone=PHONE))
        await FactorNotices(world.notices).send_password(caller, Secret("837465"), amount=Money(5_00))
        await world.carry()
        (mail,), (message,) = world.mails.mails, world.phones.messages
        assert "837465" not in mail.subject
        said = "837465 is the one-time password for a refund of $5.00. It is good for 10 minutes."
        assert message.text == said
        assert said in mail.text

    async def test_is_refused_where_too_many_went_out(self, world: World) -> None:
        caller = _guarded(world.shop.caller, RefundFactor(enabled=True, email=PAYER))
        limits = Limits(passwords=(Limit(notices=2, within=HOUR, per_target=True),))
        notices = FactorNotices(notices_of(world.shop, limits=limits))
        for _ in range(2):
            await notices.send_password(caller, Secret("837465"), amount=Money(5_00))
        with pytest.raises(Refused) as refused:
            await notices.send_password(caller, Secret("837465"), amount=Money(5_00))
        assert refused.value.reason is Reason.BUSY

    def test_reaches_people_over_the_channels_that_are_there(self) -> None:
        mail, phone = RefundFactor(email=PAYER), RefundFactor(phone=PHONE)
        assert reaches(mail, {Channel.MAIL})
        assert not reaches(mail, {Channel.TEXT})
        assert not reaches(phone, {Channel.MAIL})
        assert not reaches(RefundFactor(), set(Channel))


class TestALetter:
    @pytest.mark.parametrize(
        ("language", "words"),
        [
            (Language.ENGLISH, "Your receipt from"),
            (Language.SPANISH, "Su recibo de"),
            (Language.ARABIC, "إيصالك من"),
        ],
    )
    async def test_is_in_the_language_of_whoever_gets_it(
        self, world: World, language: Language, words: str
    ) -> None:
        sale = await world.shop.sale()
        mail = await world.mail(ReceiptFacts(payment_id=sale.payment_id), language=language)
        assert words in mail.subject
        assert f'dir="{language.direction}"' in mail.html

    async def test_has_one_recipient_and_one_subject_whatever_its_merchant_is_called(
        self, world: World
    ) -> None:
        for name in HOSTILE_NAMES:
            mail = await world.mail(replace(PASSWORD, merchant=name))
            assert mail.to == [PAYER]
            assert "837465" in mail.text
            assert "\n" not in mail.sender
            assert mail.sender.endswith("<receipts@pay.example.com>")


class TestWhatIsKept:
    @pytest.mark.parametrize(
        "facts", [PASSWORD, LinkFacts(invoice_id=7), ReceiptFacts(payment_id=8, copy=Copy.MERCHANT)]
    )
    async def test_comes_back_as_it_was(self, world: World, facts: Facts) -> None:
        targets = addressed(mail=None, phone=PHONE)
        notices, merchant_id = world.notices, world.merchant_id
        stamp = await notices.stamp()

        def keep(unit: Unit) -> Notice | None:
            notices.announce(unit, stamp, merchant_id, targets, facts, language=Language.ARABIC)
            return unit.notices.find(merchant_id, stamp.ids[0])

        found = await world.shop.units.write(keep, merchant_id=merchant_id)
        assert found is not None
        assert (found.facts, found.target, found.language) == (facts, targets[0], Language.ARABIC)


@asynccontextmanager
async def _world(shop: Shop) -> AsyncIterator[World]:
    world = World(shop, billing_of(shop))
    await world.mails.start()
    await world.phones.start()
    try:
        yield world
    finally:
        await world.phones.stop()
        await world.mails.stop()


async def _described(shop: Shop, text: str) -> Payment:
    order = Order(description=text, invoice=text[:24], cardholder=text[:24])
    return (await shop.payments.charge(shop.caller, structs.replace(charge_of(), order=order))).payment


def _guarded(caller: Caller, factor: RefundFactor) -> Caller:
    return structs.replace(caller, merchant=replace(caller.merchant, refund_factor=factor))
