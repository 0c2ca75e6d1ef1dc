"""eConnect's fault texts: every block is read, and told apart by GP's own words."""

from __future__ import annotations

import pickle

import pytest

from hooks.gp.econnect.errors import ProcedureError, ProcedureFault, parse_procedure_errors, record_error, system_error
from ledgerbridge.errors import ConfigurationError, RecordRejected, TransientError

KEY = "gp:HLS:gl_transaction:fee:1"
DUPLICATE_LINE = (
    "Sql procedure error codes returned: \n\rError Number = 7738  Stored Procedure= taGLTransactionLineInsert"
    "  Error Description = Input variable contains a duplicate Sequence Line Number (SQNCLINE)\r\n"
    "Node Identifier Parameters: taGLTransactionLineInsert\r\nBACHNUMB = JOGLAPI001\r\nJRNENTRY = 349399\r\n"
    "CRDTAMNT = 0\r\nDEBITAMT = 170\r\n"
    "Related Error Code Parameters for Node : taGLTransactionLineInsert\r\nSQNCLINE = 16384\r\n\r\n\r\n"
    "<taGLTransactionLineInsert>\r\n  <BACHNUMB>JOGLAPI001</BACHNUMB>\r\n</taGLTransactionLineInsert>\r\n"
)


def test_block_gives_number_procedure_parameters_and_the_field_at_fault() -> None:
    (error,) = parse_procedure_errors(DUPLICATE_LINE)
    assert error == ProcedureError(
        number=7738,
        procedure="taGLTransactionLineInsert",
        description="Input variable contains a duplicate Sequence Line Number (SQNCLINE)",
        parameters={"BACHNUMB": "JOGLAPI001", "JRNENTRY": "349399", "CRDTAMNT": "0", "DEBITAMT": "170"},
        related={"SQNCLINE": "16384"},
    )


def test_several_blocks_of_one_message_are_all_read() -> None:
    second = DUPLICATE_LINE.replace("7738", "67").replace("duplicate Sequence Line Number", "something")
    assert [error.number for error in parse_procedure_errors(DUPLICATE_LINE + second)] == [7738, 67]


@pytest.mark.parametrize(
    ("text", "number", "procedure", "description"),
    [
        (
            "Error Number = 50211  Stored Procedure=   Error Description = The site says no\r\n",
            50211,
            "",
            "The site says no",
        ),
        (
            "Error Number 50211  Stored Procedure taSopHdrIvcInsertPre  Error Description The site says no\r\n",
            50211,
            "taSopHdrIvcInsertPre",
            "The site says no",
        ),
        ("The site\r\nsays no\r\n\r\n<taSopHdrIvcInsert>\r\n</taSopHdrIvcInsert>", 0, "", "The site says no"),
        ("<taSopHdrIvcInsert></taSopHdrIvcInsert>", 0, "", "no reason given"),
    ],
    ids=["procedure-unnamed", "no-equals-signs", "free-text", "nothing"],
)
def test_a_refusal_of_another_shape_is_a_refusal(text: str, number: int, procedure: str, description: str) -> None:
    (error,) = parse_procedure_errors(f"Sql procedure error codes returned: \n\r{text}")
    assert (error.number, error.procedure, error.description) == (number, procedure, description)
    rejected = record_error(ProcedureFault([error]), record_key=KEY)
    assert isinstance(rejected, RecordRejected)
    assert f"GP refused it, {' '.join(filter(None, (str(number or ''), procedure)))}".rstrip() in rejected.message


def test_line_ends_escaped_by_the_host_are_read_too() -> None:
    (error,) = parse_procedure_errors(DUPLICATE_LINE.replace("\r", "\\r").replace("\n", "\\n"))
    assert error.related == {"SQNCLINE": "16384"}


def test_text_without_blocks_gives_none() -> None:
    assert parse_procedure_errors("Cannot open database") == []


