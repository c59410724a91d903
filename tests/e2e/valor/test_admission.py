"""Who is let in: the order of the checks, keys that do not belong together, and the lock-out of guessers."""

from __future__ import annotations

import http.client
import json
import secrets
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.conftest import MakeGateway
from tests.e2e.valor.shop import EXPIRY, VISA, Office, Shop, Till, approved, refused
from tests.support.gateway import Answer, Gateway

FAILURES_MAX = 10
HERE = "127.0.0.1"
"""The address that a client on this machine has; it may take any other of 127.0.0.0/8."""


class TestTheFirstErrorThatApplies:
    def test_is_the_answer_when_everything_is_wrong(self, till: Till) -> None:
        wrong = {
            "txn_type": "nothing",
            "appid": _unknown(),
            "appkey": _unknown(),
            "epi": "2999999999",
            "amount": "0",
            "cardnumber": "1",
            "expirydate": "1336",
        }
        right = {**till.keys, "txn_type": "sale", "amount": "5", "cardnumber": VISA, "expirydate": EXPIRY}
        said: dict[str, Any] = dict(wrong)
        found = []
        for name in wrong:
            found.append(refused(till.send(said)))
            said[name] = right[name]
        assert found == ["D03", "D06", "D07", "D27", "E05", "E06", "E07"]
        approved(till.send(said))

    def test_is_the_answer_when_everything_is_missing(self, till: Till) -> None:
        right = {**till.keys, "txn_type": "sale", "amount": "5", "cardnumber": VISA, "expirydate": EXPIRY}
        order = ["txn_type", "appid", "appkey", "epi", "amount", "cardnumber", "expirydate"]
        found = []
        for count in range(len(order)):
            said = {name: right[name] for name in order[:count]}
            found.append(refused(till.send(said)))
        assert found == ["D03", "D01", "D02", "D05", "E05", "E06", "E07"]

    @pytest.mark.parametrize(
        ("wrong", "error"),
        [
            ({"appid": "unknown", "appkey": ""}, "D06"),
            ({"appid": ["x"], "appkey": "x", "epi": "x"}, "D06"),
            ({"appkey": "x", "epi": ""}, "D07"),
            ({"appkey": {"x": 1}, "epi": ""}, "D07"),
            ({"appkey": True}, "D07"),
            ({"appkey": "x" * 1000}, "D07"),
            ({"epi": "x", "child_epi": "x"}, "D27"),
            ({"epi": ["2"]}, "D27"),
            ({"epi": "", "child_epi": "x"}, "D05"),
            ({"child_epi": "x", "amount": ""}, "D27"),
            ({"txn_type": ["sale"], "appid": "x"}, "D03"),
            ({"txn_type": "", "appid": ""}, "D03"),
            ({"txn_type": "hostedpage"}, "D03"),
        ],
        ids=str,
    )
    def test_of_two_is_the_earlier_ones(self, till: Till, wrong: dict[str, Any], error: str) -> None:
        said = {**till.keys, "txn_type": "sale", "amount": "5", **wrong}
        assert refused(till.gateway.post(json.dumps(said).encode(), {}, target="/?sale")) == error

    def test_of_keys_that_do_not_belong_together_names_the_one_that_does_not(self, office: Office) -> None:
        """Every mix of two merchants' ids, keys and terminals, with unknown and absent ones among them."""
        ours, theirs = office.board(terminals=2).tills, office.board().tills
        tills = (*ours, *theirs)
        appids = {*(till.appid for till in tills), "", "unknown"}
        appkeys = {*(till.appkey for till in tills), "", "unknown"}
        epis = {*(till.epi for till in tills), "", "2999999999"}
        wrong = {}
        for appid, appkey, epi in product(sorted(appids), sorted(appkeys), sorted(epis)):
            said = {"appid": _unknown() if appid == "unknown" else appid, "appkey": appkey, "epi": epi}
            answer = ours[0].call("openbatch", **said)
            expected = _door(tills, appid=appid, appkey=appkey, epi=epi)
            if answer.body.get("error_no", "") != expected:
                wrong[appid, appkey, epi] = (expected, answer.body)
            for till in tills:  # so that nobody is locked out for what this test guesses
                assert till.call("openbatch").status == 200
        assert len(appids) * len(appkeys) * len(epis) == 100
        assert wrong == {}


def _door(tills: tuple[Till, ...], *, appid: str, appkey: str, epi: str) -> str:
    """The error of the first check that fails; nothing where all is right."""
    keys = {till.appkey: till for till in tills if till.appid == appid}
    if appid == "unknown" or not appid:
        return "D06" if appid else "D01"
    if appkey not in keys:
        return "D07" if appkey else "D02"
    if keys[appkey].epi != epi:
        return "D27" if epi else "D05"
    return ""


