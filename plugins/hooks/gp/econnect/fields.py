"""
The eConnect nodes we write: their fields in the schema's order, with type and length.

Order and names are compared with the site's schema description by a test; lengths are those GP keys in
(sources.md GP §1.3, §4). Only fields that our flows use are here: a name that isn't is refused before sending.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["NODES", "Field", "Node"]

Kind = Literal["text", "int", "money", "rate", "date"]


@dataclass(frozen=True)
class Field:
    """
    One element of a node.

    :param length: characters a text may have, 0 for other kinds.
    """

    name: str
    kind: Kind
    length: int
    required: bool


@dataclass(frozen=True)
class Node:
    """One eConnect node; the stored procedure of the same name takes it."""

    name: str
    fields: Mapping[str, Field]


def _node(name: str, described: str) -> Node:
    """A node from ``NAME:kind`` words: a number is a text's length, ``!`` marks what GP requires."""
    fields: dict[str, Field] = {}
    for word in described.split():
        field_name, kind = word.split(":")
        required = kind.endswith("!")
        kind = kind.rstrip("!")
        if kind.isdigit():
            fields[field_name] = Field(field_name, "text", int(kind), required)
        else:
            fields[field_name] = Field(field_name, _KINDS[kind], 0, required)
    return Node(name, fields)


_KINDS: dict[str, Kind] = {"int": "int", "money": "money", "rate": "rate", "date": "date"}

