"""The description for machines says what the readers take, and its parts fit together."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bezant.dialects.valor import vault_contract, vault_rest
from bezant.dialects.valor.openapi import document
from bezant.dialects.valor.operations import OPERATIONS
from bezant.dialects.wire import codecs
from bezant.dialects.wire.body import Number
from bezant.dialects.wire.contract import Field
from bezant.dialects.wire.describe import fields_schema

DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]
CALLS = {call["operationId"]: call for methods in DOCUMENT["paths"].values() for call in methods.values()}
TAKEN = {each.name: (*each.doors, *each.fields) for each in OPERATIONS} | {
    each.name: each.fields for each in vault_rest.OPERATIONS
}
EVERY = {f"{name}.{spec.name}": spec for name, specs in TAKEN.items() for spec in specs} | {
    f"address.{spec.name}": spec for spec in vault_contract.ADDRESS
}
FIELDS = dict({id(spec.read): (name, spec) for name, spec in EVERY.items()}.values())
"""One field for each reader."""
CHECKED_FURTHER = {
    "pan_num",
    "routing_number",
    "start_date_range",
    "end_date_range",
    "selected_date",
    "address_details",
}
"""Check digits and calendars are more than a pattern says."""


def schema_of(spec: Field[Any]) -> dict[str, Any]:
    schema: dict[str, Any] = fields_schema([spec])["properties"][spec.name]
    return schema


def taken(spec: Field[Any], value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        spec.read(Number(value) if is_number else value)
    except codecs.Invalid:
        return False
    return True


def request_of(call: dict[str, Any]) -> dict[str, Any] | None:
    if "requestBody" not in call:
        return None
    (content, *_) = call["requestBody"]["content"].values()
    schema: dict[str, Any] = SCHEMAS[content["schema"]["$ref"].rpartition("/")[2]]
    return schema


@pytest.mark.parametrize("spec", FIELDS.values(), ids=FIELDS)
class TestAField:
    def test_takes_its_examples_and_choices(self, spec: Field[Any]) -> None:
        schema = schema_of(spec)
        said = [*schema.get("examples", ()), *schema.get("enum", ())]
        assert [value for value in said if not taken(spec, value)] == []

    def test_takes_its_bounds_and_nothing_beyond(self, spec: Field[Any]) -> None:
        schema = schema_of(spec)
        unit = schema.get("multipleOf", 1)
        if "maximum" in schema:
            assert taken(spec, schema["maximum"])
            assert taken(spec, schema["minimum"])
            assert not taken(spec, schema["minimum"] - unit)
        if "maxLength" in schema and "format" not in schema and schema["type"] == "string":
            assert taken(spec, "a" * schema["maxLength"])
            assert not taken(spec, "a" * (schema["maxLength"] + 1))

    @settings(max_examples=30)
    @given(st.data())
    def test_takes_what_its_pattern_allows(self, spec: Field[Any], data: st.DataObject) -> None:
        schema = schema_of(spec)
        if "pattern" not in schema or spec.name in CHECKED_FURTHER or "maxLength" in schema:
            return
        text = data.draw(st.from_regex(schema["pattern"], fullmatch=True))
        in_bounds = "maximum" not in schema or not text.isdecimal() or int(text) <= schema["maximum"]
        assert taken(spec, text) or not in_bounds or not text.strip(" ")


def spoil(part: Any) -> None:
    """Empty all of it."""
    if isinstance(part, dict | list):
        for each in list(part.values() if isinstance(part, dict) else part):
            spoil(each)
        part.clear()


class TestTheDocument:
    def test_is_its_callers_own(self) -> None:
        before = copy.deepcopy(document())
        spoil(document())
        assert document() == before

    def test_names_every_operation_once(self) -> None:
        names = [call["operationId"] for methods in DOCUMENT["paths"].values() for call in methods.values()]
        assert len(set(names)) == len(names)
        assert TAKEN.keys() <= set(names)

    def test_has_sound_schemas(self) -> None:
        for schema in SCHEMAS.values():
            jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})

    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
    def test_links_to_what_there_is(self, call: dict[str, Any]) -> None:
        for answer in call["responses"].values():
            for link in answer.get("links", {}).values():
                target = CALLS[link["operationId"]]
                schema = request_of(target)
                named = {each["name"] for each in target["parameters"]}
                assert link.get("requestBody", {}).keys() <= (
                    schema["properties"].keys() if schema else set()
                )
                assert link.get("parameters", {}).keys() <= named

    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
    def test_gives_examples_that_lack_only_the_keys(self, call: dict[str, Any]) -> None:
        schema = request_of(call)
        if schema is None:
            return
        for content in call["requestBody"]["content"].values():
            keys = {"appid": "a", "appkey": "b", "epi": "2203082193", "client_token": "c"}
            known = {name: value for name, value in keys.items() if name in schema["properties"]}
            example = content.get("example", {})
            if call["operationId"] in {"sale", "auth", "binLookup", "addcustomer", "addpaymentprofile"}:
                jsonschema_rs.validate(schema, {**known, **example})
            assert example.keys() <= schema["properties"].keys()
