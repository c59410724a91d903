"""The vault as a shop's system calls it: keys in headers, JSON over paths and methods."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from tests.e2e.valor.shop import Till
from tests.support.gateway import Answer, NoAnswer

ROOT: Final = "/api/valor-vault"
ALIAS: Final = "/api/fl-valor-vault"
PAN: Final = "4012000098765439"
CARD: Final = {"pan_num": PAN, "expiry": "12/36", "cardholder_name": "John Smith"}
ACCOUNT: Final = {"routing_number": "021000021", "account_number": "9884210510"}


@dataclass(frozen=True, slots=True)
class Vault:
    """A merchant's vault, called with the keys of one of its terminals."""

    till: Till
    root: str = ROOT
    address: str = "127.0.0.1"

    @property
    def keys(self) -> dict[str, str]:
        """The headers that every request carries."""
        return {"Valor-App-ID": self.till.appid, "Valor-App-Key": self.till.appkey}

    def call(
        self, method: str, path: str, said: object = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Any request, its content type JSON whether it has a body or not. Raises ``NoAnswer``."""
        content = None if said is None else said if isinstance(said, bytes) else json.dumps(said).encode()
        place = urlsplit(self.till.gateway.base_url)
        connection = http.client.HTTPConnection(
            str(place.hostname), place.port, timeout=60, source_address=(self.address, 0)
        )
        kind = {"Accept": "application/json", "Content-Type": "application/json"}
        try:
            connection.request(
                method,
                f"{self.root}/{path}",
                content,
                {**kind, **(self.keys if headers is None else headers)},
            )
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, json.loads(response.read()), names)
        except (OSError, http.client.HTTPException) as trouble:
            raise NoAnswer(trouble) from None
        finally:
            connection.close()

    def add_customer(self, name: str = "John Smith", **said: Any) -> int:
        """A new customer's id."""
        answer = self.call("POST", "addcustomer", {"customer_name": name, **said})
        assert answer.status == 201, answer
        added: int = answer.body["vault_customer_id"]
        return added

    def add_card(self, customer_id: int, **said: Any) -> int:
        """The payment id of a card."""
        answer = self.call("POST", f"addpaymentprofile/{customer_id}", {**CARD, **said})
        assert answer.status == 201, answer
        added: int = answer.body["payment_id"]
        return added

    def cards(self, customer_id: int) -> list[dict[str, Any]]:
        """What is listed of a customer's cards."""
        answer = self.call("GET", f"getpaymentprofile/{customer_id}")
        assert answer.status == 200, answer
        rows: list[dict[str, Any]] = answer.body["data"]
        return rows

    def customer(self, customer_id: int) -> dict[str, Any]:
        """What is shown of a customer."""
        answer = self.call("GET", f"getcustomer/{customer_id}")
        assert answer.status == 200, answer
        (row,) = answer.body["data"]
        found: dict[str, Any] = row
        return found


def failed(answer: Answer) -> Any:
    """The errors of a refusal: a list of texts, or one."""
    assert (answer.status, list(answer.body)) == (400, ["code", "status", "errors"]), answer
    assert (answer.body["code"], answer.body["status"]) == (400, "FAILED"), answer
    return answer.body["errors"]


def card_numbers(count: int) -> list[str]:
    """Visa numbers, each with its check digit."""
    return [_completed(f"400000{number:09d}") for number in range(count)]


def _completed(digits: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return f"{digits}{-total % 10}"
