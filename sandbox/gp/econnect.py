"""An eConnect document: one SQL transaction over the stored procedures of its nodes (sources.md GP §1.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lxml import etree

from sandbox.gp import (
    applications,
    batches,
    customers,
    items,
    journals,
    payables,
    purchase_orders,
    receivables,
    receivables_voids,
    safe_xml,
    sales,
    sales_lines,
    screens,
    vendor_payments,
    vendors,
)
from sandbox.gp.call import Call
from sandbox.gp.errors import EConnectRefused, NodeRefused, SqlError
from sandbox.gp.models import Row
from sandbox.gp.nodes import AUTO_NUMBERED, NODES, SAME_NUMBER, TRANSACTION_TYPES
from sandbox.gp.numbers import next_receivables_number, next_sales_number, next_voucher_number
from sandbox.gp.session import Session
from sandbox.gp.site_procedures import before_procedure

PROCEDURES: Mapping[str, Callable[[Call], None]] = {
    "taUpdateCreateCustomerRcd": customers.save_customer,
    "taCreateCustomerAddress": customers.save_address,
    "taCreateInternetAddresses": customers.save_internet_address,
    "taUpdateCreateItemRcd": items.save_item,
    "taItemSite": items.save_site,
    "taUpdateCreateVendorRcd": vendors.save_vendor,
    "taCreateVendorAddress": vendors.save_address,
    "taPMTransactionTaxInsert": payables.save_tax,
    "taPMDistribution": payables.save_distribution,
    "taPMTransactionInsert": payables.save_transaction,
    "taPMManualCheck": vendor_payments.save_payment,
    "taPopIvcTaxInsert": purchase_orders.save_tax,
    "taPoLine": purchase_orders.save_line,
    "taPoHdr": purchase_orders.save_header,
    "taSopLineIvcInsert": sales_lines.save_line,
    "taSopLineIvcTaxInsert": sales_lines.save_tax,
    "taSopLineDelete": sales_lines.delete_line,
    "taSopUserDefined": sales.save_user_defined,
    "taSopHdrIvcInsert": sales.save_header,
    "taSopDistribution": sales.save_distribution,
    "taSopVoidDocument": sales.void_document,
    "taSopDeleteDocument": sales.delete_document,
    "taRMCashReceiptInsert": receivables.save_receipt,
    "taRMTransaction": receivables.save_transaction,
    "taRMDistribution": receivables.save_distribution,
    "taRMTransactionTaxInsert": receivables.save_tax,
    "taRMApply": applications.apply_document,
    "taRMVoidTransaction": receivables_voids.void_document,
    "taGLTransactionLineInsert": journals.save_line,
    "taGLTransactionHeaderInsert": journals.save_header,
    "taCreateUpdateBatchHeaderRcd": batches.save_batch,
}

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_NOT_PROCEDURES = ("eConnectProcessInfo", "taRequesterTrxDisabler_Items")


def parse_document(text: str) -> etree._Element:
    """
    The ``<eConnect>`` element of an sXML parameter.

    :raises SqlError: it can't be read, or is something else.
    """
    try:
        root = safe_xml.parse(text)
    except safe_xml.UnreadableXml as error:
        raise SqlError(6602, str(error)) from error
    if root.tag != "eConnect":
        raise SqlError(6602, f"The root element is <{root.tag}>, <eConnect> without a namespace expected.")
    return root


def run_document(session: Session, root: etree._Element) -> str:
    """
    Run every node of the document; the whole is one transaction of the caller.

    A transaction type that carries its own ConnectionString commits by itself (mode 2, sources.md GP §1.1).

    :returns: the document as XML, with the numbers GP gave.
    :raises EConnectRefused: a procedure refused its node.
    :raises SqlError: a node nobody has a procedure for, a value of another type.
    """
    for transaction in root:
        if transaction.tag not in TRANSACTION_TYPES:
            raise SqlError.no_procedure(str(transaction.tag))
        session.next_document()
        _assign_numbers(session, transaction)
        for element in _nodes(transaction):
            _run_node(session, element)
        if (transaction.findtext("eConnectProcessInfo/ConnectionString") or "").strip():
            session.commit()
    return etree.tostring(root, encoding="unicode")


def _nodes(transaction: etree._Element) -> Iterator[etree._Element]:
    for child in transaction:
        if child.tag in _NOT_PROCEDURES or child.get(_NIL) == "true":
            continue
        if str(child.tag).endswith("_Items"):
            yield from child
        else:
            yield child


def _run_node(session: Session, element: etree._Element) -> None:
    name = str(element.tag)
    if name not in NODES:
        raise SqlError.no_procedure(name)
    node = NODES[name]
    try:
        call = Call(session, node, before_procedure(session, element))
        screens.refuse_if_open(call)
        PROCEDURES[name](call)
    except NodeRefused as refused:
        identifiers = {key: element.findtext(key) or "" for key in node.identifiers}
        xml = etree.tostring(element, encoding="unicode", pretty_print=True, with_tail=False).strip()
        raise EConnectRefused(name, identifiers, refused, xml) from refused


def _assign_numbers(session: Session, transaction: etree._Element) -> None:
    """Fill the number in all nodes of the type where its element is present but empty."""
    for name, field in AUTO_NUMBERED.items():
        header = transaction.find(name)
        if header is None or header.find(field) is None or (header.findtext(field) or "").strip():
            continue
        number = _next_number(session, name, {str(child.tag): child.text or "" for child in header})
        for element in transaction.iter(field, *SAME_NUMBER.get(field, ())):
            if not (element.text or "").strip():
                element.text = number


def _next_number(session: Session, name: str, header: Row) -> str:
    if name == "taGLTransactionHeaderInsert":
        return str(journals.next_entry(session))
    if name == "taSopHdrIvcInsert":
        return next_sales_number(session, int(header.get("SOPTYPE") or 0), header.get("DOCID", ""))
    if name == "taPMTransactionInsert":
        return next_voucher_number(session)
    return next_receivables_number(session, int(header.get("RMDTYPAL") or 0))
