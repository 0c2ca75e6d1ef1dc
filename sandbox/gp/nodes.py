"""
The eConnect nodes this sandbox has procedures for: their parameters, types, lengths and keys.

A field is ``NAME:kind``: a number is the length of a text, ``k`` before it a key that GP stores in capitals, ``i`` an
integer, ``m`` money, ``r`` a rate, ``d`` a date; ``!`` marks what is required. Only fields that integrations use are
listed; an unknown one is refused as SQL Server refuses an unknown parameter.

Source: sources.md GP §1.3; names and types are compared with the site's schema by tests/contract/test_sandbox_gp.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """One parameter of a procedure."""

    name: str
    kind: str
    length: int
    key: bool
    required: bool


@dataclass(frozen=True)
class Node:
    """
    One eConnect node.

    :param identifiers: fields that an error message names the node by.
    """

    name: str
    identifiers: tuple[str, ...]
    fields: Mapping[str, Field]


def _node(name: str, identifiers: str, *described: str) -> Node:
    fields = {}
    for word in " ".join(described).split():
        field_name, kind = word.split(":")
        required, kind = kind.endswith("!"), kind.rstrip("!")
        key, kind = kind.startswith("k"), kind.removeprefix("k")
        length = int(kind) if kind.isdigit() else 0
        fields[field_name] = Field(field_name, "c" if length else kind, length, key, required)
    return Node(name, tuple(identifiers.split()), fields)


_USER = "RequesterTrx:i USRDEFND1:50 USRDEFND2:50 USRDEFND3:50 USRDEFND4:8000 USRDEFND5:8000"
_USER_ONLY = _USER.removeprefix("RequesterTrx:i ")
_CURRENCY = "CURNCYID:15 XCHGRATE:r RATETPID:15 EXCHDATE:d RTCLCMTD:i"
_CUSTOMER_ADDRESS = (
    "CNTCPRSN:60 ADDRESS1:60 ADDRESS2:60 ADDRESS3:60 CITY:35 STATE:29 ZIPCODE:10 CCode:6 COUNTRY:60"
    " PHNUMBR1:21 PHNUMBR2:21 PHNUMBR3:21 FAX:21 SHIPMTHD:15 TAXSCHID:15 SLPRSNID:15 SALSTERR:15"
    " GPSFOINTEGRATIONID:30 INTEGRATIONSOURCE:i INTEGRATIONID:30"
)
_VENDOR_ADDRESS = (
    "VNDCNTCT:60 ADDRESS1:60 ADDRESS2:60 ADDRESS3:60 CITY:35 STATE:29 ZIPCODE:10 CCode:6 COUNTRY:60 PHNUMBR1:21"
    " PHNUMBR2:21 PHNUMBR3:21 FAXNUMBR:21 TAXSCHID:15 SHIPMTHD:15"
)

_NODES = (
    _node(
        "taUpdateCreateCustomerRcd",
        "CUSTNMBR",
        "CUSTNMBR:k15! CUSTNAME:64 SHRTNAME:15 STMTNAME:64 CUSTCLAS:15 ADRSCODE:k15",
        _CUSTOMER_ADDRESS,
        "PRSTADCD:15 PRBTADCD:15 STADDRCD:15 PYMTRMID:20 PRCLEVEL:10 COMMENT1:30 COMMENT2:30 CURNCYID:15",
        "CRLMTTYP:i CRLMTAMT:m TXRGNNUM:25 TAXEXMT1:25 TAXEXMT2:25 HOLD:i INACTIVE:i NOTETEXT:8000",
        "UseCustomerClass:i CreateAddress:i UpdateIfExists:i",
        _USER,
    ),
    _node(
        "taCreateCustomerAddress",
        "CUSTNMBR ADRSCODE",
        "CUSTNMBR:k15! ADRSCODE:k15! ShipToName:64 UpdateIfExists:i",
        _CUSTOMER_ADDRESS,
        _USER,
    ),
    _node(
        "taCreateInternetAddresses",
        "Master_Type Master_ID ADRSCODE",
        "Master_Type:k3! Master_ID:k30! ADRSCODE:k15 INET1:200 INET2:200 INET3:200 INET4:200 INET5:200 INET6:200",
        "INET7:200 INET8:200 INETINFO:8000 Messenger_Address:200 EmailBccAddress:8000 EmailCcAddress:8000",
        "EmailToAddress:8000",
        _USER_ONLY,
    ),
    _node(
        "taUpdateCreateItemRcd",
        "ITEMNMBR",
        "ITEMNMBR:k30! ITEMDESC:100 ITMSHNAM:15 ITMGEDSC:10 ITMCLSCD:10 ITEMTYPE:i VCTNMTHD:i TAXOPTNS:i ITMTSHID:15",
        "UOMSCHDL:10 DECPLQTY:i DECPLCUR:i STNDCOST:m CURRCOST:m LISTPRCE:m NOTETEXT:8000 ALWBKORD:i",
        "IVIVACTNUMST:75 IVCOGSACTNUMST:75 IVSLSACTNUMST:75 IVSLRNACTNUMST:75 LOCNCODE:10 UseItemClass:i",
        "UpdateIfExists:i",
        _USER,
    ),
    _node("taItemSite", "ITEMNMBR LOCNCODE", "ITEMNMBR:k30! LOCNCODE:k10! PRIMVNDR:15 UpdateIfExists:i"),
    _node(
        "taUpdateCreateVendorRcd",
        "VENDORID",
        "VENDORID:k15! VENDNAME:64 VENDSHNM:15 VNDCHKNM:64 HOLD:i VENDSTTS:i VNDCLSID:10 VADDCDPR:k15",
        _VENDOR_ADDRESS,
        "VADCDPAD:15 VADCDTRO:15 VADCDSFR:15 ACNMVNDR:20 COMMENT1:30 COMMENT2:30 NOTETEXT:8000 CURNCYID:15",
        "PYMTRMID:20 TXIDNMBR:11 TXRGNNUM:25 UseVendorClass:i CreateAddress:i UpdateIfExists:i",
        _USER,
    ),
    _node(
        "taCreateVendorAddress",
        "VENDORID ADRSCODE",
        "VENDORID:k15! ADRSCODE:k15! UpdateIfExists:i",
        _VENDOR_ADDRESS,
        _USER,
    ),
    _node(
        "taPMTransactionTaxInsert",
        "VENDORID VCHRNMBR DOCTYPE TAXDTLID",
        "VENDORID:k15! VCHRNMBR:k17! DOCTYPE:i! BACHNUMB:k15! TAXDTLID:k15! TAXAMNT:m! PCTAXAMT:m FRTTXAMT:m",
        "MSCTXAMT:m TDTTXPUR:m TXDTTPUR:m ACTNUMST:75 ACTINDX:i",
        _USER,
    ),
    _node(
        "taPMDistribution",
        "DOCTYPE VCHRNMBR VENDORID",
        "DOCTYPE:i! VCHRNMBR:k17! VENDORID:k15! DSTSQNUM:i DISTTYPE:i! DistRef:30 ACTINDX:i ACTNUMST:75 DEBITAMT:m",
        "CRDTAMNT:m",
        _USER,
    ),
    _node(
        "taPMManualCheck",
        "PMNTNMBR VENDORID DOCNUMBR",
        "BACHNUMB:k15! PMNTNMBR:k17! VENDORID:k15! DOCNUMBR:20! DOCAMNT:m! DOCDATE:d! PSTGDATE:d PYENTTYP:i!",
        "CARDNAME:15 CHEKBKID:k15 TRXDSCRN:30 BatchCHEKBKID:15 CREATEDIST:i",
        _CURRENCY,
        _USER,
    ),
    _node(
        "taPMTransactionInsert",
        "VCHNUMWK VENDORID DOCNUMBR DOCTYPE",
        "BACHNUMB:k15! VCHNUMWK:k17! VENDORID:k15! DOCNUMBR:20! DOCTYPE:i! DOCAMNT:m! DOCDATE:d! PSTGDATE:d DUEDATE:d",
        "PYMTRMID:20 TAXSCHID:15 PCHSCHID:15 PRCHAMNT:m CHRGAMNT:m TRDISAMT:m TAXAMNT:m FRTAMNT:m MSCCHAMT:m",
        "TEN99AMNT:m TRXDSCRN:30 PORDNMBR:20 BatchCHEKBKID:15 CREATEDIST:i",
        _CURRENCY,
        _USER,
    ),
    _node(
        "taPoHdr",
        "PONUMBER VENDORID",
        "POTYPE:i PONUMBER:k17! VENDORID:k15! VENDNAME:64 DOCDATE:d BUYERID:15 TRDISAMT:m FRTAMNT:m MSCCHAMT:m",
        "TAXAMNT:m SUBTOTAL:m SHIPMTHD:15 PYMTRMID:20 CONFIRM1:20 HOLD:i TAXSCHID:15 CMMTTEXT:500 PRMDATE:d REQDATE:d",
        "UpdateIfExists:i NOTETEXT:8000",
        _CURRENCY,
        _USER,
    ),
    _node(
        "taPoLine",
        "PONUMBER VENDORID ITEMNMBR",
        "POTYPE:i PONUMBER:k17! DOCDATE:d VENDORID:k15! LOCNCODE:10 VNDITNUM:30 ITEMNMBR:k30 QUANTITY:m REQDATE:d",
        "PRMDATE:d NONINVEN:i IVIVINDX:i InventoryAccount:75 ITEMDESC:100 UNITCOST:m VNDITDSC:100 UOFM:8 TAXAMNT:m",
        "CMMTTEXT:500 ORD:i CURNCYID:15 UpdateIfExists:i NOTETEXT:8000",
        _USER,
    ),
    _node(
        "taPopIvcTaxInsert",
        "PONUMBER VENDORID TAXDTLID",
        "PONUMBER:k17! TAXTYPE:i ORD:i TAXDTLID:k15! TAXAMNT:m FRTTXAMT:m MSCTXAMT:m TAXPURCH:m TOTPURCH:m",
        "VENDORID:k15!",
        _USER,
    ),
    _node(
        "taSopLineIvcInsert",
        "SOPTYPE SOPNUMBE CUSTNMBR ITEMNMBR",
        "SOPTYPE:i! SOPNUMBE:k21! CUSTNMBR:k15! DOCDATE:d! ITEMNMBR:k30! QUANTITY:m! UNITPRCE:m XTNDPRCE:m",
        "UNITCOST:m ITEMDESC:100 TAXAMNT:m NONINVEN:i LNITMSEQ:i UOFM:8 LOCNCODE:10 TAXSCHID:15 ITMTSHID:15",
        "IVITMTXB:i SLSINDX:75 RTNSINDX:75 INVINDX:75 CSLSINDX:75 MRKDNAMT:m MRKDNPCT:m QTYONHND:m QTYRTRND:m",
        "QTYINUSE:m QTYINSVC:m QTYDMGED:m QTYTBAOR:m QTYCANCE:m CURNCYID:15 QtyShrtOpt:i UpdateIfExists:i",
        "RecreateDist:i DEFPRICING:i DEFEXTPRICE:i PRCLEVEL:10 CMMTTEXT:500 DOCID:15 ReqShipDate:d",
        "GPSFOINTEGRATIONID:30 INTEGRATIONSOURCE:i INTEGRATIONID:30",
        _USER,
    ),
    _node(
        "taSopLineIvcTaxInsert",
        "SOPTYPE SOPNUMBE CUSTNMBR LNITMSEQ TAXDTLID",
        "SOPTYPE:i! SOPNUMBE:k21! CUSTNMBR:k15! TAXDTLID:k15! TAXTYPE:i LNITMSEQ:i SALESAMT:m FRTTXAMT:m",
        "MSCTXAMT:m FREIGHT:m MISCAMNT:m ACTNUMST:75 ACTINDX:i STAXAMNT:m TDTTXSLS:m TXDTOTTX:m",
        _USER,
    ),
    _node(
        "taSopUserDefined",
        "SOPTYPE SOPNUMBE",
        "SOPTYPE:i! SOPNUMBE:k21! USRDAT01:d USRDAT02:d USRTAB01:20 USRTAB09:20 USRTAB03:20 USERDEF1:20 USERDEF2:20",
        "USRDEF03:20 USRDEF04:20 USRDEF05:20",
        _USER,
    ),
    _node(
        "taSopHdrIvcInsert",
        "SOPTYPE SOPNUMBE CUSTNMBR",
        "SOPTYPE:i! DOCID:15! SOPNUMBE:k21! DOCDATE:d! CUSTNMBR:k15! BACHNUMB:k15! TAXSCHID:15 FRTSCHID:15",
        "MSCSCHID:15 SHIPMTHD:15 TAXAMNT:m LOCNCODE:10 FREIGHT:m MISCAMNT:m TRDISAMT:m CUSTNAME:64 CSTPONBR:20",
        "ShipToName:64 ADDRESS1:60 ADDRESS2:60 ADDRESS3:60 CNTCPRSN:60 CITY:35 STATE:29 ZIPCODE:10 COUNTRY:60",
        "PHNUMBR1:21 PHNUMBR2:21 PHNUMBR3:21 SUBTOTAL:m DOCAMNT:m PYMTRCVD:m SALSTERR:15 SLPRSNID:15 PRBTADCD:15",
        "PRSTADCD:15 FRTTXAMT:m MSCTXAMT:m PYMTRMID:20 DUEDATE:d REFRENCE:30 USINGHEADERLEVELTAXES:i CREATECOMM:i",
        "CREATEDIST:i CREATETAXES:i DEFTAXSCHDS:i",
        _CURRENCY,
        "GPSFOINTEGRATIONID:30 INTEGRATIONSOURCE:i INTEGRATIONID:30 CKCreditLimit:i CKHOLD:i UpdateExisting:i",
        "CMMTTEXT:500 PRCLEVEL:10 DEFPRICING:i TXRGNNUM:25 NOTETEXT:8000 ORIGNUMB:k21 ORIGTYPE:i ReqShipDate:d",
        "BatchCHEKBKID:15 USER2ENT:15",
        _USER,
    ),
    _node(
        "taSopLineDelete",
        "SOPTYPE SOPNUMBE LNITMSEQ",
        "SOPTYPE:i! SOPNUMBE:k21! LNITMSEQ:i ITEMNMBR:k30! DeleteType:i! CMPNTSEQ:i RecreateDist:i",
        _USER,
    ),
    _node(
        "taSopVoidDocument",
        "SOPTYPE SOPNUMBE",
        "SOPTYPE:i! SOPNUMBE:k21! BACHNUMB:k15 RemovePayments:i VOIDDATE:d",
        _USER_ONLY,
    ),
    _node("taSopDeleteDocument", "SOPTYPE SOPNUMBE", "SOPTYPE:i! SOPNUMBE:k21! RemovePayments:i", _USER_ONLY),
    _node(
        "taSopDistribution",
        "SOPTYPE SOPNUMBE CUSTNMBR",
        "SOPTYPE:i! SOPNUMBE:k21! CUSTNMBR:k15! DISTTYPE:i! SEQNUMBR:i DistRef:30 ACTINDX:i ACTNUMST:75 DEBITAMT:m",
        "CRDTAMNT:m",
        _USER,
    ),
    _node(
        "taRMCashReceiptInsert",
        "CUSTNMBR DOCNUMBR",
        "CUSTNMBR:k15! DOCNUMBR:k20! DOCDATE:d! ORTRXAMT:m! GLPOSTDT:d! BACHNUMB:k15! CSHRCTYP:i! CHEKBKID:15",
        "CHEKNMBR:20 CRCARDID:15 TRXDSCRN:30 BatchCHEKBKID:15 CREATEDIST:i",
        _CURRENCY,
        _USER,
    ),
    _node(
        "taRMTransaction",
        "RMDTYPAL DOCNUMBR CUSTNMBR",
        "RMDTYPAL:i! DOCNUMBR:k17! DOCDATE:d! BACHNUMB:k15! CUSTNMBR:k15! DOCAMNT:m! SLSAMNT:m! DOCDESCR:30",
        "ADRSCODE:15 TAXSCHID:15 CSTPONBR:20 COSTAMNT:m TRDISAMT:m FRTAMNT:m MISCAMNT:m TAXAMNT:m PYMTRMID:20",
        "DUEDATE:d BatchCHEKBKID:15 CREATEDIST:i",
        _CURRENCY,
        _USER,
    ),
    _node(
        "taRMDistribution",
        "RMDTYPAL DOCNUMBR CUSTNMBR",
        "RMDTYPAL:i! DOCNUMBR:k20! CUSTNMBR:k15! DISTTYPE:i! SEQNUMBR:i DistRef:30 DSTINDX:i ACTNUMST:75",
        "DEBITAMT:m CRDTAMNT:m",
        _USER_ONLY,
    ),
    _node(
        "taRMTransactionTaxInsert",
        "RMDTYPAL DOCNUMBR CUSTNMBR TAXDTLID",
        "CUSTNMBR:k15! DOCNUMBR:k17! RMDTYPAL:i! BACHNUMB:k15! TAXDTLID:k15! TAXAMNT:m! STAXAMNT:m! TAXDTSLS:m!",
        "FRTTXAMT:m MSCTXAMT:m ACTNUMST:75 ACTINDX:i TDTTXSLS:m SEQNUMBR:i",
        _USER,
    ),
    _node(
        "taRMApply",
        "APTODCNM APFRDCNM",
        "APTODCNM:k21! APFRDCNM:k21! APPTOAMT:m! APFRDCTY:i! APTODCTY:i! DISTKNAM:m WROFAMNT:m APPLYDATE:d",
        "GLPOSTDT:d",
        _USER_ONLY,
    ),
    _node(
        "taRMVoidTransaction",
        "DOCNUMBR RMDTYPAL",
        "CUSTNMBR:k15 DOCNUMBR:k20! VOIDSTTS:i! RMDTYPAL:i! VOIDDATE:d! GLPOSTDT:d!",
        _USER_ONLY,
    ),
    _node(
        "taGLTransactionLineInsert",
        "BACHNUMB JRNENTRY CRDTAMNT DEBITAMT",
        "BACHNUMB:k15! JRNENTRY:i! SQNCLINE:m ACTINDX:i CRDTAMNT:m! DEBITAMT:m! ACTNUMST:75 DSCRIPTN:30",
        "ORCTRNUM:20 ORDOCNUM:20 ORMSTRID:30 ORMSTRNM:64 ORTRXTYP:i TAXDTLID:15 TAXAMNT:m DOCDATE:d",
        _CURRENCY,
        _USER,
    ),
    _node(
        "taGLTransactionHeaderInsert",
        "BACHNUMB JRNENTRY",
        "BACHNUMB:k15! JRNENTRY:i! REFRENCE:30! TRXDATE:d! TRXTYPE:i! RVRSNGDT:d SERIES:i SOURCDOC:10 Ledger_ID:i",
        "USERID:15 Adjustment_Transaction:i NOTETEXT:8000",
        _CURRENCY,
        _USER,
    ),
    _node(
        "taCreateUpdateBatchHeaderRcd",
        "BACHNUMB BCHSOURC",
        "BACHNUMB:k15! BCHSOURC:15! SERIES:i! DOCAMT:m! ORIGIN:i! NUMOFTRX:i! BCHCOMNT:60 GLPOSTDT:d CHEKBKID:15",
        "POSTTOGL:i USERID:15",
        _USER,
    ),
)

NODES: Mapping[str, Node] = {node.name: node for node in _NODES}
"""Every node with a procedure, by name."""

AUTO_NUMBERED = {
    "taGLTransactionHeaderInsert": "JRNENTRY",
    "taSopHdrIvcInsert": "SOPNUMBE",
    "taRMTransaction": "DOCNUMBR",
    "taPMTransactionInsert": "VCHNUMWK",
}
"""Nodes GP numbers itself where the element is present but empty, in all nodes of the type (sources.md GP §1.1)."""

SAME_NUMBER = {"VCHNUMWK": ("VCHRNMBR",)}
"""Other names that a number has in the nodes before its header."""

TRANSACTION_TYPES = frozenset(
    {
        "SOPTransactionType",
        "SOPVoidDocumentType",
        "SOPDeleteDocumentType",
        "SOPDeleteLineType",
        "RMCustomerMasterType",
        "RMCustomerAddressType",
        "RMTransactionType",
        "RMCashReceiptsType",
        "RMApplyType",
        "RMVoidTransactionType",
        "GLTransactionType",
        "SMTransactionBatchType",
        "IVItemMasterType",
        "PMVendorMasterType",
        "PMTransactionType",
        "PMManualCheckType",
        "POPTransactionType",
    }
)
"""Transaction types whose nodes are known here."""
