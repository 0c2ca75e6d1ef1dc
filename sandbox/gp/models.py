"""
The GP company's tables: names and column kinds as in SQL Server, the columns this sandbox needs and none that GP
hasn't: ../shared/gp/tables.json, where it is there, is compared by a test.

A column is ``NAME:kind``: a number is ``char(n)``, ``i`` an integer, ``m`` money numeric(19,5), ``r`` a rate
numeric(19,7), ``d`` a date, ``t`` an instant (DEX_ROW_TS). Every column is NOT NULL: empty text, 0, 1900-01-01.

Source: sources.md GP §4 (areas, keys, lengths, multicurrency pairs). RM00301, SY01100, POP10160 and WSExceptionLog are
the sandbox's own reduction of tables that are more in GP.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

EMPTY_DATE = date(1900, 1, 1)
EMPTY_INSTANT = datetime(1900, 1, 1)
MONEY_PLACES = 5
RATE_PLACES = 7

Row = dict[str, Any]
"""One table row: str, int, Decimal, date or naive UTC datetime by column name."""


@dataclass(frozen=True)
class Column:
    """One column; ``length`` only for text."""

    name: str
    kind: str
    length: int = 0

    @property
    def empty(self) -> Any:
        """What GP stores where nothing was given."""
        return {"c": "", "i": 0, "m": Decimal(0), "r": Decimal(0), "d": EMPTY_DATE, "t": EMPTY_INSTANT}[self.kind]

    def stored(self, value: Any) -> str | int:
        """As SQLite keeps it: money and rates as scaled integers, so that comparisons are exact."""
        match self.kind:
            case "c":
                return str(value).rstrip()
            case "i":
                return int(value)
            case "m":
                return int(Decimal(value).scaleb(MONEY_PLACES))
            case "r":
                return int(Decimal(value).scaleb(RATE_PLACES))
            case "d":
                return str(value.isoformat())
            case _:
                return str(value.isoformat(sep=" ", timespec="milliseconds"))

    def loaded(self, value: Any) -> Any:
        """Back from SQLite."""
        match self.kind:
            case "m":
                return Decimal(value).scaleb(-MONEY_PLACES)
            case "r":
                return Decimal(value).scaleb(-RATE_PLACES)
            case "d":
                return date.fromisoformat(value)
            case "t":
                return datetime.fromisoformat(value)
            case _:
                return value


@dataclass(frozen=True)
class Table:
    """A table with its primary key, in the key's order."""

    name: str
    key: tuple[str, ...]
    columns: dict[str, Column]

    @cached_property
    def selection(self) -> str:
        """All columns, as a SELECT names them."""
        return ", ".join(f'"{name}"' for name in self.columns)

    @cached_property
    def order(self) -> str:
        """The key, as an ORDER BY names it."""
        return ", ".join(f'"{name}"' for name in self.key)

    @property
    def stamped(self) -> bool:
        """Whether GP keeps the time of the last change (sources.md GP §2, change detection)."""
        return "DEX_ROW_TS" in self.columns


def _table(name: str, key: str, *columns: str) -> Table:
    parsed = {}
    for word in " ".join(columns).split():
        column, kind = word.split(":")
        parsed[column] = Column(column, "c", int(kind)) if kind.isdigit() else Column(column, kind)
    return Table(name, tuple(key.split()), parsed)


