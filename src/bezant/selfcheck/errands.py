"""What is sent with canaries: each operation, well and badly, in every form of request, with every outcome.

What an operation takes is read from the tables of the contract, so that a new field is sent canaries without
a word here.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, urlencode

from bezant.dialects.valor import vault_rest
from bezant.dialects.valor.dialect import Operation
from bezant.dialects.valor.operations import OPERATIONS
from bezant.selfcheck.canaries import ACCOUNTS, CARDS, GIFT_CARDS, PINS, Canary, Kind, pairs
from bezant.selfcheck.gateway import Answer, Gateway, Unable
from bezant.selfcheck.transactions import Transactions

EXPIRY: Final = "1236"
MARK: Final = "CANARY BIRD"
"""The cardholder: found where payments are kept, so that a search of that place proves something."""
FORMS: Final = ("json", "form", "query", "multipart")
LOSSES: Final = ({"drop": True}, {"half": True}, {"garble": True}, {"duplicate": True}, {"mismatch": "stan"})
LOST_MINOR: Final = 50_00
LATE_MINOR: Final = 60_00
CREDENTIALS_MAX: Final = 5
ROUTING_NUMBER: Final = "021000021"
_BOUNDARY: Final = "canary"
_TOO_LARGE: Final = 1024 * 1024 + 1
_ROOT: Final = f"/api/{vault_rest.ROOTS[0]}"


class Errands:
    """Runs them on a gateway and keeps every answer."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        valor = gateway.demo["valor"]
        self._keys = {name: valor[name] for name in ("appid", "appkey", "epi")}
        self._forms = itertools.cycle(FORMS)
        self.answers: list[Answer] = []
        self.secrets = [Canary(Kind.CREDENTIAL, gateway.demo["valor_second"]["appkey"])]
        """What was handed out on the way; the second merchant's key is random, the first's is published."""
        self._transactions = Transactions(self._send, gateway.demo["ipospays"], mark=MARK)

    def run(self) -> None:
        """All of them. The server is killed and started again on the way."""
        for card, verification in pairs():
            self._pay(card.value, verification.value)
            self._keep(card.value)
            self._stray(card.value, verification.value)
        for card, verification in itertools.islice(pairs(), 0, None, 4):  # one of most brands
            self._transactions.pay(card.value, verification.value)
        for gift, pin in zip(GIFT_CARDS, PINS, strict=True):
            self._gift(gift.value, pin.value)
        for account in ACCOUNTS:
            self._bank(account.value)
        self._everywhere()
        self._transactions.everywhere()
        self.secrets += self._transactions.secrets
        self._lose(*next(pairs()))
        self._crash(*next(pairs()))
        # The last: too many wrong keys close the door.
        self._at_the_door()

    def say(self, said: dict[str, Any], *, form: str | None = None) -> dict[str, Any]:
        """A request with the demo's keys, in each form in turn; the answer's body."""
        said = {**self._keys, **said}
        match form or next(self._forms):
            case "query":
                return self._send(f"/?{urlencode(said)}")
            case "form":
                return self._send("/", urlencode(said).encode(), kind="application/x-www-form-urlencoded")
            case "multipart":
                kind = f"multipart/form-data; boundary={_BOUNDARY}"
                return self._send("/", _multipart(said), kind=kind)
            case _:
                return self._send("/", json.dumps(said).encode(), kind="application/json")

    def _send(
        self,
        target: str,
        content: bytes = b"",
        *,
        kind: str = "application/json",
        method: str = "POST",
        **headers: str,
    ) -> dict[str, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self._gateway.send(target, content, {"Content-Type": kind, **named}, method=method)
        if answer is None:
            return {}
        self.answers.append(answer)
        return answer.body

    def _vault(
        self, path: str, said: dict[str, Any] | None = None, *, method: str = "POST"
    ) -> dict[str, Any]:
        keys = {"Valor-App-ID": self._keys["appid"], "Valor-App-Key": self._keys["appkey"]}
        return self._send(f"{_ROOT}/{path}", json.dumps(said or {}).encode(), method=method, **keys)

    # Cards ------------------------------------------------------------------------------------------

    def _pay(self, pan: str, verification: str) -> None:
        """Every outcome: approved, declined, refused, approved in part, taken back."""
        card = {"cardnumber": pan, "expirydate": EXPIRY, "cvv": verification, "surchargeIndicator": "0"}
        sale = self.say({"txn_type": "sale", **card, "amount": "20.00", "cardholdername": MARK})
        _expect("txnid" in sale and sale.get("error_no") == "S00", "a sale on a canary was not approved")
        self.say({"txn_type": "refund", "ref_txn_id": sale.get("txnid"), "amount": "5.00"})
        self.say({"txn_type": "tipadjust", "ref_txn_id": sale.get("txnid"), "amount": "1.00"})
        self.say({"txn_type": "sale", "token": sale.get("token"), "amount": "1.00", "cvv": verification})
        self.say({"txn_type": "encryptionfetch", "txn_id": sale.get("txnid")})
        auth = self.say({"txn_type": "auth", **card, "amount": "2.00"})
        self.say({"txn_type": "incremental_auth", "ref_txn_id": auth.get("txnid"), "amount": "1.00"})
        self.say({"txn_type": "capture", "ref_txn_id": auth.get("txnid"), "amount": "2.00"})
        voided = self.say({"txn_type": "sale", **card, "amount": "30.00"})
        self.say({"txn_type": "void", "ref_txn_id": voided.get("txnid")})
        for amount in ("9000.51", "9000.05", "9100.00", "0", "-1", pan):
            self.say({"txn_type": "sale", **card, "amount": amount})
        wrong = f"{pan[:-1]}{(int(pan[-1]) + 1) % 10}"
        for number in (f"{pan[:4]} {pan[4:]}", f"{pan[:4]}-{pan[4:]}", wrong, f"{pan}123456", f"{pan}x"):
            self.say({"txn_type": "sale", **card, "cardnumber": number, "amount": "40.00"})
        self.say({"txn_type": "txnfetch", "filter": "CARD_NO", "filter_text": pan})
        self.say({"txn_type": "binLookup", "bin": pan})
        self.say(
            {
                "txn_type": "sale",
                **card,
                "amount": "3.00",
                "orderdescription": f"card {pan}",
                "invoicenumber": pan,
            }
        )
        items = {"product_line_items": [{"name": pan, "qty": 1}]}
        self.say(
            {
                "txn_type": "sale",
                **card,
                "amount": "4.00",
                "invoicenumber": "i",
                "order_details": json.dumps(items),
            }
        )

    def _keep(self, pan: str) -> None:
        """The vault, and a token for a browser."""
        added = self._vault("addcustomer", {"customer_name": f"{MARK} {pan[-6:]}".translate(_LETTERS)})
        customer = added.get("vault_customer_id", 1)
        card = {"pan_num": pan, "expiry": "12/36", "cardholder_name": MARK}
        profile = self._vault(f"addpaymentprofile/{customer}", card).get("payment_id")
        _expect(profile is not None, "a canary was not kept in the vault")
        self._vault(f"addpaymentprofile/{customer}", {**card, "expiry": pan})
        self._vault(f"getpaymentprofile/{customer}", method="GET")
        self._vault(f"getcustomer/{pan}", method="GET")
        self._vault(f"{pan}/{pan}", method="DELETE")
        self._vault(f"deletepaymentprofile/{customer}/{profile}", method="DELETE")
        token = self.say({"txn_type": "clientToken"}).get("clientToken")
        if token:
            if len(self.secrets) < CREDENTIALS_MAX:
                self.secrets.append(Canary(Kind.CREDENTIAL, token))
            self.say({"txn_type": "cardToken", "client_token": token, "pan": pan, "expirydate": EXPIRY})

    def _stray(self, pan: str, verification: str) -> None:
        """Where no card number belongs, and in what is not understood."""
        for target, content in (
            (f"/?{quote(pan)}={pan}&a=%ff", b""),
            ("/", f'{{"cardnumber": "{pan}", "cvv": {verification}, "cardnumber": "{pan}"}}'.encode()),
            ("/", f'{{"cardnumber": "{pan}'.encode()),
            ("/", f"cardnumber={pan}&cvv={verification}&cvv={verification}".encode()),
            ("/", f'{{"{pan}": {verification}}}'.encode()),
            (f"/{pan}", f"cvv={verification}".encode()),
            (f"/metrics?pan={pan}", b""),
        ):
            self._send(target, content, X_Card=pan, Referer=f"/?{pan}", Idempotency_Key=pan)
        self._send("/", f"cardnumber={pan}&".encode() + b"x" * _TOO_LARGE)
        self._send(f"/?cardnumber={pan}&cvv={verification}", method="PUT")

    # Others -----------------------------------------------------------------------------------------

    def _gift(self, number: str, pin: str) -> None:
        card = {"pan": number, "pin": pin}
        self.say({"txn_type": "giftactivate", **card, "amount": "30.00"})
        self.say({"txn_type": "giftaddvalue", **card, "amount": "5.00"})
        sale = self.say({"txn_type": "giftsale", **card, "amount": "2.00", "cardholdername": MARK})
        _expect(sale.get("error_no") == "S00", "a sale on a canary gift card was not approved")
        self.say({"txn_type": "giftrefund", "ref_txn_id": sale.get("txnid"), "amount": "1.00"})
        self.say({"txn_type": "giftvoid", "ref_txn_id": sale.get("txnid")})
        self.say({"txn_type": "giftsale", **card, "amount": "900.00"})
        self.say({"txn_type": "giftbalance", **card})
        self.say({"txn_type": "giftbalance", "pan": number, "pin": f"{pin}0"})
        self.say({"txn_type": "giftdeactivate", **card})

    def _bank(self, number: str) -> None:
        added = self._vault("addcustomer", {"customer_name": f"Bank {number[-6:]}".translate(_LETTERS)})
        customer = added.get("vault_customer_id", 1)
        account = {"routing_number": ROUTING_NUMBER, "account_number": number, "account_holder_name": MARK}
        kept = "ach_profile_id" in self._vault(f"addachprofile/{customer}", account)
        _expect(kept, "a canary bank account was not kept in the vault")
        self._vault(f"addachprofile/{customer}", {**account, "routing_number": number})
        self._vault(f"addachprofile/{customer}", {**account, "account_number": f"{number}99999"})
        self._vault(f"getachprofile/{customer}", method="GET")

    def _everywhere(self) -> None:
        """A card number in each field of each operation."""
        numbers = itertools.cycle(card.value for card in CARDS)
        for operation in OPERATIONS:
            for spec in operation.fields:
                self.say({**_named(operation), spec.name: next(numbers)})
        for each in vault_rest.OPERATIONS:
            path = "/".join((each.name, *("1" for _ in each.ids)))
            for field in each.fields:
                self._vault(path, {field.name: next(numbers)}, method=each.methods[0])

    def _lose(self, card: Canary, verification: Canary) -> None:
        """Answers of the acquirer that never come, come broken, twice, or for somebody else."""
        for step in LOSSES:
            self._gateway.wait_until_ready()
            self._gateway.script(step, amount=LOST_MINOR)
            self._charge(card, verification, LOST_MINOR)

    def _crash(self, card: Canary, verification: Canary) -> None:
        """The server dies between its question and the acquirer's answer, and comes back."""
        self._gateway.wait_until_ready()
        self._gateway.script({"late": 1.0}, amount=LATE_MINOR)
        lost = threading.Thread(target=self._charge, args=(card, verification, LATE_MINOR))
        lost.start()
        lost.join(0.5)
        self._gateway.kill()
        lost.join()
        self._gateway.start()

    def _charge(self, card: Canary, verification: Canary, minor: int) -> None:
        number = {"cardnumber": card.value, "expirydate": EXPIRY, "cvv": verification.value}
        self.say({"txn_type": "sale", **number, "amount": f"{minor // 100}.00"}, form="json")

    def _at_the_door(self) -> None:
        """Canaries in the place of keys."""
        numbers = itertools.cycle(card.value for card in CARDS)
        for name in (*self._keys, "client_token", "txn_type"):
            for kind in ("sale", "cardToken"):
                self.say({"txn_type": kind, "amount": "5.00", name: next(numbers)})
        pan = next(numbers)
        self._send(f"{_ROOT}/getcustomers", method="GET", Valor_App_ID=pan, Valor_App_Key=pan)


def _expect(true: bool, trouble: str) -> None:  # noqa: FBT001 - what has to be true
    """What is not accepted would prove nothing."""
    if not true:
        raise Unable(trouble)


_LETTERS: Final = str.maketrans("0123456789", "ABCDEFGHIJ")


def _named(operation: Operation) -> dict[str, str]:
    return {"txn_type": operation.types[0]} if operation.types else dict(operation.signs[0])


def _multipart(said: dict[str, Any]) -> bytes:
    return "".join(_parts(said)).encode()


def _parts(said: dict[str, Any]) -> Iterator[str]:
    for name, value in said.items():
        yield f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    yield f"--{_BOUNDARY}--\r\n"
