"""
What GP refuses with: eConnect's procedure errors in their message format, SQL Server errors, and the bookkeeper's.

Numbers below 50000 are GP's own, the words ours (sources.md GP §1.5). The others are this sandbox's, because the rest
of taErrorCode is not public: clients must not rely on them, only on procedure and text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

CODES: Mapping[str, tuple[int, str]] = {
    "subtotal": (67, "Subtotal does not match the line item totals"),
    "duplicate_sequence": (7738, "Input variable contains a duplicate Sequence Line Number (SQNCLINE)"),
    "duplicate_document": (
        2221,
        "Duplicate document number. If adding or updating lines to an existing document, UpdateExisting must = 1",
    ),
    "vendor": (372, "Vendor number does not exist in PM00200"),
    "duplicate_payables": (
        305,
        "Document Number (DOCNUMBR) already exists in either PM00400, PM10000, PM20000, PM30200",
    ),
    "required": (50001, "A required field is missing or empty"),
    "too_long": (50002, "The text is longer than the field allows"),
    "code_page": (50003, "The text has characters that code page 1252 does not have"),
    "document_amount": (
        235,
        "Document amount does not equal (Subtotal + Freight + Misc + TaxAmt + FreightTax + MiscTax - TradeDisc)",
    ),
    "tax_total": (50005, "Tax amount does not equal the sum of the tax details"),
    "line_tax": (50006, "Line tax amount does not equal the sum of the line's tax details"),
    "extended_price": (722, "Unit Price calculation does not match out to Extended price"),
    "decimals": (50008, "The amount has more decimal places than the currency"),
    "customer": (50010, "Customer number does not exist in RM00101"),
    "item": (50011, "Item number does not exist in IV00101"),
    "document_id": (50012, "Document ID does not exist in SOP40200"),
    "tax_detail": (50013, "Tax detail does not exist in TX00201"),
    "tax_schedule": (50014, "Tax schedule does not exist in TX00101"),
    "checkbook": (50015, "Checkbook does not exist in CM00100"),
    "account": (50016, "Account number does not exist in GL00105"),
    "payment_terms": (50017, "Payment terms do not exist in SY03300"),
    "currency": (50018, "Currency ID does not exist in MC40200"),
    "site": (50019, "Site does not exist in IV40700"),
    "unit_of_measure": (50020, "Unit of measure does not exist in the item's schedule"),
    "credit_card": (50021, "Credit card does not exist in SY03100"),
    "address": (50022, "Address code does not exist in RM00102"),
    "salesperson": (50023, "Salesperson ID does not exist in RM00301"),
    "customer_inactive": (50030, "Customer is inactive"),
    "customer_hold": (50031, "Customer is on hold"),
    "credit_limit": (50032, "Customer's credit limit would be exceeded, greater than CRLMTAMT"),
    "period_closed": (50033, "The fiscal period of this date is closed"),
    "account_inactive": (50034, "Account is inactive"),
    "document_type": (50040, "Document type is not valid here"),
    "quantity": (50041, "Quantity must be greater than zero"),
    "return_quantities": (50042, "Returned quantities do not equal the line quantity"),
    "duplicate_receivables": (50043, "Document number already exists in RM10201, RM10301, RM20101 or RM30101"),
    "duplicate_line": (50044, "Duplicate line item sequence; UpdateIfExists must = 1 to change a line"),
    "duplicate_tax": (50045, "Duplicate tax detail for this line"),
    "duplicate_customer": (50046, "Customer number already exists and UpdateIfExists = 0"),
    "duplicate_journal": (50047, "Journal entry number already exists in GL10000, GL20000 or GL30000"),
    "out_of_balance": (50048, "Journal entry is out of balance: debits do not equal credits"),
    "no_lines": (50049, "The document has no lines"),
    "amount_negative": (50050, "The amount must not be negative"),
    "not_found": (50060, "Document does not exist"),
    "not_posted": (50061, "Document is not posted"),
    "over_apply_to": (50062, "Apply amount exceeds the amount remaining of the apply-to document"),
    "over_apply_from": (50063, "Apply amount exceeds the amount remaining of the apply-from document"),
    "other_customer": (50064, "Apply-to and apply-from documents belong to different customers"),
    "other_currency": (50065, "Apply-to and apply-from documents have different currencies"),
    "already_void": (50066, "Document is already voided"),
    "partly_transferred": (50067, "Document is partly transferred to invoices"),
    "line_missing": (50069, "Line item does not exist in SOP10200"),
    "payables_amount": (308, "DOCAMNT is incorrect, it is not misc, purchases, tax and freight less trade discount"),
    "charge_amount": (399, "CHRGAMNT is incorrect, it is not what DOCAMNT leaves beside payments and discount taken"),
    "duplicate_payables_tax": (698, "The tax detail already exists for this voucher in PM10500"),
    "duplicate_receivables_tax": (7148, "Duplicate tax detail for this document in RM10601"),
    "line_in_use": (2022, "Document is being edited by another user"),
    "document_in_use": (2079, "Document is being edited by another user"),
    "line_currency": (9370, "The header has a currency ID that its lines were not given"),
    "salesperson_inactive": (9539, "The salesperson is set to inactive in the Salesperson Master Table - RM00301"),
    "batch_checkbook": (11479, "The new batch has no checkbook: pass BatchCHEKBKID, or set up a default"),
    "duplicate_voucher": (50071, "Voucher number already exists in PM10000, PM20000 or PM30200"),
    "duplicate_payment": (50077, "Payment number already exists in PM10400, PM20000 or PM30200"),
    "duplicate_check": (50078, "Duplicate check number of this checkbook"),
    "vendor_hold": (50079, "Vendor is on hold"),
    "vendor_status": (50072, "Vendor is not active"),
    "duplicate_order": (50080, "PO number already exists in POP10100 or POP30100"),
    "duplicate_vendor": (50073, "Vendor number already exists and UpdateIfExists = 0"),
    "duplicate_item": (50074, "Item number already exists and UpdateIfExists = 0"),
    "schedule": (50075, "Unit of measure schedule does not exist in IV40201"),
    "applied": (50076, "Document has been applied, CURTRXAM is not ORTRXAMT"),
    "unsupported": (50090, "This sandbox does not do what the field asks for (see its README)"),
}


@dataclass(frozen=True)
class Refusal:
    """
    One reason why a procedure refuses its node.

    :param number: error number of taErrorCode; a site's own procedures add their own.
    :param text: its description.
    :param related: the fields at fault with their values, as GP lists them.
    :param form: how the message says it: as usual, without the procedure's name, without ``=``, by its text alone.
    """

    number: int
    text: str
    related: Mapping[str, object] = field(default_factory=dict)
    form: Literal["block", "unnamed", "unsigned", "free text"] = "block"


class NodeRefused(Exception):
    """A stored procedure answered an error state; nothing of its document stays."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(", ".join(refusal.text for refusal in refusals))
        self.refusals = tuple(refusals)


