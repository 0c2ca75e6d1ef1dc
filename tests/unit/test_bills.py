"""Bills of Xero as GP's payables get them: nets, taxes by detail, days, numbers; and what becomes of a voided one."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_runs import NOW, NoState, made
from sent_documents import SentInMemory

from ledgerbridge.canonical.allocation import frame_of
from ledgerbridge.canonical.bills import tax_by_line
from ledgerbridge.canonical.rules import after_bill, after_vendor, unless_voided
from ledgerbridge.mapping import Lookups, Mapped, load_mapping, map_canonical, nested_records

MAPPINGS = Path(__file__).parents[2] / "include" / "mappings"
TAXES = "tax_type,detail,weight\nTAX001,STATE,6.25\nTAX001,COUNTY,1.5\nEXEMPT,,1\nVAT,VAT20,1\n"
ACCOUNTS: dict[str, dict[str, str]] = {"310": {"gp": "000-5100-00"}, "404": {"gp": "000-6100-00"}}
LIVE: dict[str, dict[str, Any]] = {name: {"TAXDTLID": name, "ACTINDX": "7"} for name in ("STATE", "COUNTY", "VAT20")}
LIVE["7"] = {"ACTNUMST": "000-2300-00"}


class Linked(NoState):
    """A state in which one contact is linked with one vendor."""

    def cross_references(self, entity: str, by: str, keys: Any) -> dict[str, dict[str, Any]]:
        known = {"c-1": {"record_key": "v"}} if entity == "xero.supplier" else {"v": {"target_id": "ACME"}}
        return {key: known[key] for key in keys if key in known}


def line(
    net: str, tax: str = "0.00", *, account: str = "310", tax_type: str = "NONE", number: int = 1
) -> dict[str, Any]:
    amounts = {"LineAmount": net, "TaxAmount": tax, "Quantity": "1", "TaxType": tax_type}
    return {"LineItemID": f"l-{number}", "AccountCode": account, "Description": f"Line {number}", **amounts}


def bill(*lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    net, tax = (sum(Decimal(each[name]) for each in lines) for name in ("LineAmount", "TaxAmount"))
    totals = {"SubTotal": str(net), "TotalTax": str(tax), "Total": str(net + tax), "LineAmountTypes": "Exclusive"}
    known = {"InvoiceID": "b-1", "InvoiceNumber": "A-1", "Contact": {"ContactID": "c-1", "Name": "Acme"}}
    days = {"Date": "2026-03-02", "DueDate": "2026-04-01", "Status": "AUTHORISED", "CurrencyCode": "USD"}
    return {**known, **days, **totals, "CurrencyRate": "1", "LineItems": list(lines), **fields}


def conformed(folder: Path, *payloads: dict[str, Any]) -> tuple[Mapped, Lookups]:
    (folder / "purchase_taxes.csv").write_text(TAXES)
    known = {
        "accounts_xero": dict(ACCOUNTS),
        "accounts": {"payables": {"gp": "000-2100-00"}},
        "company": {"base_currency": {"value": "USD"}},
    }
    asked = Lookups(
        folder, known, Linked(), lambda _, keys, __: {key: LIVE[key] for key in keys if key in LIVE}, "America/New_York"
    )
    records = nested_records(list(payloads), [f"k{n}" for n in range(len(payloads))], [NOW] * len(payloads))
    return load_mapping(MAPPINGS / "xero_bill_to_bill.yaml").run(records, asked), asked


def voucher(folder: Path, payload: dict[str, Any], kind: str = "invoice") -> Mapped:
    mapped, asked = conformed(folder, payload)
    assert mapped.failures.empty
    return map_canonical(load_mapping(MAPPINGS / f"bill_to_gp_payables_{kind}.yaml"), mapped.frames, asked)


def booked(mapped: Mapped) -> list[tuple[str, Decimal]]:
    rows = mapped.frames["distributions"].to_dict("records")
    assert len({row["DSTSQNUM"] for row in rows}) == len(rows)
    return [(row["ACTNUMST"], row["DEBITAMT"] - row["CRDTAMNT"]) for row in rows]


def test_each_line_is_a_distribution_and_nothing_of_it_is_computed_anew(tmp_path: Path) -> None:
    made_of = bill(line("100.00", "7.77", tax_type="TAX001"), line("-5.00", account="404", number=2))
    mapped = voucher(tmp_path, made_of)
    header = mapped.frames["header"].to_dict("records")[0]
    assert (header["VENDORID"], header["DOCNUMBR"], header["BACHNUMB"]) == ("ACME", "A-1", "LBV 2026-03-02")
    amounts = [header[name] for name in ("DOCAMNT", "PRCHAMNT", "TAXAMNT", "CHRGAMNT")]
    assert amounts == [Decimal("102.77"), Decimal("95.00"), Decimal("7.77"), Decimal("102.77")]
    assert [str(header[name]) for name in ("DOCDATE", "PSTGDATE", "DUEDATE")] == [
        "2026-03-02",
        "2026-03-02",
        "2026-04-01",
    ]
    assert booked(mapped) == [
        ("000-5100-00", Decimal("100.00")),
        ("000-6100-00", Decimal("-5.00")),
        ("000-2300-00", Decimal("6.27")),
        ("000-2300-00", Decimal("1.50")),
        ("000-2100-00", Decimal("-102.77")),
    ]


def test_a_tax_is_shared_by_its_details_of_the_table(tmp_path: Path) -> None:
    lines = [line("100.00", "7.75", tax_type="TAX001"), line("10.00", "0.77", tax_type="TAX001", number=2)]
    mapped = voucher(tmp_path, bill(*lines, line("4.00", tax_type="EXEMPT", number=3)))
    rows = [(row["TAXDTLID"], row["TAXAMNT"], row["TDTTXPUR"]) for row in mapped.frames["taxes"].to_dict("records")]
    assert rows == [("STATE", Decimal("6.87"), Decimal("110.00")), ("COUNTY", Decimal("1.65"), Decimal("110.00"))]


def test_a_credit_memo_is_the_same_on_the_other_side(tmp_path: Path) -> None:
    assert booked(voucher(tmp_path, bill(line("10.00", "2.00", tax_type="VAT")), "credit_memo")) == [
        ("000-5100-00", Decimal("-10.00")),
        ("000-2300-00", Decimal("-2.00")),
        ("000-2100-00", Decimal("12.00")),
    ]


def test_only_what_is_approved_is_read_and_a_tax_without_a_detail_in_gp_is_told(tmp_path: Path) -> None:
    unknown = bill(line("1.00", "0.10", tax_type="GST"), InvoiceNumber="A-2")
    mapped, _ = conformed(tmp_path, bill(line("1.00"), Status="DRAFT"), unknown, bill(line("1.00"), Status="PAID"))
    assert made(mapped, "bill_number") == ["A-1"]
    failure = mapped.failures.iloc[0]
    assert (failure["value"], failure["code"]) == ("GST", "LB-MAP-002")
    assert "include/lookups/purchase_taxes.csv" in failure["remedy"]


def test_a_foreign_bill_bears_its_rate_and_a_bill_of_nobody_we_know_waits(tmp_path: Path) -> None:
    # Xero's own rate the other way round has twelve decimals
    foreign = bill(line("1.00"), CurrencyCode="GBP", CurrencyRate="1.190476190476")
    header = voucher(tmp_path, foreign).frames["header"].to_dict("records")[0]
    assert (header["CURNCYID"], header["XCHGRATE"]) == ("GBP", Decimal("1.1904762"))
    mapped, _ = conformed(tmp_path, bill(line("1.00"), Contact={"ContactID": "c-2", "Name": "Wharf"}))
    ruled = after_vendor(mapped.frames, SentInMemory())
    assert ruled.frames["header"].empty
    assert ruled.frames["lines"].empty
    assert next(iter(ruled.waiting.values())).startswith("its supplier is not linked with a vendor")


@pytest.mark.parametrize("number", ["A" * 20, "A" * 21, "INV 2026-03 000123456"])
def test_a_number_is_the_suppliers_or_begins_like_it_and_is_its_own(tmp_path: Path, number: str) -> None:
    other = f"{number[:-1]}B"
    first, second = (
        made(voucher(tmp_path, bill(line("1.00"), InvoiceNumber=each)), "DOCNUMBR")[0] for each in (number, other)
    )
    assert first != second
    assert (first == number) is (len(number) <= 20)
    assert (len(first), first[:11]) == (20, number[:11])


def test_a_payment_is_of_the_vendor_at_what_left_the_bank_and_names_its_bill(tmp_path: Path) -> None:
    _, asked = conformed(tmp_path, bill(line("1.00")))
    asked.given["gateways_by_role"] = {"bank": {"checkbook": "BANK"}}
    asked.given["accounts_xero"]["090"] = {"role": "bank", "gp": "000-1100-00"}
    of_bill = {"InvoiceID": "b-1", "InvoiceNumber": "A-1", "CurrencyCode": "GBP", "Contact": {"ContactID": "c-1"}}
    paid = {"PaymentID": "p-1", "PaymentType": "ACCPAYPAYMENT", "Status": "AUTHORISED", "Date": "2026-03-02"}
    paid |= {"Invoice": of_bill, "Account": {"Code": "090"}, "CurrencyRate": "1.3", "Amount": "80.00"}
    left = {"p-1": {"BankAmount": "104.01"}, "p-2": {"BankAmount": "80.00"}}
    payloads = [paid | {"PaymentID": key} | fields for key, fields in left.items()]
    records = nested_records(payloads, list(left), [NOW] * 2)
    canonical = load_mapping(MAPPINGS / "xero_bill_payment_to_bill_payment.yaml").run(records, asked)
    assert canonical.failures.empty
    assert made(canonical, "rate") == [Decimal("1.3001250"), Decimal("1.3000000")]
    mapped = map_canonical(load_mapping(MAPPINGS / "bill_payment_to_gp_payables_payment.yaml"), canonical.frames, asked)
    header = mapped.frames["header"].to_dict("records")[0]
    named = [header[name] for name in ("VENDORID", "CHEKBKID", "TRXDSCRN", "CURNCYID", "DOCAMNT")]
    assert named == ["ACME", "BANK", "A-1", "GBP", Decimal("80.00")]
    rows = {
        (row["ACTNUMST"], row["DEBITAMT"] - row["CRDTAMNT"])
        for row in mapped.frames["distributions"].to_dict("records")
    }
    assert rows == {("000-2100-00", Decimal("80.00")), ("000-1100-00", Decimal("-80.00"))}


def test_a_payment_of_which_xero_says_nothing_but_the_amount_is_taken_as_it_is(tmp_path: Path) -> None:
    _, asked = conformed(tmp_path, bill(line("1.00")))
    of_bill = {"InvoiceID": "b-1", "InvoiceNumber": "", "CurrencyCode": "USD", "Contact": {"ContactID": "c-1"}}
    paid = {"PaymentID": "p-1", "PaymentType": "ACCPAYPAYMENT", "Status": "DELETED", "Date": "2026-03-02"}
    paid |= {"Invoice": of_bill, "Account": {"Code": "090"}, "Amount": "80.00"}
    mapping = load_mapping(MAPPINGS / "xero_bill_payment_to_bill_payment.yaml")
    canonical = mapping.run(nested_records([paid], ["p-1"], [NOW]), asked)
    assert canonical.failures.empty
    (header,) = canonical.frames["header"].to_dict("records")
    assert (header["amount"], header["voided"], header["label"]) == (Decimal(80), True, "p-1")
    assert header["rate"] is None


def test_a_payment_follows_its_bill_or_what_people_keyed_of_it() -> None:
    sent = SentInMemory()
    sent.add("gp.payables_invoice", record_key="xero:t:bill:gone")
    sent.read("xero.bill", "superseded", "people keyed it", source_key="xero:t:bill:keyed")
    sent.letters["xero:t:bill:stuck"] = "7"
    bills = ("gone", "keyed", "stuck", "new")
    rows = [{"record_key": f"xero:t:bill_payment:{each}", "bill_id": each} for each in bills]
    frames = {"header": frame_of(rows, "canonical.bill_payment")}
    ruled = after_bill(frames, sent, bills="xero.bill", documents="gp.payables_invoice")
    assert list(ruled.frames["header"]["bill_id"]) == ["gone", "keyed"]
    assert {key.rpartition(":")[2]: why for key, why in ruled.waiting.items()} == {
        "stuck": "its bill can't go on, dead letter 7",
        "new": "its bill has not gone yet",
    }


def test_a_bill_voided_before_it_went_is_none_and_after_it_names_the_voucher() -> None:
    sent = SentInMemory()
    sent.add("gp.payables_invoice", record_key="b2", number="LBV2")
    bills = [{"record_key": f"b{n}", "voided": n > 1} for n in (1, 2, 3)]
    frames = {"header": frame_of(bills, "canonical.bill")}
    ruled = unless_voided(frames, sent, documents="gp.payables_invoice")
    assert list(ruled.frames["header"]["record_key"]) == ["b1"]
    assert ruled.superseded == {"b3": "it was voided before it was sent"}
    assert [(each["record_key"], each["code"], each["value"]) for each in ruled.failures] == [
        ("b2", "LB-CAN-006", "LBV2")
    ]


amounts = st.decimals(min_value="-9999.99", max_value="99999.99", places=2)
bought = st.tuples(amounts, st.sampled_from(["NONE", "EXEMPT", "TAX001", "VAT"]), st.sampled_from(["310", "404"]))
papers = st.tuples(st.lists(bought, min_size=1, max_size=5), st.booleans())


def typed(items: list[tuple[Decimal, str, str]], *, included: bool) -> dict[str, Any]:
    """A bill over these nets, tax types and accounts, with a fifth of tax where there is any."""
    taxes = [round(net * Decimal("0.2"), 2) if tax in ("TAX001", "VAT") else Decimal(0) for net, tax, _ in items]
    lines = [
        line(str(net + tax if included else net), str(tax), tax_type=tax_type, account=account, number=number)
        for number, ((net, tax_type, account), tax) in enumerate(zip(items, taxes, strict=True), start=1)
    ]
    net, tax = sum(each[0] for each in items), sum(taxes)
    totals = {"SubTotal": str(net), "TotalTax": str(tax), "Total": str(net + tax)}
    return bill(*lines, LineAmountTypes="Inclusive" if included else "Exclusive", **totals)


@settings(max_examples=8)
@given(batch=st.lists(papers, min_size=1, max_size=25))
def test_whatever_is_bought_the_voucher_adds_up_as_gp_wants_it(
    tmp_path_factory: pytest.TempPathFactory, batch: list[tuple[list[tuple[Decimal, str, str]], bool]]
) -> None:
    bills = [typed(items, included=included) for items, included in batch]
    bills = [each for each in bills if Decimal(each["Total"]) > 0] or [bill(line("1.00"))]
    made_of, asked = conformed(tmp_path_factory.mktemp("bills"), *bills)
    assert made_of.failures.empty
    for kind in ("invoice", "credit_memo"):
        mapped = map_canonical(load_mapping(MAPPINGS / f"bill_to_gp_payables_{kind}.yaml"), made_of.frames, asked)
        assert mapped.failures.empty
        parts = {part: frame.to_dict("records") for part, frame in mapped.frames.items()}
        for header, source in zip(parts["header"], bills, strict=True):
            rows = [row for row in parts["distributions"] if row["record_key"] == header["record_key"]]
            taxes = [row for row in parts["taxes"] if row["record_key"] == header["record_key"]]
            assert header["DOCAMNT"] == header["PRCHAMNT"] + header["TAXAMNT"] == Decimal(source["Total"])
            assert sum(row["TAXAMNT"] for row in taxes) == header["TAXAMNT"]
            assert len({row["TAXDTLID"] for row in taxes}) == len(taxes)
            assert len({row["DSTSQNUM"] for row in rows}) == len(rows)
            assert sum(row["DEBITAMT"] for row in rows) == sum(row["CRDTAMNT"] for row in rows)
            assert all(sorted([row["DEBITAMT"], row["CRDTAMNT"]])[0] == 0 for row in rows)


def taxed(nets: list[str], taxes: list[tuple[str, str, str]]) -> tuple[list[tuple[Any, ...]], list[dict[str, Any]]]:
    """Lines as the rule leaves them (net, details, tax) of a voucher's nets and taxes (detail, amount, taxed)."""
    lines = [
        {"record_key": "k", "line_id": str(n), "line_number": n, "net": Decimal(net)} for n, net in enumerate(nets, 1)
    ]
    rows = [{"record_key": "k", "detail": d, "amount": Decimal(a), "taxed": Decimal(t)} for d, a, t in taxes]
    columns = ["record_key", "detail", "amount", "taxed"]
    made, failures = tax_by_line(pd.DataFrame(lines), pd.DataFrame(rows, columns=columns))
    return [(f"{each['net']:.2f}", each.get("details"), each.get("tax")) for each in made], failures


