"""The vault's REST API, as plugins and points of sale call it."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bezant.selfcheck.canaries import Canary, Kind
from bezant.selfcheck.search import Search
from tests.conformance.valor.vaults import ACCOUNT, ALIAS, CARD, PAN, Vault, card_numbers, failed
from tests.e2e.valor.shop import VISA, Office, Till, approved, declined

ADDRESS = {
    "address_label": "Home",
    "billing_customer_name": "John Smith",
    "billing_street_no": "8320",
    "billing_street_name": "Main Street",
    "billing_unit": "7",
    "billing_city": "Jericho",
    "billing_state": "NY",
    "billing_zip": "85284",
    "shipping_customer_name": "Jane Smith",
    "shipping_street_no": "2",
    "shipping_street_name": "Jericho Plz",
    "shipping_unit": "8",
    "shipping_city": "Jericho",
    "shipping_state": "NY",
    "shipping_zip": "11753",
}
UNKNOWN = ["Customer not exist"]
UNKNOWN_PROFILE = ["Payment profile not exist"]


@pytest.fixture
def vault(till: Till) -> Vault:
    """The vault of a new merchant."""
    return Vault(till)


@pytest.fixture
def stranger(office: Office) -> Vault:
    """The vault of another merchant."""
    return Vault(office.board().tills[0])


class TestACustomer:
    def test_is_added_and_given_an_id(self, vault: Vault) -> None:
        answer = vault.call("POST", "addcustomer", {"customer_name": "John Smith"})
        assert answer.status == 201
        assert list(answer.body) == ["code", "status", "vault_customer_id"]
        assert (answer.body["code"], answer.body["status"]) == (201, "OK")
        assert type(answer.body["vault_customer_id"]) is int

    def test_is_shown_as_it_was_told(self, vault: Vault) -> None:
        said = {
            "customer_name": "John Smith",
            "company_name": "ACME",
            "customer_phone": "5247896523",
            "customer_email": "john@example.com",
            "address_details": [ADDRESS],
        }
        customer_id = vault.call("POST", "addcustomer", said).body["vault_customer_id"]
        shown = vault.customer(customer_id)
        assert shown == {"vault_customer_id": customer_id, **said}
        assert list(shown) == ["vault_customer_id", *said]
        assert list(shown["address_details"][0]) == list(ADDRESS)

    def test_may_be_told_a_unit_as_the_docs_misspell_it(self, vault: Vault) -> None:
        address = {name: value for name, value in ADDRESS.items() if name != "shipping_unit"}
        customer_id = vault.add_customer(address_details=[{**address, "shiiping_unit": "8"}])
        assert vault.customer(customer_id)["address_details"] == [ADDRESS]

    @pytest.mark.parametrize("name", ["José Núñez-O'Neil", "ACME 24/7 Ltd.", "J", "A" * 25, "John & Jane"])
    def test_may_have_the_name_that_it_has(self, vault: Vault, name: str) -> None:
        assert vault.customer(vault.add_customer(name))["customer_name"] == name

    def test_is_the_only_one_of_that_name(self, vault: Vault, stranger: Vault) -> None:
        vault.add_customer("Jane Smith")
        for name in ("Jane Smith", "JANE SMITH", " jane smith "):
            answer = vault.call("POST", "addcustomer", {"customer_name": name})
            assert failed(answer) == ["Customer name already exist"]
        stranger.add_customer("Jane Smith")

    def test_has_five_addresses_at_most(self, vault: Vault) -> None:
        addresses = [{**ADDRESS, "address_label": f"Home {number}"} for number in range(6)]
        vault.add_customer("Five", address_details=addresses[:5])
        answer = vault.call("POST", "addcustomer", {"customer_name": "Six", "address_details": addresses})
        assert failed(answer) == ["data/address_details must NOT have more than 5 items"]

    def test_has_each_address_by_a_label_of_its_own(self, vault: Vault) -> None:
        addresses = [ADDRESS, {**ADDRESS, "address_label": "HOME"}]
        answer = vault.call("POST", "addcustomer", {"customer_name": "Two", "address_details": addresses})
        assert failed(answer) == ["Address label already exist"]

    @pytest.mark.parametrize("method", ["PUT", "POST"])
    def test_can_be_edited_and_keeps_what_is_not_sent(self, vault: Vault, method: str) -> None:
        customer_id = vault.add_customer(customer_phone="5247896523", address_details=[ADDRESS])
        said = {"customer_name": "Jane Smith", "company_name": "ACME"}
        answer = vault.call(method, f"editcustomer/{customer_id}", said)
        assert (answer.status, answer.body) == (200, {"code": 200, "status": "OK", "message": "Success"})
        shown = vault.customer(customer_id)
        assert {name: shown[name] for name in said} == said
        assert (shown["customer_phone"], shown["address_details"]) == ("5247896523", [ADDRESS])

    def test_loses_all_addresses_when_none_are_sent(self, vault: Vault) -> None:
        customer_id = vault.add_customer(address_details=[ADDRESS])
        vault.call("PUT", f"editcustomer/{customer_id}", {"address_details": []})
        assert vault.customer(customer_id)["address_details"] == []

    def test_is_listed_with_the_merchants_others(self, vault: Vault, stranger: Vault) -> None:
        ids = [vault.add_customer(f"Customer {number}") for number in range(3)]
        stranger.add_customer()
        listed = vault.call("GET", "getcustomers").body
        assert list(listed) == ["code", "status", "message", "data"]
        assert [row["vault_customer_id"] for row in listed["data"]] == ids
        page = vault.call("GET", "getcustomers?limit=1&offset=1").body["data"]
        assert [row["vault_customer_id"] for row in page] == ids[1:2]


class TestACard:
    def test_is_added_and_listed(self, vault: Vault) -> None:
        customer_id = vault.add_customer()
        answer = vault.call("POST", f"addpaymentprofile/{customer_id}", CARD)
        assert (answer.status, list(answer.body)) == (201, ["code", "status", "payment_id"])
        assert (answer.body["code"], answer.body["status"]) == (201, "OK")
        listed = vault.call("GET", f"getpaymentprofile/{customer_id}")
        assert listed.status == 200
        assert list(listed.body) == ["code", "status", "message", "data"]
        assert (listed.body["code"], listed.body["status"], listed.body["message"]) == (200, "OK", "Success")
        (row,) = listed.body["data"]
        assert row == {
            "payment_id": answer.body["payment_id"],
            "masked_pan": "XXXX5439",
            "token": row["token"],
            "card_type": "C",
            "card_brand": "Visa",
            "cardholder_name": "John Smith",
            "status": "active",
        }
        assert list(row)[:3] == ["payment_id", "masked_pan", "token"]
        assert type(row["payment_id"]) is int

    def test_is_charged_by_its_token(self, vault: Vault) -> None:
        customer_id = vault.add_customer()
        vault.add_card(customer_id)
        (row,) = vault.cards(customer_id)
        sale = vault.till.sale(token=row["token"], surchargeIndicator="1")
        assert (sale["token"], sale["pan"]) == (row["token"], "XXXX5439")

    def test_of_which_nothing_is_known_has_no_type(self, vault: Vault) -> None:
        customer_id = vault.add_customer()
        vault.add_card(customer_id, pan_num="6200000000000005")
        (row,) = vault.cards(customer_id)
        assert (row["card_type"], row["card_brand"]) == (None, "UnionPay")

    def test_of_a_sale_is_added_by_its_token(self, vault: Vault) -> None:
        sale = vault.till.sale(surchargeIndicator="1")
        customer_id = vault.add_customer()
        said = {"token": sale["token"].lower(), "cardholder_name": "Jane"}
        answer = vault.call("POST", f"addpaymentprofiletoken/{customer_id}", said)
        assert (answer.status, list(answer.body)) == (201, ["code", "status", "payment_id"])
        (row,) = vault.cards(customer_id)
        assert (row["token"], row["cardholder_name"]) == (sale["token"], "Jane")

    def test_of_a_sale_is_added_by_the_sale(self, vault: Vault) -> None:
        sale = vault.till.sale(surchargeIndicator="1", cardholdername="Jane Smith")
        customer_id = vault.add_customer()
        for payment_id in (sale["txnid"], int(sale["txnid"])):
            answer = vault.call("POST", f"addpaymentprofiletxn/{customer_id}", {"ref_txn_id": payment_id})
            assert answer.status == 201
        (row,) = vault.cards(customer_id)
        assert (row["token"], row["cardholder_name"]) == (sale["token"], "JANE SMITH")

    def test_of_a_declined_sale_is_not(self, vault: Vault) -> None:
        answer = vault.till.charge("5", cardnumber="4000000000000002", surchargeIndicator="1")
        assert declined(answer) == "05"
        said = {"ref_txn_id": answer.body["txnid"]}
        customer_id = vault.add_customer()
        refused = vault.call("POST", f"addpaymentprofiletxn/{customer_id}", said)
        assert failed(refused) == ["Invalid transaction id"]

    def test_that_is_added_again_keeps_its_id(self, vault: Vault) -> None:
        customer_id = vault.add_customer()
        first = vault.add_card(customer_id)
        assert vault.add_card(customer_id, cardholder_name="Jane Smith") == first
        (row,) = vault.cards(customer_id)
        assert row["cardholder_name"] == "Jane Smith"

    def test_is_removed_from_the_list_and_not_from_the_vault(self, vault: Vault) -> None:
        customer_id = vault.add_customer()
        payment_id = vault.add_card(customer_id)
        (row,) = vault.cards(customer_id)
        path = f"deletepaymentprofile/{customer_id}/{payment_id}"
        answer = vault.call("DELETE", path)
        assert (answer.status, answer.body["status"]) == (200, "OK")
        assert vault.cards(customer_id) == []
        assert failed(vault.call("DELETE", path)) == UNKNOWN_PROFILE
        vault.till.sale(token=row["token"], surchargeIndicator="1")

    def test_is_one_of_five_however_many_are_added_at_once(self, vault: Vault) -> None:
        customer_id = vault.add_customer()

        def add(number: str) -> int:
            return vault.call("POST", f"addpaymentprofile/{customer_id}", {**CARD, "pan_num": number}).status

        with ThreadPoolExecutor(20) as threads:
            statuses = list(threads.map(add, card_numbers(20)))
        assert sorted(statuses) == [201] * 5 + [400] * 15
        kept = vault.cards(customer_id)
        assert len(kept) == 5
        full = vault.call("POST", f"addpaymentprofile/{customer_id}", CARD)
        assert failed(full) == ["Maximum of 5 payment profiles reached"]
        vault.call("DELETE", f"deletepaymentprofile/{customer_id}/{kept[0]['payment_id']}")
        vault.add_card(customer_id)


class TestABankAccount:
    def test_is_added_and_listed_masked(self, vault: Vault) -> None:
        customer_id = vault.add_customer()
        said = {**ACCOUNT, "account_type": "S", "account_holder_name": "John Smith"}
        answer = vault.call("POST", f"addachprofile/{customer_id}", said)
        assert (answer.status, list(answer.body)) == (200, ["code", "status", "ach_profile_id"])
        assert (answer.body["code"], answer.body["status"]) == (200, "SUCCESS")
        (row,) = vault.call("GET", f"getachprofile/{customer_id}").body["data"]
        assert row == {
            "ach_profile_id": answer.body["ach_profile_id"],
            "routing_number": "****0021",
            "account_number": "****0510",
            "account_type": "S",
            "account_holder_name": "John Smith",
            "status": "active",
        }
        assert vault.cards(customer_id) == []

    @pytest.mark.parametrize(
        ("said", "errors"),
        [
            ({"account_number": ""}, "Missing required field(s): account_number"),
            (
                {"account_number": None, "routing_number": ""},
                "Missing required field(s): routing_number, account_number",
            ),
            ({"routing_number": "021000022"}, "Invalid field(s): routing_number"),
            ({"routing_number": "000000000"}, "Invalid field(s): routing_number"),
            ({"routing_number": "\u0660" * 9}, "Invalid field(s): routing_number"),
            ({"account_number": "123"}, "Invalid field(s): account_number"),
            ({"account_number": "1" * 18}, "Invalid field(s): account_number"),
            (
                {"account_number": "12a45", "account_type": "X"},
                "Invalid field(s): account_number, account_type",
            ),
        ],
        ids=ascii,
    )
    def test_is_refused_in_one_text(self, vault: Vault, said: dict[str, Any], errors: str) -> None:
        answer = vault.call("POST", f"addachprofile/{vault.add_customer()}", {**ACCOUNT, **said})
        assert failed(answer) == errors

    def test_is_removed_like_a_card(self, vault: Vault) -> None:
        customer_id = vault.add_customer()
        added = vault.call("POST", f"addachprofile/{customer_id}", ACCOUNT).body["ach_profile_id"]
        assert vault.call("DELETE", f"deletepaymentprofile/{customer_id}/{added}").status == 200
        assert vault.call("GET", f"getachprofile/{customer_id}").body["data"] == []


NAME = "data must have required property 'customer_name'"
BAD: list[tuple[str, str, object, list[str]]] = [
    ("POST", "addcustomer", {}, [NAME]),
    ("POST", "addcustomer", {"customer_name": ""}, [NAME]),
    ("POST", "addcustomer", {"customer_name": None}, [NAME]),
    *(
        (
            "POST",
            "addcustomer",
            {"customer_name": name},
            ["data/customer_name must be text with a letter, at most 25 characters"],
        )
        for name in ("A" * 26, "12345", ["John"], {"a": 1}, True, "J\u202ejohn", "J\u2028J")
    ),
    *(
        (
            "POST",
            "addcustomer",
            {"customer_name": "J", "customer_phone": phone},
            ["data/customer_phone must be telephone number of 10 digits"],
        )
        for phone in ("123", "12345678901", "52478965x3", "\u0665" * 10, ["5247896523"])
    ),
    (
        "POST",
        "addcustomer",
        {"customer_name": "J", "customer_email": "j@k@l"},
        ["data/customer_email must be e-mail address, at most 255 characters"],
    ),
    (
        "POST",
        "addcustomer",
        {"customer_name": "J", "company_name": "x" * 101},
        ["data/company_name must be text, at most 100 characters"],
    ),
    *(
        (
            "POST",
            "addcustomer",
            {"customer_name": "J", "address_details": details},
            ["data/address_details must be a list of objects"],
        )
        for details in ("Home", {"address_label": "Home"}, ["Home"], [{"a": 1, "A": 2}])
    ),
    (
        "POST",
        "addcustomer",
        {"address_details": [{}, {**ADDRESS, "billing_zip": "1"}]},
        [
            NAME,
            "data/address_details/0 must have required property 'address_label'",
            "data/address_details/1/billing_zip must be 5 to 10 signs",
        ],
    ),
    *(
        ("POST", "addcustomer", content, ["data must be object"])
        for content in (b"[1]", b'{"a":1,"a":2}', b'{"a":NaN}', b"{", b'"x"')
    ),
    (
        "PUT",
        "editcustomer/{customer}",
        {"customer_name": "1"},
        ["data/customer_name must be text with a letter, at most 25 characters"],
    ),
    ("GET", "getcustomers?limit=0", None, ["data/limit must be whole number, 1 to 100"]),
    ("GET", "getcustomers?offset=-1", None, ["data/offset must be whole number, 0 to 1000000000"]),
    *(
        (
            "POST",
            "addpaymentprofile/{customer}",
            {**CARD, "pan_num": pan},
            ["data/pan_num must be a card number of 15 to 19 digits"],
        )
        for pan in ("4111111111111112", "41111111111111", "4" * 20, "x", "\u0664" * 16, [PAN])
    ),
    *(
        ("POST", "addpaymentprofile/{customer}", {**CARD, "expiry": expiry}, ["data/expiry must be MM/YY"])
        for expiry in ("13/36", "00/36", "1/36", "12/2036", "\u0661\u0662/36", ["12/36"])
    ),
    (
        "POST",
        "addpaymentprofile/{customer}",
        {},
        [f"data must have required property '{name}'" for name in CARD],
    ),
    (
        "POST",
        "addpaymentprofile/{customer}",
        {**CARD, "cardholder_name": "x" * 41},
        ["data/cardholder_name must be text, at most 40 characters"],
    ),
    ("POST", "addpaymentprofiletoken/{customer}", {}, ["data must have required property 'token'"]),
    (
        "POST",
        "addpaymentprofiletoken/{customer}",
        {"token": "x"},
        ["data/token must be 40 hexadecimal digits"],
    ),
    ("POST", "addpaymentprofiletoken/{customer}", {"token": "0" * 40}, ["Invalid card token"]),
    ("POST", "addpaymentprofiletxn/{customer}", {}, ["data must have required property 'ref_txn_id'"]),
    (
        "POST",
        "addpaymentprofiletxn/{customer}",
        {"ref_txn_id": "1e3"},
        ["data/ref_txn_id must be whole number, 1 to 9223372036854775807"],
    ),
    ("POST", "addpaymentprofiletxn/{customer}", {"ref_txn_id": 2**63 - 1}, ["Invalid transaction id"]),
    ("DELETE", "deletepaymentprofile/{customer}/1", None, UNKNOWN_PROFILE),
    ("DELETE", "deletepaymentprofile/{customer}/x", None, UNKNOWN_PROFILE),
    *(
        (method, path.format(customer), said, UNKNOWN)
        for customer in ("1", "0", "x", "-1", "9" * 19, "%D9%A1", "1e3")
        for method, path, said in (
            ("GET", "getcustomer/{}", None),
            ("PUT", "editcustomer/{}", {"company_name": "x"}),
            ("POST", "addpaymentprofile/{}", CARD),
            ("GET", "getpaymentprofile/{}", None),
            ("DELETE", "deletepaymentprofile/{}/1", None),
            ("GET", "getachprofile/{}", None),
        )
    ),
]


class TestABadRequest:
    def test_is_refused_with_texts_that_say_why(self, vault: Vault) -> None:
        customer_id = vault.add_customer("Known")
        found = [
            (method, path, failed(vault.call(method, path.format(customer=customer_id), said)))
            for method, path, said, _ in BAD
        ]
        assert found == [(method, path, errors) for method, path, _, errors in BAD]
        assert vault.cards(customer_id) == []
        assert len(vault.call("GET", "getcustomers").body["data"]) == 1

    def test_for_what_is_not_there_is_not_found(self, vault: Vault) -> None:
        for path in ("", "nothing", "addcustomer/1", "getpaymentprofile", "getpaymentprofile/1/2"):
            answer = vault.call("GET", path)
            assert (answer.status, answer.body["errors"]) == (404, ["Not found"])

    def test_by_another_method_is_told_the_right_one(self, vault: Vault) -> None:
        answer = vault.call("GET", "editcustomer/1")
        assert (answer.status, answer.headers["allow"]) == (405, "PUT, POST")
        assert answer.body == {"code": 405, "status": "FAILED", "errors": ["Method not allowed"]}

    def test_that_is_too_large_is_refused(self, vault: Vault) -> None:
        said = {"customer_name": "J", "company_name": "x" * 1024 * 1024}
        assert failed(vault.call("POST", "addcustomer", said)) == ["data must be object"]


class TestAnotherMerchant:
    def test_finds_no_customer_of_ours(self, vault: Vault, stranger: Vault) -> None:
        customer_id = vault.add_customer()
        payment_id = vault.add_card(customer_id)
        before = vault.customer(customer_id), vault.cards(customer_id)
        sale = stranger.till.sale()
        asked = [
            ("GET", f"getcustomer/{customer_id}", None),
            ("PUT", f"editcustomer/{customer_id}", {"customer_name": "Mine"}),
            ("POST", f"addpaymentprofile/{customer_id}", CARD),
            ("POST", f"addpaymentprofiletoken/{customer_id}", {"token": sale["token"]}),
            ("POST", f"addpaymentprofiletxn/{customer_id}", {"ref_txn_id": sale["txnid"]}),
            ("GET", f"getpaymentprofile/{customer_id}", None),
            ("DELETE", f"deletepaymentprofile/{customer_id}/{payment_id}", None),
            ("GET", f"getachprofile/{customer_id}", None),
        ]
        assert [failed(stranger.call(*each)) for each in asked] == [UNKNOWN] * len(asked)
        added = stranger.call("POST", f"addachprofile/{customer_id}", ACCOUNT)
        assert failed(added) == UNKNOWN[0]
        assert (vault.customer(customer_id), vault.cards(customer_id)) == before

    def test_reaches_no_card_or_payment_of_ours_by_a_customer_of_its_own(
        self, vault: Vault, stranger: Vault
    ) -> None:
        payment_id = vault.add_card(vault.add_customer())
        sale = vault.till.sale(surchargeIndicator="1")
        own = stranger.add_customer()
        removed = stranger.call("DELETE", f"deletepaymentprofile/{own}/{payment_id}")
        assert failed(removed) == UNKNOWN_PROFILE
        by_token = stranger.call("POST", f"addpaymentprofiletoken/{own}", {"token": sale["token"]})
        assert failed(by_token) == ["Invalid card token"]
        by_sale = stranger.call("POST", f"addpaymentprofiletxn/{own}", {"ref_txn_id": sale["txnid"]})
        assert failed(by_sale) == ["Invalid transaction id"]
        assert stranger.cards(own) == []

    def test_has_other_tokens_for_the_same_card(self, vault: Vault, stranger: Vault) -> None:
        tokens = set()
        for each in (vault, stranger):
            customer_id = each.add_customer()
            each.add_card(customer_id)
            tokens |= {row["token"] for row in each.cards(customer_id)}
        assert len(tokens) == 2


class TestTheDoor:
    def test_opens_to_the_key_of_any_terminal(self, office: Office) -> None:
        first, second = (Vault(till) for till in office.board(terminals=2).tills)
        customer_id = first.add_customer()
        assert second.customer(customer_id) == first.customer(customer_id)

    def test_is_the_same_under_its_other_path(self, vault: Vault) -> None:
        other = Vault(vault.till, root=ALIAS)
        customer_id = other.add_customer()
        assert vault.customer(customer_id) == other.customer(customer_id)
        assert vault.add_card(customer_id) == other.add_card(customer_id)

    def test_takes_a_get_of_a_json_type_without_a_body(self, vault: Vault) -> None:
        answer = vault.call("GET", f"getpaymentprofile/{vault.add_customer()}")
        assert (answer.status, answer.body["data"]) == (200, [])

    def test_names_the_first_key_that_is_wrong(self, vault: Vault, stranger: Vault) -> None:
        app_id, app_key = vault.keys.items()
        tries: list[tuple[dict[str, str], str]] = [
            ({}, "APP ID IS REQUIRED"),
            (dict([app_key]), "APP ID IS REQUIRED"),
            ({**vault.keys, "Valor-App-ID": secrets.token_hex(16)}, "NOT A VALID APP ID"),
            (dict([app_id]), "APP KEY IS REQUIRED"),
            ({**vault.keys, "Valor-App-Key": "x"}, "NOT A VALID APP KEY"),
            ({**vault.keys, "Valor-App-Key": stranger.till.appkey}, "NOT A VALID APP KEY"),
        ]
        found = [failed(vault.call("POST", "addcustomer", {}, headers=headers)) for headers, _ in tries]
        assert found == [[text] for _, text in tries]

    def test_takes_keys_from_the_headers_alone(self, vault: Vault) -> None:
        answer = vault.call("POST", "addcustomer", {**vault.till.keys, "customer_name": "J"}, headers={})
        assert failed(answer) == ["APP ID IS REQUIRED"]

    def test_is_shut_to_who_guessed_ten_times_here_or_at_the_other_door(self, vault: Vault) -> None:
        guesser = Vault(vault.till, address="127.0.0.77")
        wrong = {**vault.keys, "Valor-App-Key": "x"}
        for _ in range(10):
            answer = guesser.call("GET", "getcustomers", headers=wrong)
            assert failed(answer) == ["NOT A VALID APP KEY"]
        (locked,) = failed(guesser.call("GET", "getcustomers"))
        assert "TOO MANY FAILED" in locked
        vault.add_customer()
        approved(vault.till.call("clientToken"))


class TestADatabase:
    def test_holds_no_card_or_account_number_in_clear(self, vault: Vault) -> None:
        gateway = vault.till.gateway
        account = "8842170519366281"
        (number,) = card_numbers(200)[-1:]
        customer_id = vault.add_customer()
        vault.add_card(customer_id, pan_num=number)
        said = {**ACCOUNT, "account_number": account}
        assert vault.call("POST", f"addachprofile/{customer_id}", said).status == 200
        failed(vault.call("POST", f"addachprofile/{customer_id}", {**said, "routing_number": "1"}))
        failed(vault.call("POST", "addpaymentprofile/1", {**CARD, "pan_num": number}))
        rows = [
            row
            for table in ("customers", "customer_cards", "customer_accounts", "cards")
            for row in gateway.rows(f"SELECT * FROM {table}")  # noqa: S608 - our names
        ]
        held = b"".join(
            value if isinstance(value, bytes) else str(value).encode()
            for row in rows
            for value in map(_plain, row.values())
        )
        held += gateway.log_text().encode()
        if gateway.database_url.startswith("sqlite"):
            held += b"".join(path.read_bytes() for path in gateway.home.glob("bezant.db*"))
        (listed,) = vault.cards(customer_id)
        assert listed["token"].encode() in held  # so the search can find something
        found = [
            trace
            for kind, value in ((Kind.CARD, number), (Kind.ACCOUNT, account))
            for trace in Search([Canary(kind, value)]).traces(held)
        ]
        assert found == []

    def test_is_told_nothing_of_a_security_code(self, vault: Vault) -> None:
        customer_id = vault.add_customer()
        vault.add_card(customer_id, pan_num=VISA, cvv="7391")
        assert "7391" not in str(vault.till.gateway.rows("SELECT * FROM customer_cards"))


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview | bytearray) else value
