"""A merchant that calls iPOSpays' API, and the office that boards it on a running gateway.

A ``Merchant`` has the tills of Valor's API, too: both speak of the same terminals. A ``Caller`` is whoever
shows one token. Whatever is not said of a transaction is left out of it.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from bezant.app.sides import access_side
from bezant.core.people import OPERATOR, OwnerRef
from tests.e2e.valor.shop import NO_HEADERS, VISA, Office, Shop, Till, approved
from tests.support.gateway import Answer, Gateway, NoAnswer, eventually

EXPIRED_WORDS: Final = "Payment Processing Token is Expired. Please try with new Token"
REFRESH: Final = "authenticationrefreshrequired"
TRANSACT: Final = "/api/v3/iposTransact"
STATUS: Final = "/api/v3/iposTransactStatus"
QUERY: Final = "/v1/queryPaymentStatus"
BATCHES: Final = "/api/v1/batch-report"
CARDS: Final = "/v1/subscription/get-cards"
ONBOARD: Final = "/v1/onboardmerchant"
ADD_ON: Final = "/v2/merchant/add-on"
AMEX: Final = "378282246310005"
"""A test card that is approved."""

_references: Final = itertools.count()
_PREFIX: Final = secrets.token_hex(4)


def reference() -> str:
    """A new transaction's reference."""
    return f"T_{_PREFIX}-{next(_references)}"


@dataclass(frozen=True, slots=True)
class Pair:
    """An organization's key pair."""

    gateway: Gateway
    api_key: str
    secret_key: str

    def ask(
        self, path: str = "/v1/authenticate-token", headers: Mapping[str, str] = NO_HEADERS, **said: Any
    ) -> Answer:
        """A request that shows the pair, as a JSON body, and says something more."""
        body = {"apiKey": self.api_key, "secretKey": self.secret_key, **said}
        return self.gateway.post(json.dumps(body).encode(), headers, target=path)

    def jwt(self, **said: Any) -> str:
        """A token for the pair."""
        answer = self.ask(**said)
        assert (answer.status, answer.body["responseCode"]) == (200, "00"), answer
        token: str = answer.body["token"]
        return token

    def now(self) -> float:
        """The time that the gateway goes by for the pair: when a token was given just now."""
        payload = self.jwt().split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(said["iat"])


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever shows this token, for one terminal."""

    gateway: Gateway
    token: str
    tpn: str

    def post(self, path: str, said: object, headers: Mapping[str, str] = NO_HEADERS) -> Answer:
        """Any JSON to any path; bytes go as they are."""
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        return self.gateway.post(body, {"token": self.token, **headers}, target=path)

    def get(self, path: str, headers: Mapping[str, str] | None = None, **query: str) -> Answer:
        """A question. Raises ``NoAnswer``."""
        place = urlsplit(self.gateway.base_url)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
        try:
            connection.request(
                "GET",
                f"{path}?{urlencode(query)}",
                headers={"token": self.token} if headers is None else dict(headers),
            )
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, json.loads(response.read()), names)
        except (OSError, http.client.HTTPException) as trouble:
            raise NoAnswer(trouble) from None
        finally:
            connection.close()

    def said(self, kind: object, key: str | None = None, **transaction: Any) -> dict[str, Any]:
        """A transaction of that type. ``preferences``, ``Avs``, ``L3Data`` stand beside it."""
        beside: dict[str, Any] = {
            name: transaction.pop(name) for name in ("preferences", "Avs", "L3Data") if name in transaction
        }
        return {
            "merchantAuthentication": {
                "merchantId": self.tpn,
                "transactionReferenceId": key or reference(),
            },
            "transactionRequest": {"transactionType": kind, **transaction},
            **beside,
        }

    def transact(
        self, kind: object, key: str | None = None, *, path: str = TRANSACT, **transaction: Any
    ) -> Answer:
        """A transaction, whatever becomes of it."""
        return self.post(path, self.said(kind, key, **transaction))

    def do(self, kind: object, key: str | None = None, **transaction: Any) -> dict[str, Any]:
        """A transaction that is approved."""
        return approved_in(self.transact(kind, key, **transaction))

    def status(self, key: str, *, path: str = STATUS) -> Answer:
        """What became of a transaction."""
        return self.post(path, {"merchantId": self.tpn, "transactionReferenceId": key})

    def query(self, key: str) -> dict[str, Any]:
        """The same by the other question."""
        answer = self.get(QUERY, tpn=self.tpn, transactionReferenceId=key)
        assert answer.status == 200, answer
        return answer.body

    def batches(self, **said: Any) -> Any:
        """Closed batches."""
        answer = self.post(BATCHES, {"merchantId": self.tpn, **said})
        assert answer.status == 200, answer
        return answer.body


@dataclass(frozen=True, slots=True)
class Merchant:
    """A merchant with a key pair, and each of its terminals as both APIs know it."""

    shop: Shop
    pair: Pair
    callers: tuple[Caller, ...]

    @property
    def till(self) -> Till:
        """The first terminal, by Valor's API."""
        return self.shop.tills[0]

    @property
    def caller(self) -> Caller:
        """The first terminal, by iPOSpays' API."""
        return self.callers[0]

    def card(self, number: str = VISA) -> str:
        """A card's token, made by Valor's API."""
        client_token = approved(self.till.call("clientToken"))["clientToken"]
        said = {"txn_type": "cardtoken", "client_token": client_token, "epi": self.till.epi}
        answer = self.till.send({**said, "pan": number, "expirydate": "1236"})
        token: str = approved(answer)["cardToken"]
        return token


