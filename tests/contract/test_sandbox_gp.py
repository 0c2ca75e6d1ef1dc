"""The simulated GP refuses and posts as sources.md GP and accounting-rules.md say; zeep is the judge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
import requests
from lxml import etree

from sandbox.gp.app import create_app
from sandbox.gp.nodes import NODES
from tests.contract.gp_company import COMPANY, shop_order
from tests.contract.gp_office import LOGIN, Fault, Office, document, open_office, start_over
from tests.contract.served_app import serve
from tests.reference_data import GP_NODES


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_office(tmp_path_factory.mktemp("gp")) as office:
        yield office


@pytest.fixture
def office(running: Office) -> Office:
    return start_over(running)


def test_an_unknown_login_gets_a_basic_challenge(office: Office) -> None:
    answer = requests.post(
        f"{office.url}/Microsoft/Dynamics/GP/eConnect/EntityOperations", auth=(LOGIN, "wrong"), data=b"", timeout=10
    )
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_an_order_lands_unposted_and_is_read_back_by_column_names(office: Office) -> None:
    office.create(office.order(shop_order()))
    (order,) = office.read("Sales_Transaction", "SOPTYPE = 2 AND CSTPONBR = '#1'")
    assert (order["SOPNUMBE"], order["ORDOCAMT"], order["DOCDATE"]) == ("ORD1", "155.76000", "2026-03-02T00:00:00")
    assert [line["XTNDPRCE"] for line in order["Line"]] == ["99.80000", "36.75000"]
    assert sorted(tax["STAXAMNT"] for tax in order["Tax"] if 0 < int(tax["LNITMSEQ"]) < 2147483645) == [
        "0.55000",
        "1.50000",
        "2.30000",
        "6.24000",
    ]
    assert (order["CUSTNAME"], order["DUEDATE"], order["EXCHDATE"]) == (
        "Customer ANN",
        "2026-03-02T00:00:00",
        "1900-01-01T00:00:00",
    )
    assert office.read("Sales_History_Transaction") == []
    assert office.books() == {}


def header(**fields: object) -> str:
    return document("SOPTransactionType", taSopHdrIvcInsert=fields)


@pytest.mark.parametrize(
    ("changes", "number", "procedure"),
    [
        pytest.param({"SUBTOTAL": "136.54", "DOCAMNT": "155.75"}, 67, "taSopHdrIvcInsert", id="subtotal"),
        pytest.param({"DOCAMNT": "155.75"}, 235, "taSopHdrIvcInsert", id="document-amount"),
        pytest.param({"TAXAMNT": "10.60", "DOCAMNT": "155.77"}, 50005, "taSopHdrIvcInsert", id="tax-sum"),
        pytest.param({"FRTTXAMT": "0.63", "DOCAMNT": "155.77"}, 50005, "taSopHdrIvcInsert", id="freight-tax-sum"),
        pytest.param({"SOPTYPE": 3, "DOCID": "STDINV"}, 67, "taSopHdrIvcInsert", id="type-differs-from-lines"),
        pytest.param({"DOCID": "WEBORD"}, 50012, "taSopHdrIvcInsert", id="unknown-document-id"),
        pytest.param({"TAXSCHID": "NOSUCH"}, 50014, "taSopHdrIvcInsert", id="unknown-tax-schedule"),
        pytest.param({"CURNCYID": "EUR"}, 50018, "taSopHdrIvcInsert", id="unknown-currency"),
        pytest.param({"BACHNUMB": ""}, 50001, "taSopHdrIvcInsert", id="required-field-empty"),
        pytest.param({"ADDRESS1": "x" * 61}, 50002, "taSopHdrIvcInsert", id="text-too-long"),
        pytest.param({"CUSTNMBR": "NOBODY"}, 50010, "taSopHdrIvcInsert", id="unknown-customer"),
    ],
)
def test_a_header_that_does_not_fit_leaves_nothing(
    office: Office, changes: dict[str, Any], number: int, procedure: str
) -> None:
    message = office.refusal(office.order(shop_order(), **changes))
    assert f"Error Number = {number}  Stored Procedure= {procedure}  Error Description = " in message
    assert "ORD1" in message
    assert office.ask("GET", "/_sandbox/ledger")["documents"] == []
    office.create(office.order(shop_order()))


def test_the_message_has_the_format_of_the_real_one(office: Office) -> None:
    message = office.refusal(office.journal("fee", [("000-6100-00", "1.00"), ("000-9999-00", "-1.00")], 7))
    assert message.startswith(
        "Sql procedure error codes returned: \n\rError Number = 50016  Stored Procedure= taGLTransactionLineInsert"
        "  Error Description = Account number does not exist in GL00105\r\n"
        "Node Identifier Parameters: taGLTransactionLineInsert\r\nBACHNUMB = FEES\r\nJRNENTRY = 7\r\n"
    )
    assert "Related Error Code Parameters for Node : taGLTransactionLineInsert\r\nACTNUMST = 000-9999-00\r\n" in message
    assert message.endswith("</taGLTransactionLineInsert>\r\n")


def test_an_unknown_item_is_refused_by_its_line(office: Office) -> None:
    order = shop_order()
    order["lines"][1]["sku"] = "NO-SUCH-SKU"
    message = office.refusal(office.order(order))
    assert "Stored Procedure= taSopLineIvcInsert" in message
    assert "ITEMNMBR = NO-SUCH-SKU" in message


def test_a_number_in_work_or_history_is_a_duplicate(office: Office) -> None:
    office.create(office.order(shop_order()))
    assert "Error Number = 2221" in office.refusal(office.order(shop_order()))
    office.ship()
    assert "Error Number = 2221" in office.refusal(office.order(shop_order()))


def test_a_posted_invoice_books_receivables_sales_freight_taxes_and_cost(office: Office) -> None:
    office.create(office.order(shop_order()))
    number = office.ship()
    assert number == "STDINV1001"
    assert office.books() == {
        "receivables": "155.76",
        "sales": "-136.55",
        "shipping_income": "-8.00",
        "tax_payable": "-11.21",
        "cost_of_goods_sold": "53.55",
        "inventory": "-53.55",
    }
    (invoice,) = office.read("Sales_History_Transaction", f"SOPTYPE = 3 AND SOPNUMBE = '{number}'")
    assert (invoice["ORIGTYPE"], invoice["ORIGNUMB"], invoice["CSTPONBR"]) == ("2", "ORD1", "#1")
    (receivable,) = office.read("Receivables_Posted_Transaction", "RMDTYPAL = 1")
    assert (receivable["DOCNUMBR"], receivable["CURTRXAM"]) == (number, "155.76000")
    assert office.ask("POST", "/_sandbox/transfer", {"customer_po": "#1", "date": "2026-03-04"}) == {"invoice": None}


def test_parts_of_an_order_share_its_amounts_and_the_last_takes_the_rest(office: Office) -> None:
    office.create(office.order(shop_order()))
    first = office.ship(lines=[{"ITEMNMBR": "LAMP", "QUANTITY": "1"}, {"ITEMNMBR": "MUG", "QUANTITY": "3"}])
    second = office.ship()
    invoices = {row["SOPNUMBE"]: row for row in office.read("Sales_History_Transaction", "SOPTYPE = 3")}
    amounts = ("SUBTOTAL", "FRTAMNT", "TAXAMNT", "FRTTXAMT", "DOCAMNT")
    assert [[Decimal(invoices[number][name]) for name in amounts] for number in (first, second)] == [
        [Decimal(text) for text in ("71.95", "8.00", "5.58", "0.62", "86.15")],
        [Decimal(text) for text in ("64.60", "0.00", "5.01", "0.00", "69.61")],
    ]


def test_a_receipt_is_applied_only_when_posted_and_never_beyond_what_is_open(office: Office) -> None:
    office.create(office.order(shop_order()))
    number = office.ship()
    office.create(office.receipt("CH1", "155.76"))
    assert "Document is not posted" in office.refusal(office.application(number, "CH1", "155.76"))
    office.ask("POST", "/_sandbox/post", {"batch": "CASH"})
    office.create(office.application(number, "CH1", "100.00"))
    assert "Apply amount exceeds" in office.refusal(office.application(number, "CH1", "55.77"))
    (application,) = office.read("Receivables_Apply", "APFRDCNM = 'CH1'")
    assert (application["APTODCNM"], application["APPTOAMT"]) == (number, "100.00000")
    left = {row["DOCNUMBR"]: row["CURTRXAM"] for row in office.read("Receivables_Posted_Transaction")}
    assert left == {number: "55.76000", "CH1": "55.76000"}
    assert office.books()["clearing"] == "155.76"
    assert "receivables" not in office.books()


def test_lines_that_lack_the_currency_of_their_header_are_refused(office: Office) -> None:
    xml = office.order(shop_order(currency="GBP", rate="1.25"))
    line, _, rest = xml.partition("</taSopLineIvcInsert>")
    assert "Error Number = 9370" in office.refusal(line.replace("<CURNCYID>GBP</CURNCYID>", "") + _ + rest)
    office.create(xml)


def test_a_salesperson_must_be_known_and_active(office: Office) -> None:
    office.seed(COMPANY | {"salespeople": ["PAUL W."], "inactive_salespeople": ["NANCY B."]})
    office.customer()
    assert "does not exist in RM00301" in office.refusal(office.order(shop_order(), SLPRSNID="GARY W."))
    assert "Error Number = 9539" in office.refusal(office.order(shop_order(), SLPRSNID="NANCY B."))
    office.create(office.order(shop_order(), SLPRSNID="PAUL W."))


@pytest.mark.parametrize(
    ("transaction", "node", "fields"),
    [
        (
            "RMTransactionType",
            "taRMTransaction",
            {"RMDTYPAL": 7, "DOCNUMBR": "CM1", "CUSTNMBR": "ANN", "SLSAMNT": "10.00"},
        ),
        (
            "PMTransactionType",
            "taPMTransactionInsert",
            {"VCHNUMWK": "V1", "VENDORID": "WOOL", "DOCNUMBR": "4711", "DOCTYPE": 1, "PRCHAMNT": "10.00"},
        ),
    ],
    ids=["receivables", "payables"],
)
def test_a_new_batch_needs_a_checkbook_where_none_is_set_up(
    office: Office, transaction: str, node: str, fields: dict[str, object]
) -> None:
    vendor = {"VENDORID": "WOOL", "VENDNAME": "Wool & Co"}
    office.create(document("PMVendorMasterType", taUpdateCreateVendorRcd=vendor))
    office.ask("PUT", "/_sandbox/settings", {"default_batch_checkbook": False})
    fields = {"BACHNUMB": "NEW", "DOCDATE": "2026-03-02", "DOCAMNT": "10.00", **fields}
    assert "Error Number = 11479" in office.refusal(document(transaction, **{node: fields}))
    office.create(document(transaction, **{node: {**fields, "BatchCHEKBKID": "BANK"}}))


def test_a_document_somebody_edits_is_refused_by_gps_own_numbers(office: Office) -> None:
    office.create(office.order(shop_order()))
    office.ask("PUT", "/_sandbox/screens", {"document": "ORD1", "open": True})
    assert "Error Number = 2022" in office.refusal(office.order(shop_order()))
    void = document("SOPVoidDocumentType", taSopVoidDocument={"SOPTYPE": 2, "SOPNUMBE": "ORD1"})
    assert "Error Number = 2079" in office.refusal(void)


def test_a_journal_entry_takes_a_number_of_gp_and_must_balance(office: Office) -> None:
    lines = [("000-6100-00", "1.86"), ("000-1110-00", "-1.86")]
    answer = etree.fromstring(office.create(office.journal("fee", lines)))
    numbers = {element.text for element in answer.iter("JRNENTRY")}
    assert len(numbers) == 1
    assert str(numbers.pop()) < office.client.service.GetNextGLJournalEntryNumber("Increment", office.connection)
    unbalanced = office.refusal(office.journal("fee", [lines[0], ("000-1110-00", "-1.85")]))
    assert "out of balance" in unbalanced
    (waiting,) = office.read("GL_Work_Trans", "REFRENCE = 'fee'")
    lines_of = office.read("GL_Work_Lines", f"JRNENTRY = {waiting['JRNENTRY']}")
    assert [line["DEBITAMT"] for line in lines_of] == ["1.86000", "0.00000"]
    assert office.ask("POST", "/_sandbox/post", {"batch": None})["posted"] == 1
    assert office.books() == {"fees": "1.86", "clearing": "-1.86"}
    numbers = {account["ACTINDX"]: account["ACTNUMST"] for account in office.read("GL_Accounts")}
    accounts = [numbers[line["ACTINDX"]] for line in office.read("GL_Open_Trans")]
    assert accounts == ["000-6100-00", "000-1110-00"]


def test_changes_are_ordered_by_their_time_within_one_instant_of_the_clock(office: Office) -> None:
    for name in ("#1", "#2", "#3"):
        office.create(office.order(shop_order(name)))
    stamps = [row["DEX_ROW_TS"] for row in office.read("Sales_Transaction")]
    assert stamps == sorted(set(stamps))
    assert stamps[0].startswith("2026-03-02T15:41:00")
    since = office.read("Sales_Transaction", f"DEX_ROW_TS > '{stamps[0]}'")
    assert [row["SOPNUMBE"] for row in since] == ["ORD2", "ORD3"]
    dated = office.http.get("/_sandbox/health").headers["Date"]
    assert dated == "Mon, 02 Mar 2026 15:41:01 GMT"


@pytest.mark.parametrize(
    ("where", "found"),
    [
        pytest.param("CUSTNMBR IN ('ANN', 'bob')", ["ANN", "BOB"], id="in-case-aside"),
        pytest.param("CUSTNAME LIKE 'Customer B%' OR CUSTNMBR < 'B'", ["ANN", "BOB"], id="like-or"),
        pytest.param("NOT (CUSTNMBR = 'ANN') AND HOLD <> 1", ["BOB"], id="not-and"),
        pytest.param(
            "CUSTNMBR IN (SELECT Master_ID FROM SY01200 WHERE Master_Type = 'CUS' AND INET1 = 'bob@example.com')",
            ["BOB"],
            id="subquery",
        ),
        pytest.param("CUSTNAME = 'O''Hara'", [], id="doubled-quote"),
    ],
)
def test_a_where_clause_selects(office: Office, where: str, found: list[str]) -> None:
    office.customer("BOB")
    assert [row["CUSTNMBR"] for row in office.read("Customer", where)] == found


@pytest.mark.parametrize(
    "where",
    [
        pytest.param("CUSTNMBR = 'A'; DROP TABLE RM00101", id="second-statement"),
        pytest.param("PASSWORD = 'x'", id="unknown-column"),
        pytest.param("CUSTNMBR IN (SELECT value FROM state)", id="table-of-the-sandbox"),
        pytest.param("CUSTNMBR = LOWER('ANN')", id="function"),
    ],
)
def test_a_where_clause_that_is_more_than_a_condition_is_a_fault(office: Office, where: str) -> None:
    with pytest.raises(Fault) as raised:
        office.read("Customer", where)
    assert raised.value.detail.find(".//{*}eConnectSqlError/{*}Number") is not None
    assert [row["CUSTNMBR"] for row in office.read("Customer")] == ["ANN"]


def test_the_requester_cuts_at_rowcount_and_reads_index_ranges(office: Office) -> None:
    for number in ("BOB", "CID", "DAN"):
        office.customer(number)
    assert [r["CUSTNMBR"] for r in office.read("Customer", ROWCOUNT=2)] == ["ANN", "BOB"]
    assert [r["CUSTNMBR"] for r in office.read("Customer", INDEX1FROM="BOB", INDEX1TO="CID")] == ["BOB", "CID"]
    (bob,) = office.read("Customer", "CUSTNMBR = 'BOB'")
    assert (bob["Address"][0]["CITY"], bob["Internet_Address"][0]["INET1"]) == ("Salem", "bob@example.com")


@pytest.mark.parametrize(("content", "kept"), [("", "first"), (" ", "first"), ("<![CDATA[ ]]>", "")])
def test_an_absent_or_empty_field_is_kept_and_one_of_a_blank_in_cdata_cleared(
    office: Office, content: str, kept: str
) -> None:
    office.customer(COMMENT1="first", COMMENT2="second")
    xml = document("RMCustomerMasterType", taUpdateCreateCustomerRcd={"CUSTNMBR": "ann", "COMMENT1": "x"})
    office.create(xml.replace(">x<", f">{content}<"))
    (ann,) = office.read("Customer")
    assert (ann["CUSTNAME"], ann["COMMENT1"], ann["COMMENT2"]) == ("Customer ANN", kept, "second")


@pytest.mark.parametrize(
    ("xml", "number"),
    [
        pytest.param("<eConnect><SOPTransactionType><taNoSuch/></SOPTransactionType></eConnect>", 2812, id="node"),
        pytest.param(header(SOPTYPE=2, NOSUCHFIELD="x"), 8145, id="field"),
        pytest.param(header(SOPTYPE="two"), 8114, id="type"),
        pytest.param("<!DOCTYPE x [<!ENTITY e 'x'>]><eConnect>&e;</eConnect>", 6602, id="entity"),
        pytest.param("<eConnect>", 6602, id="not-well-formed"),
    ],
)
def test_what_is_no_document_is_a_sql_fault(office: Office, xml: str, number: int) -> None:
    with pytest.raises(Fault) as raised:
        office.create(xml)
    assert raised.value.detail.findtext(".//{*}eConnectSqlError/{*}Number") == str(number)


def test_another_company_can_not_be_opened(office: Office) -> None:
    with pytest.raises(Fault, match='Cannot open database "TWO"'):
        office.client.service.CreateEntity("initial catalog=TWO", "<eConnect/>")


def test_a_type_with_its_own_connection_string_commits_by_itself(office: Office) -> None:
    first = "<eConnectProcessInfo><ConnectionString>mode 2</ConnectionString></eConnectProcessInfo>"
    receipts = office.receipt("CH1", "1.00").removesuffix("</eConnect>") + office.receipt("CH2", "-1.00").removeprefix(
        "<eConnect>"
    )
    office.refusal(receipts)
    assert office.read("Cash_Receipt") == []
    office.refusal(receipts.replace("<RMCashReceiptsType>", f"<RMCashReceiptsType>{first}", 1))
    assert [row["DOCNUMBR"] for row in office.read("Cash_Receipt")] == ["CH1"]


def test_fields_are_those_of_the_site_schema() -> None:
    schema = json.loads(GP_NODES.text())["nodes"]
    kinds = {"string": "cd", "short": "i", "int": "i", "decimal": "mr"}
    for name, node in NODES.items():
        known = {field["name"]: field for field in (schema.get(name) or schema[f"{name}_Items"])["fields"]}
        for field in node.fields.values():
            assert field.name in known, f"{name} has no {field.name}"
            assert field.kind in kinds[known[field.name]["type"]], f"{name} {field.name}"


@pytest.mark.parametrize(("kind", "written"), [("lost_before_commit", []), ("lost_after_commit", ["CH1"])])
def test_a_lost_answer_leaves_what_was_committed(office: Office, kind: str, written: list[str]) -> None:
    office.ask("POST", "/_sandbox/faults", {"kind": kind, "contains": "taRMCashReceiptInsert"})
    with pytest.raises(requests.RequestException):
        office.create(office.receipt("CH1", "1.00"))
    assert [row["DOCNUMBR"] for row in office.read("Cash_Receipt")] == written


@pytest.mark.parametrize(("kind", "number"), [("concurrent", "1205"), ("sql_timeout", "-2")])
def test_a_sql_fault_to_order_writes_nothing_and_passes(office: Office, kind: str, number: str) -> None:
    office.ask("POST", "/_sandbox/faults", {"kind": kind, "contains": "CreateTransactionEntity"})
    with pytest.raises(Fault) as raised:
        office.create(office.receipt("CH1", "1.00"))
    assert raised.value.detail.findtext(".//{*}eConnectSqlError/{*}Number") == number
    office.create(office.receipt("CH1", "1.00"))


def test_a_pre_procedure_of_the_site_changes_or_refuses_what_was_sent(office: Office) -> None:
    change = {"procedure": "taRMCashReceiptInsert", "set": {"TRXDSCRN": "By the site"}}
    office.ask("PUT", "/_sandbox/procedures", change)
    office.create(office.receipt("CH1", "1.00", TRXDSCRN="charge ch_1"))
    assert [row["TRXDSCRN"] for row in office.read("Cash_Receipt")] == ["By the site"]
    refusal = {"procedure": "taRMCashReceiptInsert", "error": {"number": 91001, "text": "Ask Accounting first"}}
    office.ask("PUT", "/_sandbox/procedures", refusal)
    message = office.refusal(office.receipt("CH2", "1.00"))
    expected = "Error Number = 91001  Stored Procedure= taRMCashReceiptInsert  Error Description = Ask Accounting first"
    assert expected in message


def test_paid_documents_are_found_in_history_after_their_removal(office: Office) -> None:
    office.create(office.order(shop_order()))
    number = office.ship()
    office.create(office.receipt("CH1", "155.76"))
    office.post()
    office.create(office.application(number, "CH1", "155.76"))
    assert office.ask("POST", "/_sandbox/paid-transaction-removal") == {"moved": 2}
    assert office.read("Receivables_Posted_Transaction") == []
    assert [row["APFRDCNM"] for row in office.read("Receivables_History_Apply")] == ["CH1"]
    assert "already exists" in office.refusal(office.receipt("CH1", "1.00"))


def test_of_many_senders_of_one_number_one_succeeds(office: Office) -> None:
    xml = office.order(shop_order())

    def send(_: int) -> str:
        try:
            return office.create(xml)
        except Fault as fault:
            return str(fault.message)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(6)))
    assert sorted("Error Number = 2221" in answer for answer in answers) == [False] + [True] * 5
    assert len(office.read("Sales_Transaction")) == 1


def test_a_second_server_on_the_same_data_sees_what_the_first_wrote(office: Office) -> None:
    with serve(create_app(office.data_dir)) as second:
        assert office.http.get(f"{second}/_sandbox/batches").json() == {"batches": []}
        office.create(office.receipt("CH1", "1.00"))
        waiting = office.http.get(f"{second}/_sandbox/batches").json()["batches"]
    assert [(batch["BACHNUMB"], batch["NUMOFTRX"], batch["BCHTOTAL"]) for batch in waiting] == [("CASH", 1, "1.00")]