_ADDRESS = (
    "CNTCPRSN:61 ADDRESS1:61 ADDRESS2:61 ADDRESS3:61 CITY:35 STATE:29 ZIP:11 COUNTRY:61 CCode:7"
    " PHONE1:21 PHONE2:21 PHONE3:21 FAX:21"
)
_SOP_HEADER = (
    "SOPTYPE:i SOPNUMBE:21 ORIGTYPE:i ORIGNUMB:21 MSTRNUMB:i DOCID:15 DOCDATE:d GLPOSTDT:d ORDRDATE:d INVODATE:d"
    " RETUDATE:d DUEDATE:d CUSTNMBR:15 CUSTNAME:65 CSTPONBR:21 BACHNUMB:15 BCHSOURC:15 PYMTRMID:21 PRBTADCD:15"
    " PRSTADCD:15 LOCNCODE:11 SHIPMTHD:15 TAXSCHID:15 FRTSCHID:15 MSCSCHID:15 CNTCPRSN:61 ShipToName:65 ADDRESS1:61"
    " ADDRESS2:61 ADDRESS3:61 CITY:35 STATE:29 ZIPCODE:11 COUNTRY:61 PHNUMBR1:21 REFRENCE:31 COMMNTID:15"
    " SUBTOTAL:m ORSUBTOT:m FRTAMNT:m ORFRTAMT:m MISCAMNT:m ORMISCAMT:m TAXAMNT:m ORTAXAMT:m FRTTXAMT:m ORFRTTAX:m"
    " MSCTXAMT:m ORMSCTAX:m TRDISAMT:m ORTDISAM:m DOCAMNT:m ORDOCAMT:m SLPRSNID:15 SALSTERR:15 CURNCYID:15 RATETPID:15"
    " XCHGRATE:r RTCLCMTD:i EXCHDATE:d VOIDSTTS:i PSTGSTUS:i POSTEDDT:d TRXSORCE:13 CREATDDT:d MODIFDT:d DEX_ROW_TS:t"
)
_SOP_LINE = (
    "SOPTYPE:i SOPNUMBE:21 LNITMSEQ:i CMPNTSEQ:i ITEMNMBR:31 ITEMDESC:101 NONINVEN:i UOFM:9 LOCNCODE:11 UNITCOST:m"
    " ORUNTCST:m UNITPRCE:m ORUNTPRC:m XTNDPRCE:m OXTNDPRC:m MRKDNAMT:m ORMRKDAM:m QUANTITY:m QTYPRINV:m QTYCANCE:m"
    " QTYTBAOR:m QTYONHND:m QTYRTRND:m QTYINUSE:m QTYINSVC:m QTYDMGED:m TAXAMNT:m ORTAXAMT:m TAXSCHID:15 ITMTSHID:15"
    " IVITMTXB:i SLSINDX:i RTNSINDX:i INVINDX:i CSLSINDX:i CURRNIDX:i ReqShipDate:d DEX_ROW_TS:t"
)
_INTEGRATION = "INTEGRATIONSOURCE:i INTEGRATIONID:31"
_RM_WORK = (
    "RMDTYPAL:i DOCNUMBR:21 RMDNUMWK:17 CUSTNMBR:15 DOCDATE:d GLPOSTDT:d BACHNUMB:15 BCHSOURC:15 DOCDESCR:31"
    " CSTPONBR:21 SLSAMNT:m FRTAMNT:m MISCAMNT:m TAXAMNT:m TRDISAMT:m DOCAMNT:m PYMTRMID:21 DUEDATE:d CURNCYID:15"
    " POSTEDDT:d DEX_ROW_TS:t"
)
# a payment's checkbook lies in MSCSCHID and its card in FRTSCHID
_RM_POSTED = (
    "RMDTYPAL:i DOCNUMBR:21 CUSTNMBR:15 DOCDATE:d GLPOSTDT:d BACHNUMB:15 BCHSOURC:15 TRXDSCRN:31 CSPORNBR:21"
    " CHEKNMBR:21 CSHRCTYP:i FRTSCHID:15 MSCSCHID:15 SLSAMNT:m FRTAMNT:m MISCAMNT:m TAXAMNT:m TRDISAMT:m ORTRXAMT:m"
    " CURTRXAM:m PYMTRMID:21 DUEDATE:d CURNCYID:15 VOIDSTTS:i VOIDDATE:d TRXSORCE:13 POSTDATE:d DEX_ROW_TS:t"
)
_RM_APPLY = (
    "CUSTNMBR:15 APTODCNM:21 APTODCTY:i APFRDCNM:21 APFRDCTY:i DATE1:d GLPOSTDT:d CURNCYID:15 APPTOAMT:m ORAPTOAM:m"
    " DISTKNAM:m WROFAMNT:m ORWROFAM:m RLGANLOS:m POSTED:i"
)

