"""Tax on the freight of what GP posted: counted once, though GP keeps it twice (SOP10105; sources.md GP §1.3)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hooks.gp.books import GPBooks
from hooks.gp.econnect.hook import GPEConnectHook
from ledgerbridge.mapping import load_mapping, nested_records
from ledgerbridge.reconciliation import KeptRecord
from tests.unit.mapping_runs import NOW, lookups, made

MAPPINGS = Path(__file__).parents[2] / "include/mappings"


def _tax(line: str, goods: str, freight: str) -> dict[str, Any]:
    amounts = {"STAXAMNT": goods, "FRTTXAMT": freight, "ORSLSTAX": goods, "ORFRTTAX": freight}
    return {"LNITMSEQ": line, "TAXDTLID": "STATE", **amounts}


DOCUMENT: dict[str, Any] = {
    "SOPNUMBE": "STDINV1001",
    "CUSTNMBR": "C1",
    "CSTPONBR": "#1",
    "DOCDATE": "2026-03-02T00:00:00",
    "CURNCYID": "USD",
    "XCHGRATE": "1.0000000",
    "ORDOCAMT": "114.54000",
    "ORFRTAMT": "8.00000",
    "ORFRTTAX": "0.50000",
    "VOIDSTTS": "0",
    "Line": [
        {
            "LNITMSEQ": "16384",
            "QUANTITY": "2.00000",
            "OXTNDPRC": "99.80000",
            "ORTAXAMT": "6.24000",
            "ITEMNMBR": "LAMP",
            "ITEMDESC": "Desk lamp",
        }
    ],
    "Tax": [
        _tax("16384", "6.24000", "0.00000"),
        _tax("0", "6.24000", "0.50000"),
        _tax("2147483646", "0.00000", "0.50000"),
        # an edit of the order took it off the freight; GP keeps it as nothing
        {**_tax("2147483646", "0.00000", "0.00000"), "TAXDTLID": "CITY"},
    ],
}


@pytest.mark.parametrize("mapping", ["gp_sales_invoice_to_sales_invoice", "gp_sales_return_to_credit_note"])
def test_a_line_and_the_shipping_have_their_tax_and_the_sum_is_no_line(mapping: str, tmp_path: Path) -> None:
    mapped = load_mapping(MAPPINGS / f"{mapping}.yaml").run(
        nested_records([DOCUMENT], ["k0"], [NOW]), lookups(tmp_path)
    )
    assert mapped.failures.empty
    taxes = zip(*(made(mapped, field, "taxes") for field in ("line_id", "kind", "amount")), strict=True)
    assert [(line, kind, Decimal(str(amount))) for line, kind, amount in taxes] == [
        ("16384", "product", Decimal("6.24")),
        ("shipping", "shipping", Decimal("0.50")),
    ]


def test_the_books_have_a_details_tax_on_goods_and_freight_once(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = '{"conn_type": "gp_econnect", "host": "gp", "schema": "https", "extra": {"company": "TWO"}}'
    monkeypatch.setenv("AIRFLOW_CONN_GP_TEST", connection)
    line = {
        "JRNENTRY": "1001",
        "SEQNUMBR": "16384",
        "SOURCDOC": "SJ",
        "REFRENCE": "STDINV1001",
        "TRXDATE": "2026-03-02T00:00:00",
        "ACTNUMST": "000-1200-00",
        "DEBITAMT": "114.54000",
        "CRDTAMNT": "0.00000",
        "XCHGRATE": "1.0000000",
        "ORCTRNUM": "STDINV1001",
        "ORDOCNUM": "STDINV1001",
        "ORMSTRID": "C1",
        "DEX_ROW_TS": "2026-03-02T15:41:00.000",
    }
    records = [KeptRecord("gp-TWO-journal", "1", NOW, line), KeptRecord("gp-TWO-sales_invoice", "2", NOW, DOCUMENT)]
    ((_, booked),) = GPBooks(GPEConnectHook("gp_test")).derive(records).booked
    assert booked.taxes == {"STATE": Decimal("-6.74")}
