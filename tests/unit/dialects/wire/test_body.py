"""Bodies: what every client may send, and what is refused whoever sends it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bezant.dialects.wire import body
from bezant.dialects.wire.body import Malformed, Number, Parameters

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=edge"


def parse(sent: bytes = b"", kind: str = JSON, query: bytes = b"") -> Parameters:
    return body.parse(query=query, content_type=kind, body=sent)


def values(sent: bytes = b"", kind: str = JSON, query: bytes = b"") -> dict[str, Any]:
    return parse(sent, kind, query).values


def reason(sent: bytes = b"", kind: str = JSON, query: bytes = b"") -> str:
    with pytest.raises(Malformed) as refused:
        parse(sent, kind, query)
    return refused.value.reason


def part(name: str, value: str, *, more: str = "") -> str:
    return f'--edge\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


def with_header(header: str) -> bytes:
    return multipart(part("a", "1").replace("\r\n\r\n", f"\r\n{header}\r\n\r\n"))


def multipart(*parts: str) -> bytes:
    return ("".join(parts) + "--edge--\r\n").encode()


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """JSON texts a level deeper, with brackets in strings to mislead a count."""
    arrays = st.lists(inner, max_size=4).map(lambda items: f"[{','.join(items)}]")
    return arrays | inner.map(lambda item: f'{{"[":{item}}}')


class TestAClient:
    @pytest.mark.parametrize(
        ("sent", "kind"),
        [
            (b'{"amount":"20.00","epi":"2203082193"}', JSON),
            (b'{"amount":"20.00","epi":"2203082193"}', "application/json; charset=UTF-8"),
            (b'{"amount":"20.00","epi":"2203082193"}', "text/plain;charset=UTF-8"),
            (b'{"amount":"20.00","epi":"2203082193"}', FORM),
            (b'{"amount":"20.00","epi":"2203082193"}', ""),
            (b'\xef\xbb\xbf {"amount":"20.00","epi":"2203082193"}\r\n', JSON),
            (b"amount=20.00&epi=2203082193", FORM),
            (b"amount=20.00&epi=2203082193", ""),
            (b"amount=20%2E00&epi=220308%32193&", FORM),
            (multipart(part("amount", "20.00"), part("epi", "2203082193")), MULTIPART),
            (
                multipart(part("amount", "20.00"), part("epi", "2203082193")),
                'Multipart/Form-Data; charset=utf-8; boundary="edge"',
            ),
        ],
    )
    def test_may_choose_how_to_write_its_parameters(self, sent: bytes, kind: str) -> None:
        assert values(sent, kind) == {"amount": "20.00", "epi": "2203082193"}

    def test_may_put_everything_into_the_query_string(self) -> None:
        assert values(query=b"txn_type=cardToken&epi=2203082193") == {
            "txn_type": "cardToken",
            "epi": "2203082193",
        }

    def test_may_send_nothing(self) -> None:
        assert parse(b" \r\n") == Parameters({}, ())

    def test_may_spell_names_in_any_case(self) -> None:
        assert values(b'{"surchargeIndicator":1,"TOKEN":"a"}') == {"surchargeindicator": "1", "token": "a"}

    @pytest.mark.parametrize("query", [b"sale", b"sale=", b"Sale&", b"&sale"])
    def test_may_name_the_operation_in_the_query(self, query: bytes) -> None:
        assert parse(b'{"a":"1"}', query=query) == Parameters({"a": "1"}, ("sale",))

    def test_has_its_body_preferred_to_its_query(self) -> None:
        assert values(b'{"Amount":"2"}', query=b"amount=1&tip=3") == {"amount": "2", "tip": "3"}

    @pytest.mark.parametrize("empty", [b'{"amount":""}', b'{"amount":null}'])
    def test_does_not_lose_a_query_parameter_to_an_empty_one(self, empty: bytes) -> None:
        assert values(empty, query=b"amount=1") == {"amount": "1"}

    def test_keeps_every_json_type(self) -> None:
        found = values(b'{"a":"x","b":true,"c":null,"d":[1,"2"],"e":{"F":0.10}}')
        assert found == {"a": "x", "b": True, "c": None, "d": ["1", "2"], "e": {"F": "0.10"}}
        assert [type(item) for item in found["d"]] == [Number, str]

    @pytest.mark.parametrize(
        "literal", ["0", "-0", "10000", "20.00", "1e999", "1E+2", "-1.50", "9" * 5_000, "0.1000000000000001"]
    )
    def test_has_its_numbers_kept_as_written(self, literal: str) -> None:
        found = values(f'{{"a":{literal}}}'.encode())["a"]
        assert found == literal
        assert type(found) is Number

    def test_may_write_in_any_script(self) -> None:
        assert values('{"name":"أحمد 😀 \\u00e9\\ud83d\\ude00"}'.encode()) == {"name": "أحمد 😀 é😀"}
        assert values("name=%D8%A3%D8%AD+é".encode(), FORM) == {"name": "أح é"}

    def test_may_use_blanks_and_line_ends_in_texts(self) -> None:
        assert values(b'{"memo":"a\\tb\\r\\nc"}') == {"memo": "a\tb\r\nc"}
        assert values(b"memo=a%09b%0D%0Ac+d", FORM) == {"memo": "a\tb\r\nc d"}

    def test_may_nest_as_deep_as_allowed(self) -> None:
        depth = body.DEPTH_MAX - 1
        sent = b'{"a":' + b"[" * depth + b"]" * depth + b',"b":"[[[[{{{{\\"[[[["}'
        assert values(sent)["b"] == '[[[[{{{{"[[[['

    def test_may_send_a_long_list(self) -> None:
        assert len(values(b'{"a":[' + b'{"b":[1]},' * 2_000 + b"2]}")["a"]) == 2_001

    def test_may_describe_the_parts_of_a_form(self) -> None:
        described = (
            "--edge\r\ncontent-type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
            "CONTENT-DISPOSITION:form-data;name=memo\r\n\r\ntwo\r\nlines --edge\r\n"
        )
        assert values(multipart(described), MULTIPART) == {"memo": "two\r\nlines --edge"}

    def test_gets_names_as_written_where_a_signature_is_over_them(self) -> None:
        found = body.parse(query=b"", content_type=JSON, body=b'{"Fort_id":1,"fort_id":2}', fold=False)
        assert found.values == {"Fort_id": "1", "fort_id": "2"}


class TestNobody:
    """JSON that parsers disagree about, or die of."""

    @pytest.mark.parametrize(
        ("sent", "why"),
        [
            (b'{"a":1,"a":2}', "repeated name"),
            (b'{"a":1,"A":2}', "repeated name"),
            (b'{"a":1,"\\u0061":2}', "repeated name"),
            (b'{"a":{"b":1,"b":1}}', "repeated name"),
            (b'{"a":[{"b":1,"b":1}]}', "repeated name"),
            (b'{"a":NaN}', "not a number"),
            (b'{"a":Infinity}', "not a number"),
            (b'{"a":-Infinity}', "not a number"),
            (b'{"a":1,}', "not JSON"),
            (b'{"a":[1,]}', "not JSON"),
            (b'{"a":1}}', "not JSON"),
            (b'{"a":1} {"a":2}', "not JSON"),
            (b'{"a":1}x', "not JSON"),
            (b'{"a":1}\x00', "not JSON"),
            (b'{"a":1 /* comment */}', "not JSON"),
            (b'{"a":1 // comment\n}', "not JSON"),
            (b"{'a':1}", "not JSON"),
            (b"{a:1}", "not JSON"),
            (b"{", "not JSON"),
            (b'{"a"', "not JSON"),
            (b'{"a":"', "not JSON"),
            (b'{"a":01}', "not JSON"),
            (b'{"a":+1}', "not JSON"),
            (b'{"a":.5}', "not JSON"),
            (b'{"a":5.}', "not JSON"),
            (b'{"a":0x10}', "not JSON"),
            (b'{"a":1_000}', "not JSON"),
            ('{"a":٢٠}'.encode(), "not JSON"),
            ('{"a":\uff11}'.encode(), "not JSON"),
            (b'{"a":True}', "not JSON"),
            (b'{"a":undefined}', "not JSON"),
            (b'{"a":"\x00"}', "not JSON"),
            (b'{"a":"\x1b"}', "not JSON"),
            (b'{"a":"line\nend"}', "not JSON"),
            (b'{"a":"\\x41"}', "not JSON"),
            (b'{"a":"\\u12"}', "not JSON"),
            ('{"a":1}\u00a0'.encode(), "not JSON"),
            (b'{"a":"\\u0000"}', "control character"),
            (b'{"a":"\\u001b"}', "control character"),
            (b'{"a":"\\b"}', "control character"),
            (b'{"a":"\\f"}', "control character"),
            (b'{"a":"\x7f"}', "control character"),
            (b'{"a":["\\u0000"]}', "control character"),
            (b'{"a":{"b\\u0000":1}}', "control character"),
            (b'{"a":"\\ud83d"}', "lone surrogate"),
            (b'{"a":"\\ude00\\ud83d"}', "lone surrogate"),
            (b'{"\\ud83d":1}', "lone surrogate"),
            (b'{"a":"\xff"}', "not JSON"),
            (b'{"a":"\xed\xa0\x80"}', "not JSON"),
            (b'{"a":"\xc0\xaf"}', "not JSON"),
            ('{"a":1}'.encode("utf-16"), "not an object"),
            ('{"a":1}'.encode("utf-32-be"), "not an object"),
            (b"[1]", "not an object"),
            (b'"text"', "not an object"),
            (b"20", "not an object"),
            (b"null", "not an object"),
        ],
    )
    def test_is_read_by_guessing(self, sent: bytes, why: str) -> None:
        assert reason(sent) == why

    @pytest.mark.parametrize("depth", [body.DEPTH_MAX, 1_000, 100_000, 1_000_000])
    @pytest.mark.parametrize("closed", [True, False])
    @pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
    def test_kills_the_parser_by_depth(self, *, depth: int, closed: bool, opening: str, closing: str) -> None:
        depth = min(depth, (body.BYTES_MAX - 10) // (len(opening) + 1))
        sent = '{"a":' + opening * depth + ("1" + closing * depth + "}" if closed else "")
        assert reason(sent.encode()) == "too deep"

    def test_hides_depth_behind_quotes(self) -> None:
        assert reason(b'{"\\"":"\\\\","a":' + b"[" * 40 + b'"]"' + b"]" * 40 + b"}") == "too deep"

    def test_sends_more_than_a_mebibyte(self) -> None:
        assert reason(b'{"a":"' + b"x" * body.BYTES_MAX + b'"}') == "too large"
        assert reason(query=b"a=" + b"x" * body.QUERY_BYTES_MAX) == "too large"

    def test_sends_more_than_a_few_hundred_parameters(self) -> None:
        many = {f"f{number}": "1" for number in range(body.FIELDS_MAX + 1)}
        assert reason(json.dumps(many).encode()) == "too many fields"
        assert reason(urlencode(many).encode(), FORM) == "too many fields"
        assert reason(query=urlencode(many).encode()) == "too many fields"
        assert reason(multipart(*(part(name, "1") for name in many)), MULTIPART) == "too many fields"
        many.popitem()
        assert len(values(multipart(*(part(name, "1") for name in many)), MULTIPART)) == body.FIELDS_MAX
        assert len(values(urlencode(many).encode(), FORM)) == body.FIELDS_MAX

    def test_borrows_a_name_with_foreign_letters(self) -> None:
        kelvin = "to\u212aen"
        assert "\u212a".lower() == "k"
        assert "token" not in values(f'{{"{kelvin}":"x"}}'.encode())
        assert "token" not in values(urlencode({kelvin: "x"}).encode(), FORM)
        assert reason(f'{{"{kelvin}":"x","a":1,"A":2}}'.encode()) == "repeated name"

    def test_learns_what_others_sent(self) -> None:
        with pytest.raises(Malformed) as refused:
            parse(b'{"cardnumber":"4111111111111111",}')
        assert "4111" not in repr(refused.value)
        assert refused.value.__cause__ is None
        assert "4111" not in repr(parse(b'{"cardnumber":"4111111111111111"}'))

    @given(st.recursive(st.sampled_from(["1", '"["', '"]"', '"\\\\"', '"\\""']), _nested, max_leaves=30))
    def test_is_refused_for_depth_that_is_not_there(self, value: str) -> None:
        found = body.parse_json(f'{{"a":{value},"b":[{",".join(["[]"] * 40)}]}}'.encode())
        assert found["a"] == json.loads(value, parse_int=str)


class TestAForm:
    @pytest.mark.parametrize(
        ("sent", "why"),
        [
            (b"a=1&a=2", "repeated name"),
            (b"a=1&A=1", "repeated name"),
            (b"a=1&%61=1", "repeated name"),
            (b"a=&a=1", "repeated name"),
            (b"sale&sale", "repeated name"),
            (b"=1", "no name"),
            (b"a=%", "bad percent escape"),
            (b"a=%4", "bad percent escape"),
            (b"a=%zz", "bad percent escape"),
            (b"a=%u0041", "bad percent escape"),
            (b"%=1", "bad percent escape"),
            (b"a=%00", "control character"),
            (b"a%00=1", "control character"),
            (b"a=\x1b", "control character"),
            (b"a=%FF", "not UTF-8"),
            (b"a=\xff", "not UTF-8"),
            (b"a=%ED%A0%80", "not UTF-8"),
        ],
    )
    def test_is_read_one_way_or_not_at_all(self, sent: bytes, why: str) -> None:
        assert reason(sent, FORM) == why
        assert reason(query=sent) == why

    def test_takes_no_array_for_its_element(self) -> None:
        assert values(b"amount[]=1&amount[0]=2&amount=3", FORM)["amount"] == "3"

    def test_splits_a_pair_at_its_first_sign(self) -> None:
        assert values(b"a=b=c&d", FORM) == {"a": "b=c", "d": ""}

    @given(st.dictionaries(st.text("abcXYZ_é &=%+", min_size=1), st.text("aé &=%+1,;\"'\n"), max_size=5))
    def test_says_what_was_encoded(self, sent: dict[str, str]) -> None:
        found = body.parse(query=b"", content_type=FORM, body=urlencode(sent).encode(), fold=False).values
        assert found == sent


class TestAMultipartForm:
    @pytest.mark.parametrize(
        ("sent", "why"),
        [
            (multipart(part("a", "1"), part("a", "2")), "repeated name"),
            (multipart(part("a", "1"), part("A", "2")), "repeated name"),
            (multipart(part("a", "1", more='; filename="x.php"')), "not a text field"),
            (multipart(part("a", "1", more="; filename*=utf-8''x")), "not a text field"),
            (multipart(part("a", "1", more='; name="b"')), "not a text field"),
            (multipart(part('a\\"', "1")), "not a text field"),
            (multipart("--edge\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n"), "not a text field"),
            (multipart("--edge\r\nContent-Disposition: form-data\r\n\r\n1\r\n"), "not a text field"),
            (multipart("--edge\r\nContent-Type: text/plain\r\n\r\n1\r\n"), "bad part"),
            (with_header('Content-Disposition: form-data; name="b"'), "bad part"),
            (with_header("Content-Transfer-Encoding: base64"), "bad part"),
            (multipart("--edge\r\n\r\n1\r\n"), "bad part"),
            (multipart("--edgewise\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"), "bad part"),
            (multipart(part("a", "1")).replace(b"\r\n", b"\n"), "not multipart"),
            (b"preamble\r\n" + multipart(part("a", "1")), "not multipart"),
            (multipart(part("a", "1")) + b"epilogue", "not multipart"),
            (part("a", "1").encode(), "not multipart"),
            (part("a", "1").encode()[:-10], "not multipart"),
            (b"a=1", "not multipart"),
            (multipart(part("a", "\x00")), "control character"),
            (multipart(part("a", "1")).replace(b"1", b"\xff"), "not UTF-8"),
        ],
    )
    def test_has_text_fields_only_and_each_once(self, sent: bytes, why: str) -> None:
        assert reason(sent, MULTIPART) == why

    @pytest.mark.parametrize(
        "kind",
        [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            'multipart/form-data; boundary=""',
            "multipart/form-data; boundary=" + "x" * 71,
            "multipart/form-data; boundary=\u00e9",
            "multipart/form-data; xboundary=edge",
        ],
    )
    def test_names_its_boundary(self, kind: str) -> None:
        assert reason(multipart(part("a", "1")), kind) == "no boundary"

    def test_may_hold_empty_and_long_values(self) -> None:
        long = "x" * 100_000
        assert values(multipart(part("a", ""), part("b", long)), MULTIPART) == {"a": "", "b": long}


class TestAContractWithGroups:
    def test_reads_members_by_their_path(self) -> None:
        group = {"merchantId": "887", "Avs": {"Zip": "50001"}, "items": [{"A": 1}]}
        flat = body.flattened({"merchantauthentication": group, "amount": "5"})
        assert flat["amount"] == "5"
        assert flat["merchantauthentication"] is group
        assert flat["merchantauthentication.merchantid"] == "887"
        assert flat["merchantauthentication.avs.zip"] == "50001"
        assert flat["merchantauthentication.items"] == [{"A": 1}]

    @pytest.mark.parametrize(
        ("members", "why"),
        [
            ({"a": {"b": 1, "B": 2}}, "repeated name"),
            ({"a": {"b": 1}, "a.b": 2}, "repeated name"),
            ({"a.b": 2, "a": {"b": 1}}, "repeated name"),
            ({"a": {"b": {"c": 1}, "b.c": 2}}, "repeated name"),
            ({"x" * (body.PATH_MAX + 1): {"b": 1}}, "name too long"),
        ],
    )
    def test_finds_one_value_at_each_path(self, members: dict[str, Any], why: str) -> None:
        with pytest.raises(Malformed) as refused:
            body.flattened(members)
        assert refused.value.reason == why