def test_taxes_by_detail_are_laid_on_lines_with_their_net_and_tax_to_the_cent() -> None:
    both = [("STATE", "9.38", "150.00"), ("COUNTY", "2.25", "150.00")]
    cents = [Decimal("7.75"), Decimal("3.88")]
    assert taxed(["100.00", "50.00"], both)[0] == [
        ("100.00", "COUNTY+STATE", cents[0]), ("50.00", "COUNTY+STATE", cents[1])
    ]  # fmt: skip
    assert taxed(["100.00", "-10.00"], [("VAT", "18.00", "90.00")])[0] == [
        ("100.00", "VAT", Decimal("20.00")), ("-10.00", "VAT", Decimal("-2.00"))
    ]  # fmt: skip
    assert taxed(["30.00", "12.00"], [("VAT", "7.00", "35.00")])[0] == [
        ("30.00", "VAT", Decimal("6.00")), ("5.00", "VAT", Decimal("1.00")), ("7.00", None, None)
    ]  # fmt: skip
    assert taxed(["10.00"], [])[0] == [("10.00", None, None)]
    _, [failure] = taxed(["10.00"], [("VAT", "4.00", "20.00")])
    assert (failure["code"], failure["value"]) == ("LB-CAN-012", "20.00")


def test_bank_details_are_read_and_written_by_the_mappings_of_a_suppliers_own_card_alone() -> None:
    texts = {path.stem: path.read_text() for path in MAPPINGS.glob("*.yaml")}
    naming = {name for name, text in texts.items() if re.search(r"BankAccountDetails|bank_account\b", text)}
    assert naming == {"xero_supplier_to_vendor", "master_vendor_to_xero_supplier"}
