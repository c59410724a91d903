"""Products, modifiers and discounts of a terminal (answers: vendor samples; requests: named after them).

Of the requests only that of Create Discount is documented (vendor docs: create-discount). The other words and
fields are our choice, and stand in this module alone, so that each can be corrected in one place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from bezant.core.catalogue import (
    Discount,
    DiscountChanges,
    DiscountDraft,
    DiscountKind,
    Item,
    ItemChanges,
    ItemDraft,
    ItemKind,
    Objected,
    Objection,
    Page,
    Percentage,
)
from bezant.dialects.valor import codes
from bezant.dialects.valor.codes import Error
from bezant.dialects.valor.dialect import Call, Operation, Shown, Values
from bezant.dialects.valor.operations.batches import OFFSET
from bezant.dialects.valor.operations.fields import AMOUNT_MINOR_MAX
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Fault, Field, Layout, Reply, array

LIMIT_MAX: Final = 10_000
QUANTITY_MAX: Final = 999_999_999
ID_MAX: Final = 2**63 - 1

Objections = Mapping[Objection, Error]

# Answers ------------------------------------------------------------------------------------------------


def _done(text: str) -> Layout[None]:
    return Layout(
        Constant("error_no", "S00"),
        Constant("mesg", "SUCCESS"),
        Constant("msg", "SUCCESS"),
        Constant("desc", text),
    )


def _list(record: Layout[Any]) -> Layout[Sequence[Any]]:
    return Layout(
        Constant("status", "OK"),
        Constant("message", "Success"),
        Reply("number_of_records", codecs.json, len),
        Reply("data", array(record), lambda records: records),
    )


def _shown(layout: Layout[None]) -> Shown:
    return Shown(layout.render(None), "S00")


def _yes_no(yes: bool) -> str:  # noqa: FBT001 - the value itself
    return "Yes" if yes else "No"


_ITEM: tuple[Reply[Item], ...] = (
    Reply("product_code", codecs.json, lambda i: i.code),
    Reply("item_name", codecs.json, lambda i: i.name),
    Reply("description", codecs.json, lambda i: i.description),
    Reply("quantity", codecs.json, lambda i: str(i.stock)),
    Reply("unit_cost", codecs.shortest_number, lambda i: i.price),
    Reply("taxable", codecs.json, lambda i: _yes_no(i.taxable)),
    Reply("inventory", codecs.json, lambda i: _yes_no(i.tracked)),
    Reply("precedence", codecs.json, lambda i: str(i.position)),
    Reply("category", codecs.json, lambda i: i.category),
)
_IS_ACTIVE: Reply[Item] = Reply("is_active", codecs.json, lambda i: "1" if i.active else "0")

PRODUCT: Layout[Item] = Layout(
    Reply("product_id", codecs.json, lambda i: i.item_id, "a number here, a text in modifiers"),
    *_ITEM,
    _IS_ACTIVE,
    Reply("is_deleted", codecs.json, lambda i: int(i.deleted), "a number here, a text in modifiers"),
)
MODIFIER: Layout[Item] = Layout(
    Reply("product_id", codecs.json, lambda i: str(i.item_id), "a text here, a number in products"),
    *_ITEM,
    Reply("group_name", codecs.json, lambda i: i.group),
    _IS_ACTIVE,
    Reply("is_deleted", codecs.json, lambda i: str(int(i.deleted)), "a text here, a number in products"),
)


@codecs.with_schema({"type": "string", "pattern": r"^[0-9]+\.([0-9]{3}%|[0-9]{2})$"})
def _worth(discount: Discount) -> bytes:
    """``"10.000%"`` or ``"10.00"``."""
    worth = discount.worth
    if isinstance(worth, Percentage):
        return b'"%d.%03d%%"' % divmod(worth.thousandths, 1000)
    return codecs.decimal_text(worth)


_AMOUNT_TYPES: Final = {"0": DiscountKind.PERCENTAGE, "1": DiscountKind.FIXED}
_AMOUNT_TYPE_NUMBERS: Final = {kind: int(word) for word, kind in _AMOUNT_TYPES.items()}

DISCOUNT: Layout[Discount] = Layout(
    Reply("discount_id", codecs.json, lambda d: d.discount_id),
    Reply("discount_name", codecs.json, lambda d: d.name),
    Reply("amount_type", codecs.json, lambda d: _AMOUNT_TYPE_NUMBERS[d.kind], "0 percentage, 1 amount"),
    Reply("cost", _worth, lambda d: d),
)

# Fields -------------------------------------------------------------------------------------------------


def _name(length_max: int) -> codecs.Reader[str]:
    """A text that is not blank."""
    line = codecs.text(length_max=length_max)

    def read(value: Any) -> str:  # noqa: ANN401 - any JSON value
        found = line(value)
        if not found:
            raise codecs.Invalid
        return found

    return codecs.described(read, line.__doc__ or "", codecs.line_schema(length_max, length_min=1))


def _optional(
    name: str, read: codecs.Reader[Any], *aliases: str, invalid: Error = codes.BAD_TEXT
) -> Field[Error]:
    return Field(name=name, read=read, invalid=invalid, aliases=aliases)


def _required(name: str, read: codecs.Reader[Any], *, invalid: Error = codes.BAD_TEXT) -> Field[Error]:
    return Field(name=name, read=read, missing=codes.INPUT_MISSING, invalid=invalid)


_CODE: Final = _name(25)
_ITEM_NAME: Final = _name(50)
_UNIT_COST: Final = codecs.decimal(minor_max=AMOUNT_MINOR_MAX, zero=True)
_YES_NO: Final = codecs.one_of({"yes": True, "no": False, "1": True, "0": False})
_COUNT: Final = codecs.integer(maximum=QUANTITY_MAX)
_ID: Final = codecs.integer(maximum=ID_MAX)
_DISCOUNT_NAME: Final = _name(25)
_AMOUNT_TYPE: Final = codecs.one_of(_AMOUNT_TYPES)

_DESCRIPTION = _optional("description", codecs.text(length_max=100))
_QUANTITY = _optional("quantity", _COUNT)
_REST_OF_ITEM = (
    _optional("taxable", _YES_NO),
    _optional("inventory", _YES_NO),
    _optional("precedence", _COUNT),
    _optional("category", codecs.text(length_max=50)),
)
_GROUP_NAME = _optional("group_name", codecs.text(length_max=50))
_ACTIVE = _optional("is_active", codecs.one_of({"1": True, "0": False}))

_COST_TEXT = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,3}))?", re.ASCII)


@codecs.with_schema(
    {
        "type": ["string", "number"],
        "pattern": f"^(?:{_COST_TEXT.pattern})$",
        "minimum": 0,
        "maximum": 999_999_999.999,
        "multipleOf": 0.001,
        "examples": ["10", 2.5],
    }
)
def _cost(value: Any) -> int:  # noqa: ANN401 - any JSON value
    """A number of up to nine digits, with up to three decimals."""
    match = _COST_TEXT.fullmatch(codecs.scalar(value).strip(" "))
    if match is None:
        raise codecs.Invalid
    return int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0"))


_COST_NOTE = "per cent, or dollars"
_PAGE = (
    Field(
        name="limit",
        read=codecs.integer(minimum=1, maximum=LIMIT_MAX),
        default=LIMIT_MAX,
        invalid=codes.BAD_LIMIT,
    ),
    OFFSET,
    Field(
        name="search",
        read=codecs.text(length_max=100),
        default="",
        invalid=codes.BAD_FILTER,
        note="a part of a name or code",
    ),
)


def _page(values: Values) -> Page:
    return Page(limit=values["limit"], offset=values["offset"], search=values["search"])


# Products and modifiers ---------------------------------------------------------------------------------

_ITEM_FACTS: Final = {
    "product_code": "code",
    "item_name": "name",
    "unit_cost": "price",
    "description": "description",
    "quantity": "stock",
    "taxable": "taxable",
    "inventory": "tracked",
    "precedence": "position",
    "category": "category",
    "group_name": "group",
    "is_active": "active",
}


def _facts(values: Values) -> dict[str, Any]:
    """What a request says of an item, in the core's words. Absent fields stay absent."""
    return {fact: values[name] for name, fact in _ITEM_FACTS.items() if values.get(name) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sort:
    """How the vendor speaks of one kind of item: by one word, but not always by the same."""

    kind: ItemKind
    word: str
    record: Layout[Item]
    added: Layout[None]
    more: tuple[Field[Error], ...]
    unknown_to_update: Error

    @property
    def fields(self) -> tuple[Field[Error], ...]:
        """What can be said of an item beside its code, name and price."""
        return (_DESCRIPTION, _QUANTITY, *_REST_OF_ITEM, *self.more, _ACTIVE)


_SORTS = (
    _Sort(
        kind=ItemKind.PRODUCT,
        word="Product",
        record=PRODUCT,
        added=_done("PRODUCT ADDED SUCCESSFULLY"),
        more=(),
        unknown_to_update=codes.BAD_PRODUCT_ID,
    ),
    _Sort(
        kind=ItemKind.MODIFIER,
        word="Modifier",
        record=MODIFIER,
        added=_done("MODIFIER ADDED SUCCESSFULLY"),
        more=(_GROUP_NAME,),
        unknown_to_update=codes.UNKNOWN_PRODUCT,
    ),
)
_UPDATED = _done("PRODUCT UPDATED SUCCESSFULLY")
_DELETED = _done("PRODUCT DELETED SUCCESSFULLY")
"""What is said of modifiers too."""


async def _list_items(kind: ItemKind, listed: Layout[Sequence[Item]], call: Call) -> Shown:
    items = await call.services.catalogue.items(call.caller, kind, _page(call.values))
    return Shown(listed.render(items), "OK")


async def _add_item(sort: _Sort, call: Call) -> Shown:
    try:
        await call.services.catalogue.add_item(call.caller, ItemDraft(kind=sort.kind, **_facts(call.values)))
    except Objected as objected:
        raise _fault(objected, {Objection.CODE_TAKEN: codes.PRODUCT_CODE_TAKEN}) from None
    return _shown(sort.added)


async def _update_item(sort: _Sort, call: Call) -> Shown:
    changes = ItemChanges(**_facts(call.values))
    try:
        await call.services.catalogue.change_item(call.caller, sort.kind, call.values["product_id"], changes)
    except Objected as objected:
        raise _fault(
            objected,
            {Objection.CODE_TAKEN: codes.PRODUCT_CODE_TAKEN, Objection.UNKNOWN: sort.unknown_to_update},
        ) from None
    return _shown(_UPDATED)


async def _delete_item(sort: _Sort, call: Call) -> Shown:
    try:
        await call.services.catalogue.delete_item(call.caller, sort.kind, call.values["product_id"])
    except Objected as objected:
        raise _fault(
            objected,
            {
                Objection.UNKNOWN: codes.UNKNOWN_PRODUCT,
                Objection.ALREADY_DELETED: codes.PRODUCT_ALREADY_DELETED,
            },
        ) from None
    return _shown(_DELETED)


# Discounts ----------------------------------------------------------------------------------------------

_DISCOUNT_OBJECTIONS: Objections = {
    Objection.UNKNOWN: codes.UNKNOWN_DISCOUNT,
    Objection.ALREADY_DELETED: codes.UNKNOWN_DISCOUNT,
    Objection.OVER_A_HUNDRED_PERCENT: codes.PERCENTAGE_EXCEEDED,
    Objection.FINER_THAN_CURRENCY: codes.BAD_AMOUNT,
}
_DISCOUNTS = _list(DISCOUNT)
_DISCOUNT_ADDED = _done("DISCOUNT ADDED SUCCESSFULLY")
_DISCOUNT_UPDATED = _done("DISCOUNT UPDATED SUCCESSFULLY")
_DISCOUNT_DELETED = _done("DISCOUNT DELETED SUCCESSFULLY")


async def _list_discounts(call: Call) -> Shown:
    discounts = await call.services.catalogue.discounts(call.caller, _page(call.values))
    return Shown(_DISCOUNTS.render(discounts), "OK")


async def _add_discount(call: Call) -> Shown:
    values = call.values
    draft = DiscountDraft(
        name=values["discount_name"], kind=values["amount_type"], thousandths=values["cost"]
    )
    try:
        await call.services.catalogue.add_discount(call.caller, draft)
    except Objected as objected:
        raise _fault(objected, _DISCOUNT_OBJECTIONS) from None
    return _shown(_DISCOUNT_ADDED)


async def _update_discount(call: Call) -> Shown:
    values = call.values
    if values["amount_type"] is not None and values["cost"] is None:
        raise Fault(codes.COST_REQUIRED)
    changes = DiscountChanges(
        name=values["discount_name"], kind=values["amount_type"], thousandths=values["cost"]
    )
    try:
        await call.services.catalogue.change_discount(call.caller, values["discount_id"], changes)
    except Objected as objected:
        raise _fault(objected, _DISCOUNT_OBJECTIONS) from None
    return _shown(_DISCOUNT_UPDATED)


async def _delete_discount(call: Call) -> Shown:
    try:
        await call.services.catalogue.delete_discount(call.caller, call.values["discount_id"])
    except Objected as objected:
        raise _fault(objected, _DISCOUNT_OBJECTIONS) from None
    return _shown(_DISCOUNT_DELETED)


def _fault(objected: Objected, errors: Objections) -> Fault[Error]:
    return Fault(errors[objected.objection])


# Operations ---------------------------------------------------------------------------------------------


def _item_operations(sort: _Sort) -> tuple[Operation, ...]:
    word, listed = sort.word, _list(sort.record)
    return (
        Operation(
            name=f"get{word}",
            title=f"Get {word}",
            types=(f"get{word}",),
            fields=_PAGE,
            answer=partial(_list_items, sort.kind, listed),
            layouts=(listed,),
        ),
        Operation(
            name=f"add{word}",
            title=f"Create {word}",
            types=(f"add{word}", f"create{word}"),
            fields=(
                _required("product_code", _CODE),
                _required("item_name", _ITEM_NAME),
                _required("unit_cost", _UNIT_COST, invalid=codes.BAD_AMOUNT),
                *sort.fields,
            ),
            answer=partial(_add_item, sort),
            layouts=(sort.added,),
        ),
        Operation(
            name=f"edit{word}",
            title=f"Update {word}",
            types=(f"edit{word}", f"update{word}"),
            fields=(
                _required("product_id", _ID, invalid=sort.unknown_to_update),
                _optional("product_code", _CODE),
                _optional("item_name", _ITEM_NAME),
                _optional("unit_cost", _UNIT_COST, invalid=codes.BAD_AMOUNT),
                *sort.fields,
            ),
            answer=partial(_update_item, sort),
            layouts=(_UPDATED,),
        ),
        Operation(
            name=f"delete{word}",
            title=f"Delete {word}",
            types=(f"delete{word}",),
            fields=(_required("product_id", _ID, invalid=codes.UNKNOWN_PRODUCT),),
            answer=partial(_delete_item, sort),
            layouts=(_DELETED,),
        ),
    )


_DISCOUNT_ID = _required("discount_id", _ID, invalid=codes.UNKNOWN_DISCOUNT)

OPERATIONS = (
    *(operation for sort in _SORTS for operation in _item_operations(sort)),
    Operation(
        name="getDiscount",
        title="Get Discount",
        types=("getDiscount",),
        fields=_PAGE,
        answer=_list_discounts,
        layouts=(_DISCOUNTS,),
    ),
    Operation(
        name="addDiscount",
        title="Create Discount",
        types=("addDiscount", "createDiscount"),
        fields=(
            _required("discount_name", _DISCOUNT_NAME),
            _required("amount_type", _AMOUNT_TYPE),
            Field(
                name="cost",
                read=_cost,
                missing=codes.COST_REQUIRED,
                invalid=codes.BAD_AMOUNT,
                note=_COST_NOTE,
            ),
        ),
        answer=_add_discount,
        layouts=(_DISCOUNT_ADDED,),
    ),
    Operation(
        name="editDiscount",
        title="Update Discount",
        types=("editDiscount", "updateDiscount"),
        fields=(
            _DISCOUNT_ID,
            _optional("discount_name", _DISCOUNT_NAME),
            _optional("amount_type", _AMOUNT_TYPE),
            Field(name="cost", read=_cost, invalid=codes.BAD_AMOUNT, note=_COST_NOTE),
        ),
        answer=_update_discount,
        layouts=(_DISCOUNT_UPDATED,),
    ),
    Operation(
        name="deleteDiscount",
        title="Delete Discount",
        types=("deleteDiscount",),
        fields=(_DISCOUNT_ID,),
        answer=_delete_discount,
        layouts=(_DISCOUNT_DELETED,),
    ),
)