_PM_DOCUMENT = (
    "VENDORID:15 DOCNUMBR:21 DOCTYPE:i DOCDATE:d PSTGDATE:d DUEDATE:d BACHNUMB:15 BCHSOURC:15 TRXDSCRN:31 PORDNMBR:21"
    " PYMTRMID:21 TAXSCHID:15 PCHSCHID:15 PRCHAMNT:m TRDISAMT:m TAXAMNT:m FRTAMNT:m MSCCHAMT:m DOCAMNT:m CURTRXAM:m"
    " TEN99AMNT:m CURNCYID:15 POSTEDDT:d DEX_ROW_TS:t"
)
_PM_PAID = "CHEKBKID:15 CARDNAME:15 PYENTTYP:i"
_PM_APPLY = (
    "VENDORID:15 DATE1:d GLPOSTDT:d APTVCHNM:21 APTODCTY:i APTODCNM:21 VCHRNMBR:21 DOCTYPE:i APFRDCNM:21 CURNCYID:15"
    " APPLDAMT:m ORAPPAMT:m APFRMAPLYAMT:m DISTKNAM:m WROFAMNT:m RLGANLOS:m POSTED:i"
)
_PM_DISTRIBUTION = (
    "VCHRNMBR:21 DSTSQNUM:i VENDORID:15 DISTTYPE:i DistRef:31 DSTINDX:i DEBITAMT:m ORDBTAMT:m CRDTAMNT:m ORCRDAMT:m"
)
_PM_TAX = (
    "VCHRNMBR:21 TAXDTLID:15 VENDORID:15 DOCTYPE:i ACTINDX:i TAXAMNT:m ORTAXAMT:m PCTAXAMT:m FRTTXAMT:m MSCTXAMT:m"
    " TDTTXPUR:m ORTXBPUR:m"
)
_PO_HEADER = (
    "PONUMBER:17 POSTATUS:i POTYPE:i DOCDATE:d REQDATE:d PRMDATE:d VENDORID:15 VENDNAME:65 PYMTRMID:21 CONFIRM1:21"
    " TAXSCHID:15 SUBTOTAL:m ORSUBTOT:m TAXAMNT:m ORTAXAMT:m CURNCYID:15 XCHGRATE:r RATECALC:i DEX_ROW_TS:t"
)
_VENDOR_ADDRESS = (
    "VNDCNTCT:61 ADDRESS1:61 ADDRESS2:61 ADDRESS3:61 CITY:35 STATE:29 ZIPCODE:11 CCode:7 COUNTRY:61 PHNUMBR1:21"
    " PHNUMBR2:21 PHONE3:21 FAXNUMBR:21 TAXSCHID:15"
)
_GL_POSTED = (
    "JRNENTRY:i RCTRXSEQ:m SEQNUMBR:i SOURCDOC:11 REFRENCE:31 DSCRIPTN:31 TRXDATE:d TRXSORCE:13 ACTINDX:i"
    " DEBITAMT:m CRDTAMNT:m ORDBTAMT:m ORCRDAMT:m CURNCYID:15 XCHGRATE:r SERIES:i ORTRXTYP:i"
    " ORCTRNUM:21 ORDOCNUM:21 ORMSTRID:31 ORMSTRNM:65 ORGNTSRC:15 USWHPSTD:15 RTCLCMTD:i VOIDED:i Original_JE:i"
    " PERIODID:i DEX_ROW_TS:t DEX_ROW_ID:i"
)

