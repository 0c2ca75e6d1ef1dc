"""The eConnect hook against answers given to it: what is lost, refused, broken or busy on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from hooks.gp.econnect.hook import GPEConnectHook
from ledgerbridge.entities import Document, Master, Matched, Source, Target, Window
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError, RecordRejected, TargetConflict, TransientError
from tests.contract.scripted_api import Reply, ScriptedApi, serve_script

NAMESPACE = "urn:a-site-of-its-own"
_OPERATIONS = {
    "CreateTransactionEntity": ("connectionString", "sXML"),
    "CreateEntity": ("connectionString", "sXML"),
    "GetEntity": ("connectionString", "sXML"),
    "GetNextGLJournalEntryNumber": ("incrementDecrement", "connectionString"),
}


def wsdl(location: str, operations: Mapping[str, tuple[str, ...]] = _OPERATIONS) -> str:
    """A service as a site might describe it, with a namespace of its own and the machine's inner name."""
    elements, messages, ports, bindings = "", "", "", ""
    for name, parameters in operations.items():
        inner = "".join(f'<xs:element minOccurs="0" name="{p}" type="xs:string"/>' for p in parameters)
        result = f'<xs:element minOccurs="0" name="{name}Result" type="xs:string"/>'
        for element, content in ((name, inner), (f"{name}Response", result)):
            sequence = f"<xs:complexType><xs:sequence>{content}</xs:sequence></xs:complexType>"
            elements += f'<xs:element name="{element}">{sequence}</xs:element>'
            messages += f'<message name="{element}"><part name="parameters" element="t:{element}"/></message>'
        ports += f'<operation name="{name}"><input message="t:{name}"/><output message="t:{name}Response"/></operation>'
        bindings += (
            f'<operation name="{name}"><s:operation soapAction="{NAMESPACE}/{name}" style="document"/>'
            '<input><s:body use="literal"/></input><output><s:body use="literal"/></output></operation>'
        )
    return f"""<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
      xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="{NAMESPACE}" targetNamespace="{NAMESPACE}">
      <types><xs:schema targetNamespace="{NAMESPACE}" elementFormDefault="qualified">{elements}</xs:schema></types>
      {messages}<portType name="P">{ports}</portType>
      <binding name="B" type="t:P">
        <s:binding transport="http://schemas.xmlsoap.org/soap/http"/>{bindings}</binding>
      <service name="S"><port name="N" binding="t:B"><s:address location="{location}"/></port></service>
    </definitions>"""


def answered(operation: str, result: str, status: int = 200) -> Reply:
    body = f'<{operation}Response xmlns="{NAMESPACE}"><{operation}Result>{escape(result)}</{operation}Result>'
    return enveloped(f"{body}</{operation}Response>", status)


def enveloped(body: str, status: int = 200) -> Reply:
    envelope = f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{body}</s:Body></s:Envelope>'
    return Reply(envelope, status, {"Content-Type": "text/xml; charset=utf-8"})


def fault(detail: str, text: str = "eConnect") -> Reply:
    return enveloped(
        f"<s:Fault><faultcode>s:Client</faultcode><faultstring>{text}</faultstring><detail>{detail}</detail></s:Fault>",
        500,
    )


def rows(element: str, *records: dict[str, str]) -> Reply:
    content = "".join(
        f"<eConnect><{element}>{''.join(f'<{n}>{escape(v)}</{n}>' for n, v in record.items())}</{element}></eConnect>"
        for record in records
    )
    return answered("GetEntity", f"<root>{content}</root>")


def asked_xml(body: str) -> etree._Element:
    """The eConnect document inside a SOAP request."""
    (text,) = etree.fromstring(body.encode()).iter(f"{{{NAMESPACE}}}sXML")
    return etree.fromstring(text.text or "")


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with serve_script() as script:
        yield script


@pytest.fixture
def described(api: ScriptedApi) -> ScriptedApi:
    """The scripted server, ready to give its WSDL first."""
    api.will_reply(Reply(wsdl("http://GPSQL01/Microsoft/Dynamics/GP/eConnect/EntityOperations")))
    return api