_ALL = (
    _node(
        "taSopHdrIvcInsert",
        """SOPTYPE:int! DOCID:15! SOPNUMBE:21! TAXSCHID:15 FRTSCHID:15 MSCSCHID:15 SHIPMTHD:15 TAXAMNT:money
        LOCNCODE:10 DOCDATE:date! FREIGHT:money MISCAMNT:money TRDISAMT:money CUSTNMBR:15! CUSTNAME:64
        CSTPONBR:20 ShipToName:64 ADDRESS1:60 ADDRESS2:60 ADDRESS3:60 CNTCPRSN:60 CITY:35 STATE:29 ZIPCODE:10
        COUNTRY:60 PHNUMBR1:21 SUBTOTAL:money DOCAMNT:money SALSTERR:15 SLPRSNID:15 BACHNUMB:15! PRBTADCD:15
        PRSTADCD:15 FRTTXAMT:money MSCTXAMT:money PYMTRMID:20 DUEDATE:date REFRENCE:30 USINGHEADERLEVELTAXES:int
        BatchCHEKBKID:15 CREATECOMM:int CREATEDIST:int CREATETAXES:int DEFTAXSCHDS:int CURNCYID:15 XCHGRATE:rate
        RATETPID:15 INTEGRATIONSOURCE:int INTEGRATIONID:30 RequesterTrx:int UpdateExisting:int CMMTTEXT:500 PRCLEVEL:10
        DEFPRICING:int NOTETEXT:8000""",
    ),
    _node(
        "taSopLineIvcInsert",
        """SOPTYPE:int! SOPNUMBE:21! CUSTNMBR:15! DOCDATE:date! LOCNCODE:10 ITEMNMBR:30! UNITPRCE:money
        XTNDPRCE:money QUANTITY:money! MRKDNAMT:money UNITCOST:money PRCLEVEL:10 ITEMDESC:100 TAXAMNT:money
        QTYONHND:money QTYRTRND:money QTYINUSE:money QTYINSVC:money QTYDMGED:money NONINVEN:int LNITMSEQ:int
        ITMTSHID:15 IVITMTXB:int TAXSCHID:15 INVINDX:75 CSLSINDX:75 SLSINDX:75 RTNSINDX:75 INTEGRATIONSOURCE:int
        INTEGRATIONID:30 RequesterTrx:int UpdateIfExists:int RecreateDist:int CMMTTEXT:500 DEFPRICING:int
        DEFEXTPRICE:int CURNCYID:15 UOFM:8 QtyShrtOpt:int""",
    ),
    _node(
        "taSopLineIvcTaxInsert",
        """SOPTYPE:int! TAXTYPE:int SOPNUMBE:21! CUSTNMBR:15! LNITMSEQ:int SALESAMT:money FRTTXAMT:money
        MSCTXAMT:money FREIGHT:money MISCAMNT:money TAXDTLID:15! ACTNUMST:75 STAXAMNT:money TDTTXSLS:money
        RequesterTrx:int""",
    ),
    _node(
        "taSopUserDefined",
        """SOPTYPE:int! SOPNUMBE:21! USRDAT01:date USRDAT02:date USRTAB01:20 USRTAB09:20 USRTAB03:20 USERDEF1:20
        USERDEF2:20 USRDEF03:20 USRDEF04:20 USRDEF05:20 RequesterTrx:int""",
    ),
    _node(
        "taSopLineDelete",
        "SOPTYPE:int! SOPNUMBE:21! LNITMSEQ:int ITEMNMBR:30! RequesterTrx:int DeleteType:int!",
    ),
    _node(
        "taSopVoidDocument",
        "SOPTYPE:int! SOPNUMBE:21! BACHNUMB:15 RemovePayments:int VOIDDATE:date",
    ),
    _node(
        "taRMTransactionTaxInsert",
        """CUSTNMBR:15! DOCNUMBR:17! RMDTYPAL:int! BACHNUMB:15! TAXDTLID:15! TAXAMNT:money! STAXAMNT:money!
        FRTTXAMT:money MSCTXAMT:money TAXDTSLS:money! SEQNUMBR:int ACTNUMST:75 TDTTXSLS:money RequesterTrx:int""",
    ),
    _node(
        "taRMDistribution",
        """RMDTYPAL:int! DOCNUMBR:17! CUSTNMBR:15! SEQNUMBR:int DISTTYPE:int! DistRef:30 ACTNUMST:75 DEBITAMT:money
        CRDTAMNT:money""",
    ),
    _node(
        "taRMTransaction",
        """RMDTYPAL:int! DOCNUMBR:17! DOCDATE:date! BACHNUMB:15! CUSTNMBR:15! DOCAMNT:money! SLSAMNT:money! DOCDESCR:30
        ADRSCODE:15 TAXSCHID:15 CSTPONBR:20 COSTAMNT:money TRDISAMT:money FRTAMNT:money MISCAMNT:money TAXAMNT:money
        PYMTRMID:20 BatchCHEKBKID:15 DUEDATE:date CURNCYID:15 XCHGRATE:rate RATETPID:15 RequesterTrx:int
        CREATEDIST:int""",
    ),
    _node(
        "taUpdateCreateCustomerRcd",
        """CUSTNMBR:15! HOLD:int INACTIVE:int CUSTNAME:64 SHRTNAME:15 STMTNAME:64 CUSTCLAS:15 ADRSCODE:15
        CNTCPRSN:60 ADDRESS1:60 ADDRESS2:60 ADDRESS3:60 CITY:35 STATE:29 ZIPCODE:10 CCode:6 COUNTRY:60
        PHNUMBR1:21 PHNUMBR2:21 PHNUMBR3:21 FAX:21 SHIPMTHD:15 TAXSCHID:15 PRSTADCD:15 PRBTADCD:15 STADDRCD:15
        COMMENT1:30 COMMENT2:30 PYMTRMID:20 PRCLEVEL:10 NOTETEXT:8000 TAXEXMT1:25 TAXEXMT2:25 TXRGNNUM:25
        CURNCYID:15 INTEGRATIONSOURCE:int INTEGRATIONID:30 UseCustomerClass:int CreateAddress:int
        UpdateIfExists:int RequesterTrx:int""",
    ),
    _node(
        "taCreateCustomerAddress",
        """CUSTNMBR:15! ADRSCODE:15! SHIPMTHD:15 TAXSCHID:15 CNTCPRSN:60 ADDRESS1:60 ADDRESS2:60 ADDRESS3:60
        COUNTRY:60 CITY:35 STATE:29 ZIPCODE:10 PHNUMBR1:21 PHNUMBR2:21 PHNUMBR3:21 FAX:21 INTEGRATIONSOURCE:int
        INTEGRATIONID:30 CCode:6 ShipToName:64 UpdateIfExists:int RequesterTrx:int""",
    ),
    _node(
        "taCreateInternetAddresses",
        """Master_Type:3! Master_ID:30! ADRSCODE:15 INET1:200 INET2:200 INET3:200 INET4:200 INET5:200 INET6:200
        INET7:200 INET8:200 INETINFO:8000 Messenger_Address:200 EmailBccAddress:8000 EmailCcAddress:8000
        EmailToAddress:8000""",
    ),
    _node(
        "taRMCashReceiptInsert",
        """CUSTNMBR:15! DOCNUMBR:20! DOCDATE:date! ORTRXAMT:money! GLPOSTDT:date! BACHNUMB:15! CSHRCTYP:int!
        CHEKBKID:15 CHEKNMBR:20 CRCARDID:15 TRXDSCRN:30 BatchCHEKBKID:15 CURNCYID:15 XCHGRATE:rate RATETPID:15
        CREATEDIST:int RequesterTrx:int""",
    ),
    _node(
        "taRMApply",
        """APTODCNM:21! APFRDCNM:21! APPTOAMT:money! APFRDCTY:int! APTODCTY:int! DISTKNAM:money WROFAMNT:money
        APPLYDATE:date GLPOSTDT:date""",
    ),
    _node(
        "taRMVoidTransaction",
        "CUSTNMBR:15 DOCNUMBR:20! VOIDSTTS:int! RMDTYPAL:int! VOIDDATE:date! GLPOSTDT:date!",
    ),
    _node(
        "taUpdateCreateVendorRcd",
        """VENDORID:15! VENDNAME:64 VENDSHNM:15 VNDCHKNM:64 HOLD:int VENDSTTS:int VNDCLSID:10 VADDCDPR:15 VNDCNTCT:60
        ADDRESS1:60 ADDRESS2:60 ADDRESS3:60 CITY:35 STATE:29 ZIPCODE:10 CCode:6 COUNTRY:60 PHNUMBR1:21 PHNUMBR2:21
        PHNUMBR3:21 FAXNUMBR:21 TAXSCHID:15 SHIPMTHD:15 VADCDPAD:15 VADCDTRO:15 VADCDSFR:15 ACNMVNDR:20 COMMENT1:30
        COMMENT2:30 NOTETEXT:8000 CURNCYID:15 PYMTRMID:20 TXIDNMBR:11 TXRGNNUM:25 UseVendorClass:int CreateAddress:int
        UpdateIfExists:int RequesterTrx:int""",
    ),
    _node(
        "taCreateVendorAddress",
        """VENDORID:15! ADRSCODE:15! SHIPMTHD:15 TAXSCHID:15 VNDCNTCT:60 ADDRESS1:60 ADDRESS2:60 ADDRESS3:60 COUNTRY:60
        CITY:35 STATE:29 ZIPCODE:10 PHNUMBR1:21 PHNUMBR2:21 PHNUMBR3:21 FAXNUMBR:21 UpdateIfExists:int RequesterTrx:int
        CCode:6""",
    ),
    _node(
        "taPMTransactionInsert",
        """BACHNUMB:15! VCHNUMWK:17! VENDORID:15! DOCNUMBR:20! DOCTYPE:int! DOCAMNT:money! DOCDATE:date! PSTGDATE:date
        PYMTRMID:20 TAXSCHID:15 DUEDATE:date PRCHAMNT:money CHRGAMNT:money TRXDSCRN:30 TRDISAMT:money TAXAMNT:money
        FRTAMNT:money TEN99AMNT:money MSCCHAMT:money PORDNMBR:20 PCHSCHID:15 CURNCYID:15 XCHGRATE:rate RATETPID:15
        BatchCHEKBKID:15 CREATEDIST:int RequesterTrx:int""",
    ),
    _node(
        "taPMTransactionTaxInsert",
        """VENDORID:15! VCHRNMBR:17! DOCTYPE:int! BACHNUMB:15! TAXDTLID:15! TAXAMNT:money! PCTAXAMT:money FRTTXAMT:money
        MSCTXAMT:money TDTTXPUR:money TXDTTPUR:money ACTNUMST:75 RequesterTrx:int""",
    ),
    _node(
        "taPMDistribution",
        """DOCTYPE:int! VCHRNMBR:17! VENDORID:15! DSTSQNUM:int DISTTYPE:int! DistRef:30 ACTNUMST:75 DEBITAMT:money
        CRDTAMNT:money RequesterTrx:int""",
    ),
    _node(
        "taPMManualCheck",
        """BACHNUMB:15! PMNTNMBR:17! VENDORID:15! DOCNUMBR:20! DOCAMNT:money! DOCDATE:date! PSTGDATE:date PYENTTYP:int!
        CARDNAME:15 CURNCYID:15 CHEKBKID:15 TRXDSCRN:30 XCHGRATE:rate RATETPID:15 BatchCHEKBKID:15 CREATEDIST:int
        RequesterTrx:int""",
    ),
    _node(
        "taPoHdr",
        """POTYPE:int PONUMBER:17! VENDORID:15! VENDNAME:64 DOCDATE:date BUYERID:15 TRDISAMT:money FRTAMNT:money
        MSCCHAMT:money TAXAMNT:money SUBTOTAL:money SHIPMTHD:15 PYMTRMID:20 CONFIRM1:20 HOLD:int TAXSCHID:15
        CURNCYID:15 XCHGRATE:rate RATETPID:15 CMMTTEXT:500 PRMDATE:date REQDATE:date NOTETEXT:8000 RequesterTrx:int""",
    ),
    _node(
        "taPoLine",
        """POTYPE:int PONUMBER:17! DOCDATE:date VENDORID:15! LOCNCODE:10 VNDITNUM:30 ITEMNMBR:30 QUANTITY:money
        REQDATE:date PRMDATE:date NONINVEN:int InventoryAccount:75 ITEMDESC:100 UNITCOST:money VNDITDSC:100 UOFM:8
        TAXAMNT:money CMMTTEXT:500 ORD:int CURNCYID:15 NOTETEXT:8000 RequesterTrx:int""",
    ),
    _node(
        "taPopIvcTaxInsert",
        """PONUMBER:17! TAXTYPE:int ORD:int TAXDTLID:15! TAXAMNT:money FRTTXAMT:money MSCTXAMT:money TAXPURCH:money
        TOTPURCH:money VENDORID:15! RequesterTrx:int""",
    ),
    _node(
        "taUpdateCreateItemRcd",
        """ITEMNMBR:30! ITEMDESC:100 ITMSHNAM:15 ITMGEDSC:10 ITMCLSCD:10 ITEMTYPE:int VCTNMTHD:int TAXOPTNS:int
        ITMTSHID:15 UOMSCHDL:10 DECPLQTY:int DECPLCUR:int STNDCOST:money CURRCOST:money LISTPRCE:money NOTETEXT:8000
        ALWBKORD:int IVIVACTNUMST:75 IVCOGSACTNUMST:75 IVSLSACTNUMST:75 IVSLRNACTNUMST:75 LOCNCODE:10 UseItemClass:int
        UpdateIfExists:int RequesterTrx:int""",
    ),
    _node(
        "taItemSite",
        "ITEMNMBR:30! LOCNCODE:10! PRIMVNDR:15 UpdateIfExists:int",
    ),
    _node(
        "taGLTransactionHeaderInsert",
        """BACHNUMB:15! JRNENTRY:int! REFRENCE:30! TRXDATE:date! RVRSNGDT:date TRXTYPE:int! SERIES:int
        CURNCYID:15 XCHGRATE:rate RATETPID:15 RequesterTrx:int SOURCDOC:10 Ledger_ID:int USERID:15 NOTETEXT:8000""",
    ),
    _node(
        "taGLTransactionLineInsert",
        """BACHNUMB:15! JRNENTRY:int! SQNCLINE:int CRDTAMNT:money! DEBITAMT:money! ACTNUMST:75 DSCRIPTN:30
        ORCTRNUM:20 ORDOCNUM:20 ORMSTRID:30 ORMSTRNM:64 TAXDTLID:15 TAXAMNT:money DOCDATE:date CURNCYID:15
        XCHGRATE:rate RATETPID:15 RequesterTrx:int""",
    ),
)

NODES: Mapping[str, Node] = {node.name: node for node in _ALL}
"""Every node we write, by name."""