_TABLES = (
    _table(
        "RM00101",
        "CUSTNMBR",
        "CUSTNMBR:15 CUSTNAME:65 CUSTCLAS:15 STMTNAME:65 SHRTNAME:15 ADRSCODE:15",
        _ADDRESS,
        "TAXSCHID:15 PYMTRMID:21 PRCLEVEL:11 COMMENT1:31 COMMENT2:31 CURNCYID:15 CRLMTTYP:i CRLMTAMT:m TXRGNNUM:25",
        "TAXEXMT1:25 TAXEXMT2:25 PRBTADCD:15 PRSTADCD:15 HOLD:i INACTIVE:i INTEGRATIONSOURCE:i INTEGRATIONID:31",
        "CREATDDT:d MODIFDT:d DEX_ROW_TS:t",
    ),
    _table("RM00201", "CLASSID", "CLASSID:15 CLASDSCR:31"),
    _table("PM00100", "VNDCLSID", "VNDCLSID:11 VNDCLDSC:31"),
    _table("RM00102", "CUSTNMBR ADRSCODE", "CUSTNMBR:15 ADRSCODE:15 TAXSCHID:15", _ADDRESS, "DEX_ROW_TS:t"),
    _table(
        "SY01200",
        "Master_Type Master_ID ADRSCODE",
        "Master_Type:3 Master_ID:31 ADRSCODE:15 INET1:201 INET2:201 INET3:201 INET4:201 INET5:201 INET6:201",
        "INET7:201 INET8:201 Messenger_Address:201 INETINFO:8000 EmailToAddress:8000 EmailCcAddress:8000",
        "EmailBccAddress:8000 DEX_ROW_TS:t",
    ),
    _table(
        "IV00101",
        "ITEMNMBR",
        "ITEMNMBR:31 ITEMDESC:101 ITMSHNAM:15 ITMCLSCD:11 ITEMTYPE:i UOMSCHDL:11 SELNGUOM:9 STNDCOST:m CURRCOST:m",
        "DECPLQTY:i DECPLCUR:i TAXOPTNS:i ITMTSHID:15 ALWBKORD:i INACTIVE:i IVSLSIDX:i IVSLRNIX:i IVIVINDX:i",
        "IVCOGSIX:i DEX_ROW_TS:t",
    ),
    _table("IV00102", "ITEMNMBR LOCNCODE", "ITEMNMBR:31 LOCNCODE:11 PRIMVNDR:15"),
    _table("IV40700", "LOCNCODE", "LOCNCODE:11 LOCNDSCR:31"),
    _table(
        "GL00105",
        "ACTINDX",
        "ACTINDX:i ACTNUMST:129 ACTNUMBR_1:9 ACTNUMBR_2:9 ACTNUMBR_3:9",
    ),
    _table(
        "GL00100",
        "ACTINDX",
        "ACTINDX:i ACTNUMBR_1:9 ACTNUMBR_2:9 ACTNUMBR_3:9 ACTDESCR:51 ACTALIAS:21 ACCTTYPE:i ACTIVE:i DEX_ROW_TS:t",
    ),
    _table("GL40200", "SGMTNUMB SGMNTID", "SGMTNUMB:i SGMNTID:67 DSCRIPTN:31 DEX_ROW_TS:t"),
    _table("RM00301", "SLPRSNID", "SLPRSNID:15 INACTIVE:i"),
    _table("SY01100", "PTGACDSC", "PTGACDSC:51 SERIES:i ACTINDX:i"),
    _table("CM00100", "CHEKBKID", "CHEKBKID:15 DSCRIPTN:31 CURNCYID:15 ACTINDX:i"),
    _table("SY03100", "CARDNAME", "CARDNAME:15"),
    _table("SY03300", "PYMTRMID", "PYMTRMID:21 DUEDTDS:i"),
    # 15 columns of keys in GP
    _table(
        "eConnect_Out",
        "INDEX1 DOCTYPE ACTION DATE1",
        "DOCTYPE:50 DATE1:t TABLENAME:50 INDEX1:75 ACTION:i DBNAME:50",
    ),
    _table("TX00101", "TAXSCHID", "TAXSCHID:15 TXSCHDSC:31"),
    _table("TX00102", "TAXSCHID TAXDTLID", "TAXSCHID:15 TAXDTLID:15"),
    _table("TX00201", "TAXDTLID", "TAXDTLID:15 TXDTLDSC:31 TXDTLTYP:i TXDTLPCT:m ACTINDX:i"),
    _table("MC40200", "CURNCYID", "CURNCYID:15 CURRNIDX:i CRNCYDSC:31 ISOCURRC:3 DECPLCUR:i DEX_ROW_TS:t"),
    _table("MC40300", "EXGTBLID", "EXGTBLID:15 EXGTBDSC:31 CURNCYID:15 RTCLCMTD:i"),
    _table("MC00100", "EXGTBLID EXCHDATE", "EXGTBLID:15 CURNCYID:15 EXCHDATE:d XCHGRATE:r EXPNDATE:d"),
    _table(
        "MC020102",
        "RMDTYPAL DOCNUMBR",
        "RMDTYPAL:i DOCNUMBR:21 DOCDATE:d CUSTNMBR:15 CURNCYID:15 XCHGRATE:r RTCLCMTD:i ORORGTRX:m ORCTRXAM:m",
    ),
    _table(
        "MC020103",
        "DOCTYPE VCHRNMBR",
        "DOCTYPE:i VCHRNMBR:21 DOCDATE:d VENDORID:15 CURNCYID:15 XCHGRATE:r RTCLCMTD:i ORDOCAMT:m ORCTRXAM:m",
    ),
    _table(
        "SY40100", "YEAR1 PERIODID SERIES", "YEAR1:i PERIODID:i SERIES:i CLOSED:i PERIODDT:d PERDENDT:d DEX_ROW_TS:t"
    ),
    _table("SOP40200", "SOPTYPE DOCID", "SOPTYPE:i DOCID:15 SOPNUMBE:21"),
    _table("SOP10100", "SOPTYPE SOPNUMBE", _SOP_HEADER, _INTEGRATION),
    _table("SOP10200", "SOPTYPE SOPNUMBE LNITMSEQ CMPNTSEQ", _SOP_LINE, _INTEGRATION),
    _table("SOP30200", "SOPTYPE SOPNUMBE", _SOP_HEADER),
    _table("SOP30300", "SOPTYPE SOPNUMBE LNITMSEQ CMPNTSEQ", _SOP_LINE),
    _table(
        "SOP10105",
        "SOPTYPE SOPNUMBE LNITMSEQ TAXDTLID",
        "SOPTYPE:i SOPNUMBE:21 LNITMSEQ:i TAXDTLID:15 ACTINDX:i STAXAMNT:m ORSLSTAX:m FRTTXAMT:m ORFRTTAX:m",
        "MSCTXAMT:m ORMSCTAX:m TAXDTSLS:m ORTOTSLS:m TDTTXSLS:m ORTXSLS:m",
    ),
    _table(
        "SOP10106",
        "SOPTYPE SOPNUMBE",
        "SOPTYPE:i SOPNUMBE:21 USRDAT01:d USRDAT02:d USRTAB01:21 USRTAB09:21 USRTAB03:21 USERDEF1:21 USERDEF2:21",
        "USRDEF03:21 USRDEF04:21 USRDEF05:21 CMMTTEXT:501",
    ),
    _table(
        "SOP10102",
        "SOPTYPE SOPNUMBE SEQNUMBR",
        "SOPTYPE:i SOPNUMBE:21 SEQNUMBR:i DISTTYPE:i DistRef:31 ACTINDX:i DEBITAMT:m ORDBTAMT:m CRDTAMNT:m ORCRDAMT:m",
    ),
    _table("RM10301", "RMDTYPAL DOCNUMBR", _RM_WORK),
    _table(
        "RM10201",
        "RMDTYPAL DOCNUMBR",
        "RMDTYPAL:i DOCNUMBR:21 CUSTNMBR:15 DOCDATE:d GLPOSTDT:d BACHNUMB:15 BCHSOURC:15 CHEKBKID:15 CHEKNMBR:21",
        "CSHRCTYP:i CRCARDID:15 TRXDSCRN:31 ORTRXAMT:m CURTRXAM:m CURNCYID:15",
    ),
    _table(
        "RM10101",
        "RMDTYPAL DOCNUMBR SEQNUMBR",
        "RMDTYPAL:i DOCNUMBR:21 CUSTNMBR:15 SEQNUMBR:i DISTTYPE:i DistRef:31 DSTINDX:i DEBITAMT:m ORDBTAMT:m",
        "CRDTAMNT:m ORCRDAMT:m",
    ),
    _table(
        "RM10601",
        "RMDTYPAL DOCNUMBR TAXDTLID",
        "RMDTYPAL:i DOCNUMBR:21 CUSTNMBR:15 TAXDTLID:15 ACTINDX:i TAXAMNT:m STAXAMNT:m FRTTXAMT:m TAXDTSLS:m",
    ),
    _table("RM20101", "RMDTYPAL DOCNUMBR", _RM_POSTED),
    _table("RM30101", "RMDTYPAL DOCNUMBR", _RM_POSTED),
    _table("RM20201", "APTODCNM APFRDCNM APTODCTY APFRDCTY", _RM_APPLY),
    _table("RM30201", "APTODCNM APFRDCNM APTODCTY APFRDCTY", _RM_APPLY),
    _table(
        "PM00200",
        "VENDORID",
        "VENDORID:15 VENDNAME:65 VENDSHNM:15 VNDCHKNM:65 VNDCLSID:11 VADDCDPR:15 VADCDPAD:15 VADCDTRO:15 VADCDSFR:15",
        _VENDOR_ADDRESS,
        "ACNMVNDR:21 COMMENT1:31 COMMENT2:31 CURNCYID:15 PYMTRMID:21 TXIDNMBR:11 TXRGNNUM:25 VENDSTTS:i HOLD:i",
        "TEN99TYPE:i CREATDDT:d MODIFDT:d DEX_ROW_TS:t",
    ),
    _table("PM00300", "VENDORID ADRSCODE", "VENDORID:15 ADRSCODE:15", _VENDOR_ADDRESS, "DEX_ROW_TS:t"),
    _table("PM10000", "VCHNUMWK", "VCHNUMWK:17", _PM_DOCUMENT),
    _table(
        "PM10400",
        "PMNTNMBR",
        "PMNTNMBR:21 VCHRNMBR:21 VENDORID:15 DOCNUMBR:21 DOCTYPE:i DOCDATE:d PSTGDATE:d BACHNUMB:15 BCHSOURC:15",
        "TRXDSCRN:31 DOCAMNT:m CURTRXAM:m CURNCYID:15",
        _PM_PAID,
    ),
    _table("PM20000", "DOCTYPE VCHRNMBR", "VCHRNMBR:21 VOIDED:i TRXSORCE:13", _PM_DOCUMENT, _PM_PAID),
    _table("PM30200", "DOCTYPE VCHRNMBR", "VCHRNMBR:21 VOIDED:i TRXSORCE:13", _PM_DOCUMENT, _PM_PAID),
    _table("PM10200", "APTVCHNM APTODCTY VCHRNMBR DOCTYPE", _PM_APPLY),
    _table("PM30300", "APTVCHNM APTODCTY VCHRNMBR DOCTYPE", _PM_APPLY),
    _table("PM10100", "VCHRNMBR DSTSQNUM", _PM_DISTRIBUTION),
    _table("PM30600", "VCHRNMBR DOCTYPE DSTSQNUM", "DOCTYPE:i", _PM_DISTRIBUTION),
    _table("PM10500", "VCHRNMBR TAXDTLID", _PM_TAX),
    _table("PM30700", "VCHRNMBR DOCTYPE TAXDTLID", _PM_TAX),
    _table("POP10100", "PONUMBER", _PO_HEADER, "HOLD:i"),
    _table("POP30100", "PONUMBER", _PO_HEADER),
    _table(
        "POP10110",
        "PONUMBER ORD",
        "PONUMBER:17 ORD:i POLNESTA:i POTYPE:i ITEMNMBR:31 ITEMDESC:101 VENDORID:15 VNDITNUM:31 VNDITDSC:101",
        "NONINVEN:i LOCNCODE:11 UOFM:9 QTYORDER:m QTYCANCE:m UNITCOST:m ORUNTCST:m EXTDCOST:m OREXTCST:m INVINDX:i",
        "REQDATE:d PRMDATE:d TAXAMNT:m ORTAXAMT:m CURNCYID:15 DEX_ROW_TS:t",
    ),
    _table(
        "POP10160",
        "PONUMBER ORD TAXDTLID",
        "PONUMBER:17 ORD:i TAXDTLID:15 VENDORID:15 ACTINDX:i ORTAXAMT:m ORTXBPUR:m",
    ),
    _table(
        "GL10000",
        "JRNENTRY",
        "JRNENTRY:i RCTRXSEQ:m BACHNUMB:15 BCHSOURC:15 REFRENCE:31 TRXDATE:d RVRSNGDT:d SOURCDOC:11 TRXTYPE:i SERIES:i",
        "CURNCYID:15 XCHGRATE:r RTCLCMTD:i USWHPSTD:15 Original_JE:i DEX_ROW_TS:t",
    ),
    _table(
        "GL10001",
        "JRNENTRY SQNCLINE",
        "JRNENTRY:i BACHNUMB:15 SQNCLINE:m ACTINDX:i DEBITAMT:m CRDTAMNT:m ORDBTAMT:m ORCRDAMT:m DSCRIPTN:31",
        "ORCTRNUM:21 ORDOCNUM:21 ORMSTRID:31 ORMSTRNM:65 ORTRXTYP:i DEX_ROW_TS:t",
    ),
    _table("GL20000", "JRNENTRY RCTRXSEQ OPENYEAR SEQNUMBR DEX_ROW_ID", "OPENYEAR:i", _GL_POSTED),
    _table("GL30000", "JRNENTRY RCTRXSEQ HSTYEAR SEQNUMBR DEX_ROW_ID", "HSTYEAR:i", _GL_POSTED),
    _table(
        "WSExceptionLog",
        "LogId",
        "LogId:36 ExceptionType:31 ObjectType:31 Message:8000 Findings:8000 UserName:61 DEX_ROW_TS:t",
    ),
    _table(
        "SY00500",
        "BACHNUMB BCHSOURC",
        "BACHNUMB:15 BCHSOURC:15 SERIES:i ORIGIN:i BCHCOMNT:61 NUMOFTRX:i BCHTOTAL:m BCHSTTUS:i MKDTOPST:i CHEKBKID:15",
        "GLPOSTDT:d CREATDDT:d",
    ),
)

