"""Suggested mappings: names are read, what is sure is filled in, and the draft passes the check of mapping files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from commands.main import main
from hooks.described import described_entity
from ledgerbridge.mapping import load_mapping
from ledgerbridge.mapping.engine import check_mapping_file
from ledgerbridge.suggest import (
    Candidate,
    Entity,
    Field,
    Suggestion,
    draft,
    fields_of_records,
    known_names,
    mappings_in,
    read_decisions,
    suggest,
    with_accepted,
    with_samples,
)
from ledgerbridge.suggest.signals import worded
from ledgerbridge.suggest.words import lexicon

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def ledgerbridge(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command: exit code and what it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        code = main(list(arguments))
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CSTPONBR", "customer purchase order number"),
        ("ZIPCODE", "zip code"),
        ("ORFRTTAX", "originating freight tax"),
        ("CITY", "city"),
        ("billing_address", "billing address"),
        ("SalesDetails", "sales details"),
        ("ShipToName", "ship to name"),
        ("VNDITNUM", "vendor it number"),
    ],
)
def test_the_words_of_a_name_are_found_shortened_ones_too(name: str, words: str) -> None:
    assert " ".join(lexicon().words(name)) == words


@pytest.mark.parametrize(
    ("entity", "field", "role"),
    [
        ("gp.sales_order", "CUSTNMBR", "party_number"),
        ("gp.sales_order", "CSTPONBR", "order_of_customer"),
        ("gp.sales_order", "TAXAMNT", "tax"),
        ("gp.customer", "addresses.STATE", "region"),
        ("xero.invoice", "lines.TaxType", "tax_code"),
        ("xero.invoice", "InvoiceNumber", "document_number"),
        ("gp.customer", "HOLD", ""),
    ],
)
def test_a_field_is_known_for_what_it_is_for_whatever_it_is_called(entity: str, field: str, role: str) -> None:
    described = described_entity(entity, written=True)
    assert described is not None
    assert {each.field.path: each.role for each in worded(described, lexicon())}[field] == role


def test_a_partys_address_is_where_its_bills_go_and_a_documents_where_its_goods_go() -> None:
    fields = (Field("shipping_address.city"), Field("billing_address.city"))
    found = {
        title: suggest(Entity("shop.order", fields), Entity(title, (Field("CITY", required=True),)))[0]
        for title in ("their.customer", "their.sales_order")
    }
    assert {title: each.candidates[0].source.name for title, each in found.items()} == {
        "their.customer": "billing_address.city",
        "their.sales_order": "shipping_address.city",
    }


def test_contacts_are_put_where_customers_have_them_each_once() -> None:
    source = described_entity("xero.contact", written=False)
    target = described_entity("gp.customer", written=True)
    assert source is not None
    assert target is not None
    best = {each.target.path: each.best.source.path for each in suggest(source, target) if each.best is not None}
    expected = {
        "CUSTNMBR": "ContactNumber",
        "ADDRESS2": "Addresses[].AddressLine2",
        "STATE": "Addresses[].Region",
        "ZIPCODE": "Addresses[].PostalCode",
        "TXRGNNUM": "TaxNumber",
        "CURNCYID": "DefaultCurrency",
    }
    assert {field: best.get(field) for field in expected} == expected


def test_what_nothing_is_there_for_stays_open_with_the_nearest() -> None:
    target = Entity("their.order", (Field("TAXSCHID", about="tax schedule"), Field("RequesterTrx", kind="flag")))
    source = Entity("our.order", (Field("City"), Field("Website")))
    assert [(each.band, each.best) for each in suggest(source, target)] == [("open", None), ("open", None)]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("magento.order", "gp.sales_order"),
        ("xero.contact", "gp.customer"),
        ("gp.sales_invoice", "xero.invoice"),
        ("canonical.sales_order", "gp.sales_order"),
        ("magento.order", "canonical.sales_order"),
        ("gp.journal", "xero.manual_journal"),
    ],
)
def test_a_draft_passes_the_check_and_lists_what_is_required_and_open(
    source: str, target: str, ledgerbridge: Run, tmp_path: Path
) -> None:
    out = tmp_path / "draft.yaml"
    code, told = ledgerbridge("suggest", source, target, "--out", str(out))
    assert code == 0, told
    assert ledgerbridge("map", "check", str(out)) == (0, "1 mapping file, no problems\n")
    drafted = load_mapping(out)
    assert (drafted.source, drafted.target) == (source, target)
    required = {line.split("!")[0].strip() for line in told.splitlines() if "! " in line and line.endswith(" open")}
    first = next((line for line in out.read_text().splitlines() if line.startswith("# Required and open")), "")
    assert {each.rpartition(".")[2] for each in first.rstrip(".").partition(": ")[2].split(", ") if each} == required


def test_a_draft_of_lines_takes_one_list_and_reaches_the_header_from_it(tmp_path: Path) -> None:
    source = Entity(
        "our.order",
        (
            Field("currency_code", about="currency of the document"),
            Field("sku", "items[]"),
            Field("quantity", "items[]", "quantity"),
            Field("name", "shipments[]"),
        ),
    )
    target = Entity(
        "their.order",
        (
            Field("ITEMNMBR", "lines", length=30, required=True, about="item number, SKU"),
            Field("QUANTITY", "lines", "quantity", about="quantity of the line"),
            Field("CURNCYID", "lines", about="currency of the document"),
        ),
    )
    path = tmp_path / "mapping.yaml"
    path.write_text(draft(source, target, suggest(source, target)))
    checked, _ = check_mapping_file(path)
    assert checked.content is not None
    (lines,) = checked.content.lines
    assert lines.each == "items[]"
    text = path.read_text()
    assert "ITEMNMBR: {from: sku, convert: {text: {max: 30}}, required: true}" in text
    assert 'CURNCYID: "$.currency_code"' in text


def test_a_persons_two_names_become_the_one_that_the_target_has(tmp_path: Path) -> None:
    source = Entity("our.order", (Field("buyer.first_name"), Field("buyer.last_name"), Field("sku")))
    target = Entity("their.customer", (Field("CUSTNAME", length=64, required=True), Field("LastName")))
    whole, last = (
        Suggestion(each, (Candidate(source.fields[1], 0.99, "told"),), 0.0, "sure") for each in target.fields
    )
    path = tmp_path / "mapping.yaml"
    path.write_text(draft(source, target, [whole, last]))
    checked, _ = check_mapping_file(path)
    assert checked.content is not None
    text = path.read_text()
    assert 'template: "{buyer.first_name} {buyer.last_name}", convert: {text: {max: 64}}, required: true}' in text
    assert "  LastName: buyer.last_name\n" in text


def test_records_of_a_system_nobody_described_show_their_fields(ledgerbridge: Run, tmp_path: Path) -> None:
    records = tmp_path / "records.json"
    record = {
        "customer_email": "ann@example.com",
        "lines": [{"sku": "LAMP", "qty": 2}],
        "paid": True,
        "on": "2026-03-02",
    }
    records.write_text(json.dumps([{"key": "a", "payload": record}]))
    code, told = ledgerbridge("suggest", "till.sale", "canonical.customer", "--samples", str(records), "--json")
    assert code == 0, told
    best = {each["target"]["name"]: each["candidates"][0]["source"]["name"] for each in json.loads(told)}
    assert best["email"] == "customer_email"
    kinds = {each.path: each.kind for each in fields_of_records([record])}
    assert kinds == {
        "customer_email": "text",
        "lines[].sku": "text",
        "lines[].qty": "number",
        "paid": "flag",
        "on": "date",
    }


def test_the_words_of_a_choice_are_shown_and_no_other_values() -> None:
    records = [{"status": ["open", "paid"][number % 2], "email": f"ann{number}@example.com"} for number in range(40)]
    shown = {each.name: each for each in fields_of_records(records)}
    assert (shown["status"].kind, shown["status"].values, shown["email"].values) == ("choice", ("open", "paid"), ())
    source = with_samples(Entity("our.bill", (Field("status", about="status of the bill"),)), [*shown.values()])
    (found,) = suggest(source, Entity("their.bill", (Field("STATUS", about="status of the bill"),)))
    assert found.candidates[0].reason.endswith("one of open, paid")


def test_an_entity_nobody_knows_is_told_with_the_nearest_and_what_to_do(ledgerbridge: Run) -> None:
    code, told = ledgerbridge("suggest", "xero.contcat", "gp.customer")
    assert code == 2
    assert "LB-SUG-002" in told
    assert 'Did you mean "xero.contact"?' in told
    assert "--samples" in told


def test_a_file_that_is_there_is_left_as_it_is(ledgerbridge: Run, tmp_path: Path) -> None:
    out = tmp_path / "mapping.yaml"
    out.write_text("mine\n")
    code, told = ledgerbridge("suggest", "xero.contact", "gp.customer", "--out", str(out))
    assert (code, out.read_text()) == (2, "mine\n")
    assert "LB-SUG-003" in told


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param("shop.order: {header: {total: sum of all}}", "LB-SUG-001", id="a-kind-nobody-knows"),
        pytest.param("shop.order: [total]", "LB-SUG-001", id="no-parts"),
    ],
)
def test_a_description_that_cannot_be_read_is_told(content: str, code: str, ledgerbridge: Run, tmp_path: Path) -> None:
    fields = tmp_path / "fields.yaml"
    fields.write_text(content)
    assert code in ledgerbridge("suggest", "shop.order", "gp.customer", "--fields", str(fields))[1]


def test_records_that_are_none_are_told(ledgerbridge: Run, tmp_path: Path) -> None:
    assert "LB-MAP-012" in ledgerbridge("suggest", "a.b", "gp.customer", "--samples", str(tmp_path / "none.json"))[1]


def test_names_that_went_into_a_field_elsewhere_speak_for_their_like(tmp_path: Path) -> None:
    (tmp_path / "conform.yaml").write_text(
        "from: till.sale\nto: canonical.customer\n"
        "header: {label: '@key', city: billing.town, name: {when: {vip: 1}, then: title}}\n"
    )
    (tmp_path / "map.yaml").write_text("from: canonical.customer\nto: their.client\nheader: {F7: city, F8: name}\n")
    (tmp_path / "broken.yaml").write_text("from: nowhere\n")
    mappings = mappings_in(tmp_path)
    known = known_names(mappings, "their.client")
    assert known == {"F7": {"city", "billing.town"}, "F8": {"name", "title"}}
    assert known_names(mappings, "their.client", without="till") == {"F7": {"city"}, "F8": {"name"}}
    source = Entity("shop.order", (Field("customer.firstborn"), Field("billing_address.town"), Field("colour")))
    target = Entity("their.client", (Field("F7"),))
    (without,) = suggest(source, target)
    (with_known,) = suggest(source, target, known)
    assert with_known.candidates[0].source.name == "billing_address.town"
    assert with_known.candidates[0].confidence > 3 * without.candidates[0].confidence


def test_only_what_is_sure_and_has_one_value_is_filled_in(tmp_path: Path) -> None:
    tax = Field("tax", "rows[].taxes[]", "money")
    note, own, list_ = Field("note"), Field("sku", "rows[]"), Field("total", "rows[]", "money")
    given = [
        (Field("NOTE"), note, "sure"),
        (Field("TAX", kind="money"), list_, "sure"),  # a value a row: somebody says how they become one
        (Field("PLACE"), note, "likely"),
        (Field("NUMBER", required=True), note, "open"),
        (Field("DETAIL", "taxes", "money"), tax, "sure"),
        (Field("ITEM", "taxes"), own, "sure"),
        (Field("MEMO", "taxes"), note, "sure"),
    ]
    suggestions = [Suggestion(target, (Candidate(source, 0.99, "why"),), 0.0, band) for target, source, band in given]
    path = tmp_path / "mapping.yaml"
    path.write_text(draft(Entity("our.bill", ()), Entity("their.bill", ()), suggestions))
    checked, _ = check_mapping_file(path)
    assert checked.problems == []
    assert checked.content is not None
    rules = {name: rule.from_ for name, rule in checked.content.header.fields.items()}
    assert rules == {"NOTE": "note"}
    (taxes,) = checked.content.taxes
    assert taxes.each == "rows[].taxes[]"
    assert {name: rule.from_ for name, rule in taxes.fields.items()} == {
        "DETAIL": "tax", "ITEM": "^.sku", "MEMO": "$.note",
    }  # fmt: skip
    text = path.read_text()
    assert '# TAX: {sum: {of: "rows[].total"}}' in text
    assert "# likely 0.99, why\n  # PLACE: note" in text
    assert "# Required and open: NUMBER." in text


def test_what_was_refused_is_not_suggested_again_and_what_was_accepted_is_sure(
    ledgerbridge: Run, tmp_path: Path
) -> None:
    include = tmp_path / "include"
    (include / "mappings").mkdir(parents=True)

    def told(*options: str) -> dict[str, list[str]]:
        code, printed = ledgerbridge(
            "suggest", "xero.contact", "gp.customer", "--include", str(include), "--json", *options
        )
        assert code == 0, printed
        found = {each["target"]["name"]: each for each in json.loads(printed) if each["target"]["part"] == "header"}
        return {
            name: [found[name]["band"], *(each["source"]["name"] for each in found[name]["candidates"])]
            for name in ("CUSTNMBR", "HOLD")
        }

    assert told()["CUSTNMBR"][1] == "ContactNumber"
    told("--refuse", "CUSTNMBR=ContactNumber", "--accept", "HOLD=ContactStatus")
    after = told()
    assert "ContactNumber" not in after["CUSTNMBR"]
    assert after["CUSTNMBR"][0] == "open"
    assert after["HOLD"][:2] == ["sure", "ContactStatus"]
    assert told("--accept", "CUSTNMBR=ContactNumber")["CUSTNMBR"][:2] == ["sure", "ContactNumber"]
    known = with_accepted({}, read_decisions(include / "suggestions.yaml"), "gp.customer")
    assert known["HOLD"] == {"ContactStatus"}
    code, printed = ledgerbridge(
        "suggest", "xero.contact", "gp.customer", "--include", str(include), "--accept", "CUSTNMBR=ContactNumbr"
    )
    assert (code, "LB-SUG-006" in printed, '"ContactNumber"' in printed) == (2, True, True)


def test_decisions_that_cannot_be_read_are_told(ledgerbridge: Run, tmp_path: Path) -> None:
    code, told = ledgerbridge(
        "suggest", "xero.contact", "gp.customer", "--include", str(tmp_path / "gone"), "--refuse", "HOLD=ContactStatus"
    )
    assert (code, "LB-SUG-005" in told) == (2, True)
    (tmp_path / "suggestions.yaml").write_text("xero.contact -> gp.customer: [CUSTNMBR]\n")
    code, told = ledgerbridge("suggest", "xero.contact", "gp.customer", "--include", str(tmp_path))
    assert (code, "LB-SUG-005" in told) == (2, True)