class EConnectRefused(Exception):
    """The service's answer to a refused node, in the format of sources.md GP §1.5 (several errors in one message)."""

    def __init__(self, procedure: str, identifiers: Mapping[str, str], refused: NodeRefused, node_xml: str) -> None:
        blocks = [_BLOCKS[refusal.form](procedure, identifiers, refusal) for refusal in refused.refusals]
        super().__init__(f"Sql procedure error codes returned: \n\r{''.join(blocks)}{node_xml}\r\n")


def _block(procedure: str, identifiers: Mapping[str, str], refusal: Refusal) -> str:
    known = "".join(f"{name} = {value}\r\n" for name, value in identifiers.items())
    related = "".join(f"{name} = {value}\r\n" for name, value in refusal.related.items())
    return (
        f"Error Number = {refusal.number}  Stored Procedure= {procedure}  Error Description = {refusal.text}\r\n"
        f"Node Identifier Parameters: {procedure}\r\n{known}"
        f"Related Error Code Parameters for Node : {procedure}\r\n{related}\r\n\r\n"
    )


def _unnamed(_: str, identifiers: Mapping[str, str], refusal: Refusal) -> str:
    return _block("", identifiers, refusal)


def _unsigned(procedure: str, _: Mapping[str, str], refusal: Refusal) -> str:
    return f"Error Number {refusal.number}  Stored Procedure {procedure}  Error Description {refusal.text}\r\n\r\n"


def _free_text(_: str, __: Mapping[str, str], refusal: Refusal) -> str:
    return f"{refusal.text}\r\n\r\n"


_BLOCKS = {"block": _block, "unnamed": _unnamed, "unsigned": _unsigned, "free text": _free_text}


class SqlError(Exception):
    """SQL Server itself refused: number and text as SqlException gives them."""

    def __init__(self, number: int, message: str, procedure: str = "") -> None:
        super().__init__(message)
        self.number = number
        self.procedure = procedure

    @classmethod
    def no_procedure(cls, name: str) -> SqlError:
        """A node nobody has a procedure for, in eConnect's words."""
        return cls(2812, f"The stored procedure '{name}' doesn't exist.")

    @classmethod
    def no_parameter(cls, procedure: str, field_name: str) -> SqlError:
        """An element its procedure has no parameter for."""
        return cls(8145, f"@I_v{field_name} is not a parameter for procedure {procedure}.", procedure)

    @classmethod
    def conversion(cls, procedure: str, value: str, sql_type: str) -> SqlError:
        """Text that is no value of the parameter's type."""
        return cls(8114, f"Error converting data type varchar to {sql_type}: '{value}'.", procedure)

    @classmethod
    def no_database(cls, name: str) -> SqlError:
        """A connection string for another company."""
        return cls(4060, f'Cannot open database "{name}" requested by the login. The login failed.')

    @classmethod
    def deadlock(cls) -> SqlError:
        """SQL Server ended the transaction for another one's sake; nothing was written."""
        return cls(
            1205,
            "Transaction (Process ID 61) was deadlocked on lock resources with another process and has been chosen as "
            "the deadlock victim. Rerun the transaction.",
        )

    @classmethod
    def timeout(cls) -> SqlError:
        """The command took longer than its caller waits; nothing was written."""
        return cls(
            -2,
            "Timeout expired.  The timeout period elapsed prior to completion of the operation or the server is not "
            "responding.",
        )

    @classmethod
    def bad_where(cls, problem: str) -> SqlError:
        """A WhereClause that SQL Server, or this sandbox, can't run."""
        return cls(102, f"Incorrect syntax in the WhereClause: {problem}")


class BookkeeperError(Exception):
    """A person asked GP for something it does not do: found, expected, remedy in one sentence each."""
