"""eConnect XML: the schema's order, children first, and what is refused before anything is sent."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from hooks.gp.econnect.customers import Customer
from hooks.gp.econnect.documents import build_xml
from hooks.gp.econnect.fields import NODES
from hooks.gp.econnect.items import Item
from hooks.gp.econnect.ledger import GLTransaction
from hooks.gp.econnect.payables import PayablesCreditMemo, PayablesInvoice, Vendor
from hooks.gp.econnect.receivables import Application, CashReceipt, CreditMemo, DebitMemo, ReceivablesVoid
from hooks.gp.econnect.sales import SalesOrder, SalesReturn
from ledgerbridge.entities import Document
from ledgerbridge.errors import RecordRejected
from tests.reference_data import GP_NODES

KEY = "gp:HLS:sales_order:SHUS1001"


def order(**header: Any) -> Document:
    return Document(
        KEY,
        "k",
        {
            "SOPNUMBE": "SHUS1001",
            "DOCID": "STDORD",
            "DOCDATE": date(2026, 3, 2),
            "CUSTNMBR": "C1",
            "BACHNUMB": "LB-ORDERS",
            "SUBTOTAL": Decimal("49.90"),
            "TAXAMNT": Decimal("3.87"),
            "DOCAMNT": Decimal("53.77"),
            "CSTPONBR": None,
            **header,
        },
        {
            "lines": [
                {
                    "LNITMSEQ": 16384,
                    "ITEMNMBR": "LAMP-01",
                    "QUANTITY": Decimal(1),
                    "UNITPRCE": Decimal("49.90"),
                    "XTNDPRCE": Decimal("49.90"),
                }
            ],
            "taxes": [{"LNITMSEQ": 16384, "TAXDTLID": "MA-STATE", "STAXAMNT": Decimal("3.87")}],
        },
    )


def built(document: Document) -> etree._Element:
    return etree.fromstring(build_xml(SalesOrder.transaction, document))


def test_order_has_lines_and_taxes_before_its_header_and_their_key_repeated() -> None:
    root = built(order())
    assert [child.tag for child in root[0]] == [
        "taSopLineIvcInsert_Items",
        "taSopLineIvcTaxInsert_Items",
        "taSopHdrIvcInsert",
    ]
    line = {field.tag: field.text for field in root[0][0][0]}
    assert line | {"SOPTYPE": "2", "SOPNUMBE": "SHUS1001", "CUSTNMBR": "C1", "DOCDATE": "2026-03-02"} == line
    assert "DOCDATE" not in {field.tag for field in root[0][1][0]}


def test_fields_of_a_site_stand_once_between_taxes_and_header() -> None:
    plain = order()
    own = [{"USERDEF1": "Project A"}]
    root = built(replace(plain, parts={**plain.parts, "user_defined": own}))
    assert [child.tag for child in root[0]][2:] == ["taSopUserDefined", "taSopHdrIvcInsert"]
    assert {field.tag: field.text for field in root[0][2]} == {
        "SOPTYPE": "2", "SOPNUMBE": "SHUS1001", "USERDEF1": "Project A",
    }  # fmt: skip
    with pytest.raises(RecordRejected, match="stands once, 2 rows given"):
        built(replace(plain, parts={**plain.parts, "user_defined": own * 2}))


@pytest.mark.parametrize("field", ["USRTAB01", "USRTAB09", "USRTAB03", "USERDEF1", "USERDEF2", "USRDEF03", "USRDEF05"])
def test_a_field_of_a_site_takes_twenty_characters_though_its_column_holds_more(field: str) -> None:
    plain = order()

    def with_own(text: str) -> Document:
        return replace(plain, parts={**plain.parts, "user_defined": [{field: text}]})

    assert built(with_own("x" * 20))[0][2].findtext(field) == "x" * 20
    with pytest.raises(RecordRejected, match="21 characters, GP takes 20"):
        built(with_own("x" * 21))


def test_a_void_takes_a_number_of_twenty_characters() -> None:
    header = {"CUSTNMBR": "C1", "DOCNUMBR": "x" * 20, "RMDTYPAL": 9}
    header |= {"VOIDDATE": date(2026, 3, 2), "GLPOSTDT": date(2026, 3, 2)}
    xml = build_xml(ReceivablesVoid.transaction, Document("gp:HLS:receivables_void:1", "k", header, {}))
    assert f"<DOCNUMBR>{'x' * 20}</DOCNUMBR>" in xml


def test_an_absent_value_has_no_element_and_an_empty_text_the_blank_that_clears_a_field() -> None:
    document = order(CSTPONBR=None, REFRENCE="")
    assert built(document)[0][2].find("CSTPONBR") is None
    assert "<REFRENCE><![CDATA[ ]]></REFRENCE>" in build_xml(SalesOrder.transaction, document)


def test_document_never_carries_a_connection_string() -> None:
    assert "ConnectionString" not in build_xml(SalesOrder.transaction, order())


@pytest.mark.parametrize(
    ("sent", "written"),
    [
        pytest.param(Decimal("0.125"), "0.12500", id="exact"),
        pytest.param(Decimal("0.000005"), "0.00001", id="half-goes-up"),
        pytest.param(Decimal("-0.000005"), "-0.00001", id="half-goes-away-from-zero"),
        pytest.param(Decimal("1E+2"), "100.00000", id="no-exponent"),
        pytest.param(7, "7.00000", id="whole"),
    ],
)
def test_amounts_are_written_half_up_to_five_places(sent: Decimal | int, written: str) -> None:
    assert built(order(FREIGHT=sent))[0][2].findtext("FREIGHT") == written


@pytest.mark.parametrize(
    ("header", "code", "field", "message"),
    [
        pytest.param({"ADDRESS1": "x" * 61}, "LB-GP-007", "ADDRESS1", "61 characters, GP takes 60", id="too-long"),
        pytest.param({"CITY": "Łódź"}, "LB-GP-007", "CITY", "CP-1252", id="outside-the-code-page"),
        pytest.param({"CITY": "Sa\x01lem"}, "LB-GP-007", "CITY", "CP-1252", id="control-character"),
        pytest.param({"COLOUR": "red"}, "LB-GP-008", "COLOUR", "no such field", id="unknown-field"),
        pytest.param({"BACHNUMB": None}, "LB-GP-008", "BACHNUMB", "requires it", id="missing-field"),
        pytest.param({"FREIGHT": 1.5}, "LB-GP-009", "FREIGHT", "takes money, float given", id="float"),
        pytest.param({"FREIGHT": True}, "LB-GP-009", "FREIGHT", "takes money, bool given", id="bool-as-amount"),
        pytest.param(
            {"DOCDATE": datetime(2026, 3, 2, tzinfo=UTC)}, "LB-GP-009", "DOCDATE", "datetime given", id="instant-as-day"
        ),
        pytest.param({"SOPTYPE": 3}, "LB-GP-009", "SOPTYPE", "this entity has 2", id="another-document-type"),
    ],
)
def test_what_gp_could_not_keep_is_refused_with_field_and_value(
    header: dict[str, Any], code: str, field: str, message: str
) -> None:
    with pytest.raises(RecordRejected, match=message) as refused:
        build_xml(SalesOrder.transaction, order(**header))
    assert (refused.value.code, refused.value.field, refused.value.record_key) == (code, field, KEY)
    assert refused.value.remedy


def test_unknown_part_is_refused() -> None:
    document = Document(KEY, "k", order().header, {"payments": [{"DOCAMNT": Decimal(1)}]})
    with pytest.raises(RecordRejected, match="no part 'payments'"):
        build_xml(SalesOrder.transaction, document)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(GP_NODES.text())
    return loaded


@pytest.mark.parametrize("name", NODES)
def test_node_has_fields_in_the_schemas_order_and_of_its_type(name: str, schema: dict[str, Any]) -> None:
    described = schema["nodes"].get(name) or schema["nodes"][f"{name}_Items"]
    types = {field["name"]: field["type"].removeprefix("xs:") for field in described["fields"]}
    kinds = {"text": {"string"}, "int": {"short", "int", "decimal"}, "money": {"decimal"}, "rate": {"decimal"}}
    ours = NODES[name].fields
    assert list(ours) == [field for field in types if field in ours]
    for field in ours.values():
        assert types[field.name] in kinds.get(field.kind, {"string"}), field.name
    missing = {field["name"] for field in described["fields"] if field["min"] != "0"} - set(ours)
    assert not missing


@pytest.mark.parametrize(
    "entity",
    [
        SalesOrder,
        SalesReturn,
        Customer,
        Item,
        Vendor,
        CashReceipt,
        DebitMemo,
        CreditMemo,
        Application,
        GLTransaction,
        PayablesInvoice,
        PayablesCreditMemo,
    ],
)
def test_transaction_has_nodes_in_the_schemas_order(entity: Any, schema: dict[str, Any]) -> None:
    described = [node["name"] for node in schema["transaction_types"][entity.transaction.name]]
    positions = [
        described.index(node if node in described else f"{node}_Items") for node in entity.transaction.parts.values()
    ]
    assert positions == sorted(positions)


def test_an_item_comes_with_the_empty_price_list_that_the_schema_demands(schema: dict[str, Any]) -> None:
    header = {"ITEMNMBR": "PEN", "ITEMDESC": "Pen"}
    item = Document("gp:HLS:item:PEN", "k", header, {"sites": [{"LOCNCODE": "MAIN"}]})
    (transaction,) = etree.fromstring(build_xml(Item.transaction, item))
    written = [str(child.tag) for child in transaction]
    described = schema["transaction_types"]["IVItemMasterType"]
    assert written == [node["name"] for node in described if node["name"] in written]
    assert {node["name"] for node in described if node["min"] != "0"} <= set(written)
    assert dict(transaction[1].attrib) == {"{http://www.w3.org/2001/XMLSchema-instance}nil": "true"}