class Bureau(Office):
    """Boards merchants, makes and resets their keys."""

    @property
    def iso(self) -> OwnerRef:
        """The sales organization of all that are boarded here."""
        return OwnerRef.iso(self._iso.iso_id)

    def open(self, *, terminals: int = 1, **how: Any) -> Merchant:
        """A new sandbox merchant with a key pair and a token."""
        shop = self.board(terminals=terminals, **how)
        pair = self.pair(OwnerRef.merchant(shop.merchant_id))
        token = pair.jwt()
        numbers = self._portal.call(self._numbers, shop)
        return Merchant(
            shop, pair, tuple(Caller(self._gateway, token, numbers[till.epi]) for till in shop.tills)
        )

    async def _numbers(self, shop: Shop) -> dict[str, str]:
        account = await self._store.units.read(lambda unit: unit.merchants.account(shop.merchant_id))
        assert account is not None
        profiles = self._side.profiles
        return {
            number: (await profiles.assign(shop.merchant_id, terminal.terminal_id)).number
            for number, terminal in account.terminals.items()
        }

    @property
    def _side(self) -> Any:
        return access_side(self._store).credentials

    def pair(self, owner: OwnerRef) -> Pair:
        """An organization's key pair; it is given one where it has none yet."""
        desk = self._side.credentials
        known = self._portal.call(desk.view, OPERATOR, owner)
        made = self._portal.call(desk.copy if known else desk.generate, OPERATOR, owner)
        return Pair(self._gateway, made.key.name, made.secret.reveal())

    def caller_of(self, merchant_id: int, tpn: str) -> Caller:
        """A merchant that somebody else has boarded, with a key pair."""
        return Caller(self._gateway, self.pair(OwnerRef.merchant(merchant_id)).jwt(), tpn)

    def reset(self, merchant: Merchant) -> Pair:
        """A merchant's pair with a new secret, as soon as it is stored."""
        made = self._portal.call(
            self._side.credentials.reset, OPERATOR, OwnerRef.merchant(merchant.shop.merchant_id)
        )
        return Pair(self._gateway, made.key.name, made.secret.reveal())

    def rotate(self, *, at_once: bool = False) -> None:
        """Sign tokens with a new key."""
        tokens = self._side.tokens
        self._portal.call(lambda: tokens.rotate(OPERATOR, at_once=at_once))

    def ecom_token(self, tpn: str) -> str:
        """A terminal's lasting token."""
        made = self._portal.call(self._side.ecom_tokens.generate, OPERATOR, tpn)
        text: str = made.text.reveal()
        return text

    def office(self, *merchants: Merchant) -> OwnerRef:
        """A new agent office of the sales organization, which looks after these merchants."""
        people = self._store.people

        async def made() -> OwnerRef:
            office = await people.add_office(OPERATOR, iso_id=self.iso.owner_id, name="Test Office")
            for each in merchants:
                await people.assign_office(
                    OPERATOR, merchant_id=each.shop.merchant_id, office_id=office.owner.owner_id
                )
            return office.owner

        return self._portal.call(made)

    def freeze_now(self, merchant: Merchant) -> datetime:
        """Stop a merchant's clock at this very second; the instant."""
        at = datetime.now(UTC).replace(microsecond=0)
        self._stop(merchant, at)
        return at

    def advance(self, merchant: Merchant, at: datetime, by: timedelta) -> None:
        """Set a frozen clock."""
        self._stop(merchant, at + by)

    def _stop(self, merchant: Merchant, at: datetime) -> None:
        self.freeze(merchant.shop, at)
        eventually(lambda: merchant.pair.now() == at.timestamp())


def approved_in(answer: Answer, key: str = "iposhpresponse") -> dict[str, Any]:
    """The object of an approval."""
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.body[key]
    assert (found["responseCode"], found["responseMessage"]) == ("200", "Successful"), answer
    return found


def declined_in(answer: Answer) -> tuple[str, str]:
    """Code and text of a decline."""
    assert answer.status == 200, answer
    found = answer.body["iposhpresponse"]
    assert (found["responseCode"], found["responseMessage"]) == ("400", "Declined"), answer
    return found["errResponseCode"], found["errResponseMessage"]


def problems(answer: Answer, status: int = 400) -> list[tuple[str, str]]:
    """Field and message of all that is wrong with a request."""
    assert answer.status == status, answer
    return [(each["field"], each["message"]) for each in answer.body["errors"]]
