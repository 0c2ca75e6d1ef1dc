"""The same work as a petl pipeline: tables with lazy steps, amounts as Decimal."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import petl

from bench.by_rows import CENT, HUNDREDTH_OF_A_CENT
from bench.invoices import ACCOUNTS, CONTACTS, FREIGHT_LINE, SUMMARY, TAX_TYPES, Batch

__all__ = ["rows", "run"]


def run(batch: Batch) -> Any:
    """Headers and lines as lists of rows, the first one with the names."""
    records = [{"record_key": key, **payload} for key, payload in zip(batch.keys, batch.payloads, strict=True)]
    wanted = ["record_key", "SOPNUMBE", "CSTPONBR", "CUSTNMBR", "DOCDATE", "CURNCYID", "XCHGRATE", "ORDOCAMT",
              "ORFRTAMT", "ORFRTTAX", "VOIDSTTS"]  # fmt: skip
    header = petl.select(petl.fromdicts(records, header=wanted), "VOIDSTTS", lambda value: value != 1)
    header = petl.convert(header, ("XCHGRATE", "ORDOCAMT", "ORFRTAMT", "ORFRTTAX"), Decimal)
    header = petl.convert(header, "DOCDATE", lambda text: petl.dateparser("%Y-%m-%d")(text[:10]))
    lines = petl.leftjoin(_lines(records, header), _taxes(records), key=("record_key", "line"))
    lines = petl.convert(lines, "tax", lambda tax: tax or Decimal(0))
    lines = list(_mapped_lines(lines))
    _check(header, lines)
    return list(_mapped_header(header)), [row[:1] + row[2:] for row in lines]


def rows(made: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Headers and lines as Python values."""
    header, lines = (list(petl.dicts(table)) for table in made)
    return header, lines


def _lines(records: list[dict[str, Any]], header: Any) -> Any:
    products = petl.fromdicts(
        [{"record_key": record["record_key"], **line} for record in records for line in record["Line"]],
        header=["record_key", "LNITMSEQ", "ITEMDESC", "QUANTITY", "OXTNDPRC"],
    )
    products = petl.setheader(products, ["record_key", "line", "title", "quantity", "net"])
    products = petl.convert(petl.convert(products, "quantity", Decimal), "net", Decimal)
    freight = petl.select(header, lambda row: row["ORFRTAMT"] or row["ORFRTTAX"])
    freight = petl.fieldmap(
        freight,
        {
            "record_key": "record_key",
            "line": lambda row: FREIGHT_LINE,
            "title": lambda row: "Shipping",
            "quantity": lambda row: Decimal(1),
            "net": "ORFRTAMT",
        },
    )
    return petl.cat(products, freight)


def _taxes(records: list[dict[str, Any]]) -> Any:
    taxes = petl.fromdicts(
        [{"record_key": record["record_key"], **tax} for record in records for tax in record["Tax"]],
        header=["record_key", "LNITMSEQ", "TAXDTLID", "ORSLSTAX", "ORFRTTAX"],
    )
    taxes = petl.select(taxes, lambda row: row["LNITMSEQ"] != SUMMARY)
    taxes = petl.addfield(
        taxes, "amount", lambda row: Decimal(row["ORFRTTAX" if row["LNITMSEQ"] == FREIGHT_LINE else "ORSLSTAX"])
    )
    taxes = petl.select(taxes, lambda row: row["LNITMSEQ"] != FREIGHT_LINE or row["amount"])
    return petl.setheader(
        petl.aggregate(
            taxes,
            ("record_key", "LNITMSEQ"),
            {"tax": ("amount", lambda amounts: sum(amounts, Decimal(0))), "detail": ("TAXDTLID", _joined)},
        ),
        ["record_key", "line", "tax", "detail"],
    )


def _joined(details: Any) -> str:
    return "+".join(sorted(details))


def _mapped_lines(lines: Any) -> Any:
    lines = petl.addfield(
        lines, "unit", lambda row: (row["net"] / row["quantity"]).quantize(HUNDREDTH_OF_A_CENT, ROUND_HALF_UP)
    )
    lines = petl.addfield(
        lines, "exact", lambda row: (row["unit"] * row["quantity"]).quantize(CENT, ROUND_HALF_UP) == row["net"]
    )
    return petl.fieldmap(
        lines,
        {
            "record_key": "record_key",
            "line": "line",
            "Description": lambda row: (
                row["title"] if row["exact"] else f"{row['quantity'].normalize():f} x {row['title']}"
            ),
            "Quantity": lambda row: row["quantity"] if row["exact"] else Decimal(1),
            "UnitAmount": lambda row: row["unit"] if row["exact"] else row["net"],
            "LineAmount": "net",
            "AccountCode": lambda row: ACCOUNTS["shipping_income" if row["line"] == FREIGHT_LINE else "sales"],
            "TaxType": lambda row: TAX_TYPES.get(row["detail"], "NONE"),
            "TaxAmount": "tax",
        },
    )


def _check(header: Any, lines: Any) -> None:
    sums = petl.aggregate(
        petl.addfield(lines, "gross", lambda row: row["LineAmount"] + row["TaxAmount"]),
        "record_key",
        {"parts": ("gross", lambda amounts: sum(amounts, Decimal(0)))},
    )
    joined = petl.join(petl.cut(header, "record_key", "ORDOCAMT"), sums, key="record_key")
    wrong = petl.nrows(petl.select(joined, lambda row: row["parts"] != row["ORDOCAMT"]))
    if wrong:
        raise ValueError(f"{wrong} totals are not the sum of their parts")


def _mapped_header(header: Any) -> Any:
    return petl.fieldmap(
        header,
        {
            "record_key": "record_key",
            "Type": lambda row: "ACCREC",
            "InvoiceNumber": "SOPNUMBE",
            "Reference": "CSTPONBR",
            "Date": "DOCDATE",
            "DueDate": "DOCDATE",
            "Contact.ContactID": lambda row: CONTACTS[row["CUSTNMBR"]],
            "CurrencyCode": lambda row: row["CURNCYID"] or "USD",
            "CurrencyRate": lambda row: row["XCHGRATE"] if row["CURNCYID"] else None,
            "LineAmountTypes": lambda row: "Exclusive",
            "Status": lambda row: "AUTHORISED",
            "_expected.Total": "ORDOCAMT",
        },
    )