@pytest.fixture
def hook(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> GPEConnectHook:
    return hook_on(monkeypatch, api.url)


def hook_on(monkeypatch: pytest.MonkeyPatch, url: str, schema: str | None = "http", **extra: Any) -> GPEConnectHook:
    host, port = url.removeprefix("http://").split(":")
    connection = {
        "conn_type": "gp_econnect",
        "schema": schema,
        "host": host,
        "port": int(port),
        "login": "econnect",
        "password": "secret",
        "extra": {"company": "HLS", "max_parallel": 1, "timeout_seconds": 5, **extra},
    }
    monkeypatch.setenv("AIRFLOW_CONN_GP_TEST", json.dumps(connection))
    return GPEConnectHook("gp_test")


def target(hook: GPEConnectHook, name: str) -> Target:
    entity = hook.entity(name)
    assert isinstance(entity, Target)
    return entity


def source(hook: GPEConnectHook, name: str) -> Source:
    entity = hook.entity(name)
    assert isinstance(entity, Source)
    return entity


def master(hook: GPEConnectHook, name: str) -> Master:
    entity = hook.entity(name)
    assert isinstance(entity, Master)
    return entity


def receipt(number: str = "LBR1") -> Document:
    return Document(
        f"gp:HLS:cash_receipt:{number}",
        number,
        {
            "CUSTNMBR": "C1",
            "DOCNUMBR": number,
            "DOCDATE": date(2026, 3, 2),
            "GLPOSTDT": date(2026, 3, 2),
            "ORTRXAMT": Decimal("53.77"),
            "BACHNUMB": "LB-CASH",
            "CSHRCTYP": 0,
            "CHEKBKID": "STRIPE",
        },
    )


def sent(hook: GPEConnectHook, *documents: Document) -> list[LedgerbridgeError | None]:
    return [outcome.error for outcome in target(hook, "cash_receipt").send(documents)]


ACCEPTED = answered("CreateTransactionEntity", "<eConnect/>")
SEEN = {"DOCNUMBR": "LBR1", "CUSTNMBR": "C1", "ORTRXAMT": "53.77000"}


def test_call_goes_to_the_address_we_reach_with_names_and_path_of_the_sites_wsdl(
    described: ScriptedApi, hook: GPEConnectHook
) -> None:
    described.will_reply(ACCEPTED, rows("Cash_Receipt", SEEN))
    assert sent(hook, receipt()) == [None]
    posted = described.asked[1]
    assert posted.path == "/Microsoft/Dynamics/GP/eConnect/EntityOperations"
    assert posted.headers["soapaction"] == f'"{NAMESPACE}/CreateTransactionEntity"'
    assert posted.headers["authorization"].startswith("Basic ")
    assert "initial catalog=HLS;" in posted.body
    assert asked_xml(posted.body).findtext(".//DOCNUMBR") == "LBR1"


def test_calls_go_through_the_proxy_that_the_environment_names(
    described: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", described.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    described.will_reply(rows("Item", {"ITEMNMBR": "LAMP-01"}))
    assert master(hook_on(monkeypatch, "http://gp.example:8080"), "item").lookup(["LAMP-01"])
    assert [request.headers["host"] for request in described.asked] == ["gp.example:8080"] * 2


def test_wsdl_is_read_once_per_process(described: ScriptedApi, hook: GPEConnectHook) -> None:
    described.will_reply(rows("Item", {"ITEMNMBR": "LAMP-01"}), rows("Item"))
    found = master(hook, "item").lookup(["lamp-01"])
    master(hook, "item").lookup(["MUG-12"])
    assert found == {"lamp-01": {"ITEMNMBR": "LAMP-01"}}
    assert [request.method for request in described.asked] == ["GET", "POST", "POST"]


@pytest.mark.parametrize(
    ("reply", "code", "unknown"),
    [
        pytest.param(Reply("busy", 503, {"Retry-After": "7"}), "LB-GP-006", True, id="503"),
        pytest.param(Reply("slow down", 429, {"Retry-After": "7"}), "LB-GP-006", False, id="429"),
        pytest.param(Reply("<s:Envelope", 200, {"Content-Length": "900"}), "LB-GP-005", True, id="answer-cut-off"),
        pytest.param(Reply("<html>Sign in</html>", 200), "LB-GP-016", True, id="a-proxys-page"),
        pytest.param(Reply("<s:Envelope xmlns:s=", 200), "LB-GP-016", True, id="broken-xml"),
        pytest.param(
            fault("<e:eConnectSqlFault xmlns:e='u'><e:Number>1205</e:Number></e:eConnectSqlFault>", "SQL error"),
            "LB-GP-006",
            False,
            id="deadlock",
        ),
        pytest.param(
            fault("<e:eConnectSqlFault xmlns:e='u'><e:Number>-2</e:Number></e:eConnectSqlFault>", "SQL error"),
            "LB-GP-006",
            True,
            id="sql-time-out",
        ),
    ],
)
def test_trouble_in_a_write_is_tried_again_and_says_whether_it_may_have_happened(
    described: ScriptedApi, hook: GPEConnectHook, reply: Reply, code: str, unknown: bool
) -> None:
    described.will_reply(reply)
    (error,) = sent(hook, receipt())
    assert isinstance(error, TransientError)
    assert (error.code, error.outcome_unknown) == (code, unknown)
    if "Retry-After" in reply.headers:
        assert error.retry_after_seconds == 7


def test_service_that_is_not_there_took_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_script() as gone:
        hook = hook_on(monkeypatch, gone.url)
    (error,) = sent(hook, receipt())
    assert isinstance(error, TransientError)
    assert (error.code, error.outcome_unknown) == ("LB-GP-004", False)


def test_refused_login_stops_the_batch_and_names_the_login(described: ScriptedApi, hook: GPEConnectHook) -> None:
    described.will_reply(Reply("", 401), Reply("", 401))
    with pytest.raises(ConfigurationError, match='refused login "econnect"') as refused:
        sent(hook, receipt("LBR1"), receipt("LBR2"))
    assert refused.value.code == "LB-GP-001"
    assert "secret" not in str(refused.value)


def test_refused_document_does_not_keep_the_next_one_back(described: ScriptedApi, hook: GPEConnectHook) -> None:
    message = (
        "Sql procedure error codes returned: \n\rError Number = 96  Stored Procedure= taRMCashReceiptInsert"
        "  Error Description = Customer Number (CUSTNMBR) does not exist in RM00101\r\n"
        "Node Identifier Parameters: taRMCashReceiptInsert\r\nDOCNUMBR = LBR0\r\n"
        "Related Error Code Parameters for Node : taRMCashReceiptInsert\r\nCUSTNMBR = C1\r\n"
    )
    detail = f"<e:eConnectFault xmlns:e='u'><e:Message>{escape(message)}</e:Message></e:eConnectFault>"
    described.will_reply(fault(detail), ACCEPTED, rows("Cash_Receipt", SEEN))
    refused, accepted = sent(hook, receipt("LBR0"), receipt("LBR1"))
    assert accepted is None
    assert isinstance(refused, RecordRejected)
    assert (refused.code, refused.field, refused.value) == ("LB-GP-011", "CUSTNMBR", "C1")
    assert refused.record_key == "gp:HLS:cash_receipt:LBR0"
    assert "96 taRMCashReceiptInsert" in refused.message


def test_site_that_changes_a_document_makes_a_conflict_with_both_values(
    described: ScriptedApi, hook: GPEConnectHook
) -> None:
    described.will_reply(ACCEPTED, rows("Cash_Receipt", SEEN | {"ORTRXAMT": "50.00000"}))
    (error,) = sent(hook, receipt())
    assert error is not None
    assert error.code == "LB-GP-015"
    assert "ORTRXAMT is 50.00000 in GP, 53.77 was sent" in error.message


def test_accepted_document_that_can_not_be_read_back_is_not_sent_again(
    described: ScriptedApi, hook: GPEConnectHook
) -> None:
    described.will_reply(ACCEPTED, *[rows("Cash_Receipt")] * 3)
    (error,) = sent(hook, receipt())
    assert isinstance(error, RecordRejected)
    assert error.code == "LB-GP-023"


def test_failed_reading_back_leaves_the_outcome_open(described: ScriptedApi, hook: GPEConnectHook) -> None:
    described.will_reply(ACCEPTED, Reply("busy", 503))
    (error,) = sent(hook, receipt())
    assert isinstance(error, TransientError)
    assert (error.code, error.outcome_unknown) == ("LB-GP-022", True)


def test_receipt_is_found_wherever_it_travelled(described: ScriptedApi, hook: GPEConnectHook) -> None:
    described.will_reply(
        rows("Cash_Receipt", SEEN | {"DOCNUMBR": "lbr1  "}),
        rows("Receivables_Posted_Transaction", SEEN | {"DOCNUMBR": "LBR2"}),
        rows("Receivables_History_Transaction", SEEN | {"DOCNUMBR": "LBR3"}),
    )
    documents = [receipt("LBR1"), receipt("LBR2"), receipt("LBR3"), receipt("LBR4")]
    found = target(hook, "cash_receipt").find(documents)
    assert [found[d.record_key].number for d in documents[:3]] == ["LBR1", "LBR2", "LBR3"]
    assert documents[3].record_key not in found
    clauses = [asked_xml(request.body).findtext(".//WhereClause") for request in described.asked[1:]]
    assert clauses == [
        "(DOCNUMBR IN ('LBR1', 'LBR2', 'LBR3', 'LBR4'))",
        "(RMDTYPAL = 9 AND DOCNUMBR IN ('LBR2', 'LBR3', 'LBR4'))",
        "(RMDTYPAL = 9 AND DOCNUMBR IN ('LBR3', 'LBR4'))",
    ]


def test_quotes_in_keys_are_doubled_in_the_where_clause(described: ScriptedApi, hook: GPEConnectHook) -> None:
    described.will_reply(rows("Item"))
    master(hook, "item").lookup(["O'NEIL') OR ('1'='1"])
    clause = asked_xml(described.asked[1].body).findtext(".//WhereClause")
    assert clause == "(ITEMNMBR IN ('O''NEIL'') OR (''1''=''1'))"


def test_reading_pages_by_key_range_and_keeps_the_window(described: ScriptedApi, hook: GPEConnectHook) -> None:
    stamp = {"DEX_ROW_TS": "2026-03-02T15:41:00.123"}
    full = [{"SOPNUMBE": f"STDINV{n:04d}", **stamp} for n in range(1000)]
    described.will_reply(
        rows("Sales_History_Transaction", *full),
        rows("Sales_History_Transaction", {"SOPNUMBE": "STDINV1000", "DUEDATE": "1900-01-01T00:00:00", **stamp}),
    )
    window = Window(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
    pages = list(source(hook, "sales_invoice").read(window))
    assert [len(page) for page in pages] == [1000, 1]
    last = pages[1][0]
    assert last.key == "gp:HLS:sales_invoice:STDINV1000"
    assert last.changed_at == datetime(2026, 3, 2, 15, 41, 0, 123000, tzinfo=UTC)
    assert last.payload["DUEDATE"] is None
    clause = asked_xml(described.asked[2].body).findtext(".//WhereClause") or ""
    assert clause == (
        "(SOPTYPE = 3 AND VOIDSTTS = 0 AND DEX_ROW_TS >= '2026-03-02T00:00:00.000'"
        " AND DEX_ROW_TS <= '2026-03-03T00:00:00.000' AND SOPNUMBE > 'STDINV0999')"
    )


def test_full_page_out_of_key_order_is_an_error_instead_of_a_gap(described: ScriptedApi, hook: GPEConnectHook) -> None:
    stamp = {"DEX_ROW_TS": "2026-03-02T15:41:00.123"}
    backwards = [{"SOPNUMBE": f"STDINV{n:04d}", **stamp} for n in reversed(range(1000))]
    described.will_reply(rows("Sales_History_Transaction", *backwards))
    with pytest.raises(ConfigurationError, match="out of the order of SOPNUMBE") as error:
        list(source(hook, "sales_invoice").read(Window()))
    assert error.value.code == "LB-GP-020"


def test_site_names_its_own_doctypes(described: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = hook_on(monkeypatch, described.url, doctypes={"Item": "Artikel"})
    described.will_reply(rows("Artikel"))
    master(hook, "item").lookup(["LAMP-01"])
    assert asked_xml(described.asked[1].body).findtext(".//DOCTYPE") == "Artikel"


def test_a_password_goes_by_https_unless_the_connection_says_otherwise(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TransientError, match=r"https://127\.0\.0\.1"):
        master(hook_on(monkeypatch, api.url, schema=None), "item").lookup(["LAMP-01"])
    assert api.asked == []


@pytest.mark.parametrize(
    ("extra", "code", "message"),
    [
        pytest.param({"company": ""}, "LB-GP-003", "company", id="no-company"),
        pytest.param({"company": "HLS;user id=sa"}, "LB-GP-003", "company", id="company-that-is-more"),
        pytest.param({"doctypes": {"Items": "X"}}, "LB-GP-017", "names Items", id="unknown-doctype"),
    ],
)
def test_wrong_setting_is_named_before_any_call(
    api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as error:
        hook_on(monkeypatch, api.url, **extra).entity("item")
    assert error.value.code == code
    assert api.asked == []


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        pytest.param(Reply("", 404), "answered 404", id="not-there"),
        pytest.param(Reply("<html/>"), "no basicHttp endpoint|is no WSDL", id="a-web-page"),
        pytest.param(Reply(wsdl("net.pipe://localhost/eConnect")), "no basicHttp endpoint", id="named-pipe-only"),
        pytest.param(Reply(wsdl("http://gp/", {"GetEntity": ("sXML",)})), "no operation Create", id="fewer-operations"),
    ],
)
def test_address_without_the_service_is_a_matter_of_settings(
    api: ScriptedApi, hook: GPEConnectHook, reply: Reply, message: str
) -> None:
    api.will_reply(reply)
    with pytest.raises(ConfigurationError, match=message) as error:
        sent(hook, receipt())
    assert error.value.code == "LB-GP-003"


def test_unknown_entity_names_those_there_are(hook: GPEConnectHook) -> None:
    with pytest.raises(ConfigurationError, match=r'no entity "purchase_receipt"; there are account, .*sales_order'):
        hook.entity("purchase_receipt")


def order(*lines: tuple[int, str, str], total: str, **header: Any) -> Document:
    fields = {"DOCID": "STDORD", "DOCDATE": date(2026, 3, 2), "CUSTNMBR": "C1", "BACHNUMB": "LB", **header}
    return Document(
        "gp:HLS:sales_order:SHUS1",
        "k",
        {"SOPNUMBE": "SHUS1", "DOCAMNT": Decimal(total), **fields},
        {
            "lines": [
                {"LNITMSEQ": number, "ITEMNMBR": item, "QUANTITY": Decimal(1), "XTNDPRCE": Decimal(price)}
                for number, item, price in lines
            ]
        },
    )


def order_row(*lines: tuple[int, str, str], total: str, element: str = "Sales_Transaction", **columns: str) -> Reply:
    header = {"SOPNUMBE": "SHUS1", "CUSTNMBR": "C1", "DOCAMNT": total, "VOIDSTTS": "0", **columns}
    content = "".join(f"<{name}>{value}</{name}>" for name, value in header.items())
    for number, item, price in lines:
        content += f"<Line><LNITMSEQ>{number}</LNITMSEQ><ITEMNMBR>{item}</ITEMNMBR><QUANTITY>1.00000</QUANTITY>"
        content += f"<XTNDPRCE>{price}</XTNDPRCE></Line>"
    return answered("GetEntity", f"<root><eConnect><{element}>{content}</{element}></eConnect></root>")


NONE = answered("GetEntity", "<root/>")
LAMP, MUG = (16384, "LAMP-01", "49.90"), (32768, "MUG-12", "9.50")


def test_edited_order_is_updated_and_loses_the_lines_no_longer_sent(
    described: ScriptedApi, hook: GPEConnectHook
) -> None:
    described.will_reply(order_row(LAMP, MUG, total="59.40000"), ACCEPTED, order_row(LAMP, total="49.90000"))
    (outcome,) = target(hook, "sales_order").send([order(LAMP, total="49.90")])
    assert outcome.error is None
    sent_xml = asked_xml(described.asked[2].body)
    assert [transaction.tag for transaction in sent_xml] == ["SOPDeleteLineType", "SOPTransactionType"]
    assert (sent_xml.findtext(".//taSopLineDelete/LNITMSEQ"), sent_xml.findtext(".//ITEMNMBR")) == ("32768", "MUG-12")
    assert sent_xml.findtext(".//taSopHdrIvcInsert/UpdateExisting") == "1"
    assert sent_xml.findtext(".//taSopLineIvcInsert/UpdateIfExists") == "1"


def test_order_that_stands_as_sent_is_not_written_again(described: ScriptedApi, hook: GPEConnectHook) -> None:
    described.will_reply(order_row(LAMP, total="49.90000"))
    (outcome,) = target(hook, "sales_order").send([order(LAMP, total="49.90")])
    assert (outcome.number, outcome.error) == ("SHUS1", None)
    assert [request.method for request in described.asked] == ["GET", "POST"]


@pytest.mark.parametrize(
    ("in_gp", "message"),
    [
        pytest.param([order_row(LAMP, total="49.90", CUSTNMBR="C2")], "CUSTNMBR is C2 in GP, C1", id="anothers"),
        pytest.param([NONE, order_row(MUG, total="9.50")], "DOCAMNT is 9.50 in GP, 49.90", id="transferred-before"),
        pytest.param([NONE, order_row(LAMP, total="49.90", VOIDSTTS="1")], "SHUS1 is voided", id="voided"),
    ],
)
def test_order_that_can_not_take_the_new_content_is_a_conflict(
    described: ScriptedApi, hook: GPEConnectHook, in_gp: list[Reply], message: str
) -> None:
    described.will_reply(*in_gp)
    (outcome,) = target(hook, "sales_order").send([order(LAMP, total="49.90")])
    assert isinstance(outcome.error, TargetConflict)
    assert message in outcome.error.message


def test_order_transferred_before_it_was_edited_says_how_to_enter_the_difference(
    described: ScriptedApi, hook: GPEConnectHook
) -> None:
    described.will_reply(NONE, order_row(MUG, total="9.50"))
    (outcome,) = target(hook, "sales_order").send([order(LAMP, total="49.90")])
    assert isinstance(outcome.error, TargetConflict)
    assert "what the change adds as an order" in outcome.error.remedy
    assert "what it takes off as a return" in outcome.error.remedy


def test_cancelled_order_is_voided(described: ScriptedApi, hook: GPEConnectHook) -> None:
    voided = order_row(LAMP, total="49.90", VOIDSTTS="1")
    described.will_reply(order_row(LAMP, total="49.90"), ACCEPTED, NONE, voided)
    (outcome,) = target(hook, "sales_order").send([order(LAMP, total="49.90", VOIDSTTS=1)])
    assert outcome.error is None
    (transaction,) = asked_xml(described.asked[2].body)
    assert transaction.tag == "SOPVoidDocumentType"
    assert [(field.tag, field.text) for field in transaction[0]] == [("SOPTYPE", "2"), ("SOPNUMBE", "SHUS1")]


def test_cancelled_order_that_gp_never_had_needs_nothing(described: ScriptedApi, hook: GPEConnectHook) -> None:
    described.will_reply(NONE, NONE)
    (outcome,) = target(hook, "sales_order").send([order(LAMP, total="49.90", VOIDSTTS=1)])
    assert (outcome.target_id, outcome.error) == (None, None)
    assert len(described.asked) == 3


def test_interrupted_update_is_not_taken_for_done(described: ScriptedApi, hook: GPEConnectHook) -> None:
    described.will_reply(order_row(LAMP, MUG, total="59.40"))
    assert target(hook, "sales_order").find([order(LAMP, total="49.90")]) == {}


def test_update_that_a_hook_of_the_site_undoes_is_a_conflict(described: ScriptedApi, hook: GPEConnectHook) -> None:
    stubborn = order_row(LAMP, MUG, total="59.40000")
    described.will_reply(stubborn, ACCEPTED, stubborn, stubborn)
    (outcome,) = target(hook, "sales_order").send([order(LAMP, total="49.90")])
    assert isinstance(outcome.error, TargetConflict)
    assert "DOCAMNT is 59.40000 in GP, 49.90 was sent" in outcome.error.message


@pytest.mark.parametrize(
    ("calculation", "rate_in_gp", "method"),
    [pytest.param("multiply", "1.2800000", "0", id="multiply"), pytest.param("divide", "0.7812500", "1", id="divide")],
)
def test_rate_follows_the_currencys_calculation_in_both_directions(
    described: ScriptedApi, monkeypatch: pytest.MonkeyPatch, calculation: str, rate_in_gp: str, method: str
) -> None:
    hook = hook_on(monkeypatch, described.url, currencies={"GBP": {"id": "Z-UK", "calculation": calculation}})
    row = {"CURNCYID": "Z-UK", "XCHGRATE": rate_in_gp, "RTCLCMTD": method, "DEX_ROW_TS": "2026-03-02T15:41:00"}
    described.will_reply(
        ACCEPTED,
        rows("Cash_Receipt", SEEN | {"ORTRXAMT": "68.83000"}),
        rows("Receivables_Posted_Transaction", SEEN | row),
        NONE,
    )
    document = receipt()
    document.header.update(CURNCYID="GBP", XCHGRATE=Decimal("1.28"))
    assert sent(hook, document) == [None]
    sent_xml = asked_xml(described.asked[1].body)
    assert (sent_xml.findtext(".//CURNCYID"), sent_xml.findtext(".//XCHGRATE")) == ("Z-UK", rate_in_gp)
    ((record,),) = source(hook, "cash_receipt").read(Window())
    assert (record.payload["CURNCYID"], Decimal(record.payload["XCHGRATE"])) == ("GBP", Decimal("1.28"))


def test_own_distributions_switch_gps_own_off(described: ScriptedApi, hook: GPEConnectHook) -> None:
    described.will_reply(ACCEPTED, rows("Receivables_Transaction", SEEN | {"ORTRXAMT": "10.00000"}))
    memo = Document(
        "gp:HLS:credit_memo:LBR1",
        "k",
        {
            "DOCNUMBR": "LBR1",
            "DOCDATE": date(2026, 3, 2),
            "BACHNUMB": "LB",
            "CUSTNMBR": "C1",
            "DOCAMNT": Decimal(10),
            "SLSAMNT": Decimal(10),
        },
        {
            "distributions": [
                {"DISTTYPE": 9, "ACTNUMST": "000-4120-00", "DEBITAMT": Decimal(10)},
                {"DISTTYPE": 3, "ACTNUMST": "000-1200-00", "CRDTAMNT": Decimal(10)},
            ]
        },
    )
    (outcome,) = target(hook, "credit_memo").send([memo])
    assert outcome.error is None
    sent_xml = asked_xml(described.asked[1].body)
    assert sent_xml.findtext(".//taRMTransaction/CREATEDIST") == "0"
    assert [each.findtext("RMDTYPAL") for each in sent_xml.iter("taRMDistribution")] == ["7", "7"]


def customer(number: str, email: str) -> Document:
    return Document(
        f"gp:HLS:customer:{number}",
        "k",
        {"CUSTNMBR": number, "CUSTNAME": "Ann Archer", "ADRSCODE": "PRIMARY"},
        {"internet_addresses": [{"INET1": email}]},
    )


def customer_row(number: str, *emails: str) -> Reply:
    address = "".join(f"<Internet_Address><INET1>{email}</INET1></Internet_Address>" for email in emails)
    content = f"<Customer><CUSTNMBR>{number}</CUSTNMBR>{address}</Customer>"
    return answered("GetEntity", f"<root><eConnect>{content}</eConnect></root>")


CREATED = answered("CreateEntity", "true")


def test_who_has_the_e_mail_in_any_address_is_reported_case_aside(described: ScriptedApi, hook: GPEConnectHook) -> None:
    described.will_reply(NONE, customer_row("ARCHER01", "shop@example.com", "Ann@Example.com"))
    customers = target(hook, "customer")
    assert isinstance(customers, Matched)
    [found] = customers.matches([customer("C1", "ann@EXAMPLE.com")]).values()
    assert [(each.found.number, each.by, each.own, each.active) for each in found] == [
        ("ARCHER01", "INET1", False, True)
    ]
    clause = asked_xml(described.asked[2].body).findtext(".//WhereClause") or ""
    assert "Master_Type = 'CUS' AND INET1 IN ('ann@example.com')" in clause


def test_number_of_another_person_is_a_conflict(described: ScriptedApi, hook: GPEConnectHook) -> None:
    described.will_reply(customer_row("C1", "bob@example.com"))
    (outcome,) = target(hook, "customer").send([customer("C1", "ann@example.com")])
    assert isinstance(outcome.error, TargetConflict)
    assert "INET1 is bob@example.com in GP, ann@example.com was sent" in outcome.error.message


def vendor_bill(**header: Any) -> Document:
    fields = {"DOCNUMBR": "INV-77", "DOCDATE": date(2026, 3, 2), "VENDORID": "V1", "BACHNUMB": "LB", **header}
    return Document(
        "gp:HLS:payables_invoice:LBV1",
        "k",
        {"VCHNUMWK": "LBV1", "DOCAMNT": Decimal(107), "PRCHAMNT": Decimal(100), "TAXAMNT": Decimal(7), **fields},
        {
            "taxes": [{"TAXDTLID": "MA-STATE", "TAXAMNT": Decimal(7), "TXDTTPUR": Decimal(100)}],
            "distributions": [
                {"DISTTYPE": 6, "ACTNUMST": "000-6100-00", "DEBITAMT": Decimal(107)},
                {"DISTTYPE": 2, "ACTNUMST": "000-2100-00", "CRDTAMNT": Decimal(107)},
            ],
        },
    )


def test_vendor_bill_has_its_own_distributions_alone_and_is_found_by_voucher(
    described: ScriptedApi, hook: GPEConnectHook
) -> None:
    in_work = {"VCHNUMWK": "LBV1", "VENDORID": "V1", "DOCNUMBR": "INV-77", "DOCAMNT": "107.00000"}
    posted = {"VCHRNMBR" if name == "VCHNUMWK" else name: value for name, value in in_work.items()}
    of_1099 = rows("Vendor", {"VENDORID": "V1", "TEN99TYPE": "4"})
    replies = (rows("Payables_Transaction", in_work), NONE, rows("Payables_Posted", posted))
    described.will_reply(of_1099, ACCEPTED, *replies)
    (outcome,) = target(hook, "payables_invoice").send([vendor_bill()])
    assert (outcome.number, outcome.error) == ("LBV1", None)
    sent_xml = asked_xml(described.asked[2].body)
    assert [child.tag for child in sent_xml[0]] == [
        "taPMTransactionTaxInsert_Items",
        "taPMDistribution_Items",
        "taPMTransactionInsert",
    ]
    assert {each.text for each in sent_xml.iter("VCHRNMBR", "VCHNUMWK")} == {"LBV1"}
    assert (sent_xml.findtext(".//CREATEDIST"), sent_xml.findtext(".//TEN99AMNT")) == ("0", "100.00000")
    assert target(hook, "payables_invoice").find([vendor_bill()])["gp:HLS:payables_invoice:LBV1"].differences == ()
    clause = asked_xml(described.asked[5].body).findtext(".//WhereClause")
    assert clause == "(DOCTYPE = 1 AND VCHRNMBR IN ('LBV1'))"


@pytest.mark.parametrize(
    ("entity", "header", "node"),
    [
        pytest.param("vendor", {"VENDORID": "V1", "VENDNAME": "Old Wool"}, "taUpdateCreateVendorRcd", id="vendor"),
        pytest.param("item", {"ITEMNMBR": "LAMP-02", "ITEMDESC": "Floor lamp"}, "taUpdateCreateItemRcd", id="item"),
    ],
)
def test_master_record_is_written_as_an_entity_and_read_back(
    described: ScriptedApi, hook: GPEConnectHook, entity: str, header: dict[str, str], node: str
) -> None:
    described.will_reply(NONE, CREATED, rows(entity.capitalize(), header))
    (outcome,) = target(hook, entity).send([Document(f"gp:HLS:{entity}:1", "k", header)])
    assert outcome.error is None
    assert "CreateEntity" in described.asked[2].headers["soapaction"]
    assert next(asked_xml(described.asked[2].body).iter(node)).tag == node