@pytest.mark.parametrize(
    ("description", "kind", "code"),
    [
        ("Duplicate document number. If adding lines, UpdateExisting must = 1", "duplicate", "LB-GP-010"),
        ("Document Number (DOCNUMBR) already exists in either PM00400, PM10000", "duplicate", "LB-GP-010"),
        ("Customer Number (CUSTNMBR) does not exist in RM00101", "missing_master", "LB-GP-011"),
        ("Item Number not found in IV00101", "missing_master", "LB-GP-011"),
        ("Subtotal does not match the line item totals", "amount_mismatch", "LB-GP-012"),
        ("Document amount does not equal (Subtotal+Freight+Misc)", "amount_mismatch", "LB-GP-012"),
        ("The fiscal period of this date is closed", "closed_period", "LB-GP-029"),
        ("Customer's credit limit would be exceeded, greater than CRLMTAMT", "other", "LB-GP-014"),
        ("The site's own hook says no", "other", "LB-GP-014"),
    ],
)
def test_refusal_is_told_apart_by_its_words(description: str, kind: str, code: str) -> None:
    error = ProcedureError(1, "taSopHdrIvcInsert", description, related={"SOPNUMBE": "SHUS1001"})
    assert error.kind == kind
    rejected = record_error(ProcedureFault([error]), record_key=KEY)
    assert isinstance(rejected, RecordRejected)
    assert (rejected.code, rejected.field, rejected.value) == (code, "SOPNUMBE", "SHUS1001")
    assert description in rejected.message
    assert rejected.remedy


@pytest.mark.parametrize(
    ("number", "description", "code"),
    [
        (308, "DOCAMNT <> MSCCHAMT + PRCHAMNT + TAXAMNT + FRTAMNT - TRDISAMT", "LB-GP-012"),
        (399, "CHRGAMNT <> DOCAMNT - CASHAMNT", "LB-GP-012"),
        (698, "The tax record already exists in PM10500", "LB-GP-014"),
        (7738, "Input variable contains a duplicate Sequence Line Number (SQNCLINE)", "LB-GP-014"),
        (9539, "The salesperson is set to inactive in RM00301", "LB-GP-011"),
        (2022, "Another user has it", "LB-GP-013"),
        (2079, "Another user has it", "LB-GP-013"),
    ],
)
def test_a_number_of_gps_own_says_more_than_its_words(number: int, description: str, code: str) -> None:
    error = record_error(ProcedureFault([ProcedureError(number, "taX", description)]), record_key=KEY)
    assert error.code == code


@pytest.mark.parametrize(
    "text", ["Could not find stored procedure 'taCustom'.", "The stored procedure 'taCustom' doesn't exist"]
)
def test_a_missing_procedure_is_for_the_sites_administrator(text: str) -> None:
    error = system_error(text, sql_number=None, company="HLS", operation="CreateTransactionEntity", writing=True)
    assert isinstance(error, ConfigurationError)
    assert error.code == "LB-GP-019"


def test_locked_document_is_tried_again() -> None:
    fault = ProcedureFault([ProcedureError(1, "taSopHdrIvcInsert", "The batch is being posted")])
    error = record_error(fault, record_key=KEY)
    assert isinstance(error, TransientError)
    assert (error.code, error.outcome_unknown) == ("LB-GP-013", False)


@pytest.mark.parametrize(
    ("text", "number", "code", "unknown"),
    [
        ("Transaction was deadlocked on lock resources", 1205, "LB-GP-006", False),
        ("Execution Timeout Expired", -2, "LB-GP-006", True),
        ("Object reference not set", None, "LB-GP-018", True),
    ],
)
def test_trouble_of_the_server_is_tried_again(text: str, number: int | None, code: str, unknown: bool) -> None:
    error = system_error(text, sql_number=number, company="HLS", operation="CreateTransactionEntity", writing=True)
    assert isinstance(error, TransientError)
    assert (error.code, error.outcome_unknown) == (code, unknown)


def test_unknown_company_names_the_setting() -> None:
    text = 'Cannot open database "HLX" requested by the login.'
    error = system_error(text, sql_number=4060, company="HLX", operation="GetEntity", writing=False)
    assert isinstance(error, ConfigurationError)
    assert "HLX" in error.message
    assert "`company`" in error.remedy


def test_faults_survive_the_process_border() -> None:
    error = record_error(ProcedureFault(parse_procedure_errors(DUPLICATE_LINE)), record_key=KEY)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