TABLES = {table.name: table for table in _TABLES}

INDEXES = (
    ("SOP10100", "CSTPONBR"),
    ("SOP10100", "BACHNUMB"),
    ("SOP10100", "ORIGNUMB"),
    ("SOP30200", "CSTPONBR"),
    ("SOP30200", "ORIGNUMB"),
    ("SOP30200", "DEX_ROW_TS"),
    ("RM10201", "BACHNUMB"),
    ("RM10301", "BACHNUMB"),
    ("RM20101", "DEX_ROW_TS"),
    ("RM20101", "DOCNUMBR"),
    ("RM20201", "APFRDCNM"),
    ("RM20201", "APTODCNM"),
    ("PM10000", "BACHNUMB"),
    ("PM10000", "DOCNUMBR"),
    ("PM10400", "BACHNUMB"),
    ("PM20000", "DOCNUMBR"),
    ("GL10000", "BACHNUMB"),
    ("GL10000", "REFRENCE"),
    ("GL20000", "REFRENCE"),
    ("GL20000", "DEX_ROW_TS"),
    ("GL00105", "ACTNUMST"),
)


def create_script() -> str:
    """DDL of all tables and of the sandbox's own two (``state`` and ``sequence``), safe to run again."""
    statements = [
        "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
        "CREATE TABLE IF NOT EXISTS sequence (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
    ]
    for table in TABLES.values():
        columns = [f'"{c.name}" {_SQLITE_TYPES[c.kind]} NOT NULL' for c in table.columns.values()]
        key = ", ".join(f'"{name}"' for name in table.key)
        statements.append(
            f"CREATE TABLE IF NOT EXISTS {table.name} ({', '.join(columns)}, PRIMARY KEY ({key})) WITHOUT ROWID"
        )
    statements += [f'CREATE INDEX IF NOT EXISTS {t}_{c} ON {t} ("{c}")' for t, c in INDEXES]
    return ";\n".join(statements) + ";"


# SQL Server compares char columns without regard to case (sources.md GP §4, collation).
_SQLITE_TYPES = {
    "c": "TEXT COLLATE NOCASE",
    "d": "TEXT",
    "t": "TEXT",
    "i": "INTEGER",
    "m": "INTEGER",
    "r": "INTEGER",
}