class TestAGuesser:
    def test_is_locked_out_after_ten_wrong_keys_even_with_the_right_one(self, till: Till) -> None:
        found = [refused(_with(till, appkey=_unknown())) for _ in range(FAILURES_MAX)]
        assert found == ["D07"] * FAILURES_MAX
        locked = _with(till)
        assert refused(locked) == "E109"
        assert "TOO MANY FAILED" in locked.body["desc"]

    def test_of_app_ids_is_locked_out_of_that_id(self, till: Till) -> None:
        unknown = _unknown()
        found = [refused(_with(till, appid=unknown)) for _ in range(FAILURES_MAX + 2)]
        assert found == ["D06"] * FAILURES_MAX + ["E109"] * 2
        assert _with(till).status == 200

    def test_locks_nobody_else_out(self, office: Office) -> None:
        till, other = (office.board().tills[0] for _ in range(2))
        for _ in range(FAILURES_MAX):
            _with(till, address="127.0.0.66", appkey=_unknown())
        assert refused(_with(till, address="127.0.0.66")) == "E109"
        assert _with(till, address="127.0.0.67").status == 200
        assert _with(other, address="127.0.0.66").status == 200

    def test_is_told_nothing_new_once_locked_out(self, till: Till) -> None:
        for _ in range(FAILURES_MAX):
            _with(till, appkey=_unknown())
        for said in ({}, {"appkey": _unknown()}, {"epi": "2999999999"}, {"appkey": ""}):
            assert refused(_with(till, **said)) == "E109"
        assert refused(till.call("nothing")) == "D03"

    def test_is_locked_out_of_client_tokens_too(self, till: Till) -> None:
        token = approved(till.call("clientToken"))["clientToken"]
        found = [refused(_tokenise(till, _unknown())) for _ in range(FAILURES_MAX)]
        assert found == ["E26"] * FAILURES_MAX
        assert refused(_tokenise(till, token)) == "E109"
        till.sale()

    def test_stays_locked_out_over_a_restart(self, make_gateway: MakeGateway) -> None:
        gateway = make_gateway()
        for _ in range(FAILURES_MAX):
            assert refused(gateway.call(txn_type="openbatch", appkey=_unknown())) == "D07"
        gateway.kill()
        gateway.start()
        assert refused(gateway.call(txn_type="openbatch")) == "E109"


class TestAClientThatErrs:
    def test_is_forgiven_by_one_success(self, till: Till) -> None:
        for _ in range(3):
            for _ in range(FAILURES_MAX - 1):
                assert refused(_with(till, appkey=_unknown())) == "D07"
            assert _with(till).status == 200

    def test_may_name_wrong_terminals_as_often_as_it_likes(self, shop: Shop) -> None:
        till, sister = shop.tills
        for _ in range(FAILURES_MAX + 2):
            assert refused(_with(till, epi="2999999999")) == "D27"
            assert refused(_with(till, epi=sister.epi)) == "D27"
        assert _with(till).status == 200

    def test_may_send_bad_fields_as_often_as_it_likes(self, till: Till) -> None:
        for _ in range(FAILURES_MAX + 2):
            assert refused(till.charge("0")) == "E05"
        till.sale()

    def test_with_a_client_token_is_forgiven_by_one_success(self, till: Till) -> None:
        token = approved(till.call("clientToken"))["clientToken"]
        for _ in range(2):
            for _ in range(FAILURES_MAX - 1):
                assert refused(_tokenise(till, _unknown())) == "E26"
            approved(_tokenise(till, token))


class TestAKeyThatWasReplaced:
    def test_lets_nobody_in(self, shop: Shop, office: Office) -> None:
        old, sister = shop.tills
        new = office.replace_key(shop, old)
        assert refused(_with(old)) == "D07"
        assert _with(new).status == _with(sister).status == 200


def _unknown() -> str:
    return secrets.token_hex(16)


def _with(till: Till, *, address: str = HERE, **said: object) -> Answer:
    """A harmless request of a terminal, with other credentials or from another address."""
    return _post(till.gateway, {**till.keys, "txn_type": "openbatch", **said}, address=address)


def _tokenise(till: Till, token: str) -> Answer:
    card = {"pan": VISA, "expirydate": EXPIRY}
    said = {"txn_type": "cardToken", "client_token": token, "epi": till.epi, **card}
    return _post(till.gateway, said, address=HERE)


def _post(gateway: Gateway, said: dict[str, Any], *, address: str) -> Answer:
    place = urlsplit(gateway.base_url)
    assert place.hostname is not None
    connection = http.client.HTTPConnection(
        place.hostname, place.port, timeout=30, source_address=(address, 0)
    )
    try:
        connection.request("POST", "/", json.dumps(said).encode())
        response = connection.getresponse()
        return Answer(response.status, json.loads(response.read()), dict(response.getheaders()))
    finally:
        connection.close()
