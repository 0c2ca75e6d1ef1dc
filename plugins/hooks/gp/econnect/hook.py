"""
Microsoft Dynamics GP through its eConnect Integration Service.

Documents land unposted in a batch; people or GP Agent post them (sources.md GP §4).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hooks.environments import EnvironmentHook
from hooks.gp.econnect.client import EConnectAddress, EConnectClient
from hooks.gp.econnect.currencies import Currencies
from hooks.gp.econnect.entities import GPEntity, Site
from hooks.gp.econnect.ledger import Account, Journal, balances
from hooks.gp.econnect.reader import TableReader
from hooks.gp.econnect.registry import ENTITIES
from ledgerbridge.entities import RawRecord, Window
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError

__all__ = ["GPEConnectHook"]

_MAX_PARALLEL = 4
_TIMEOUT_SECONDS = 120
_WSDL_PATH = "/Microsoft/Dynamics/GP/eConnect/mex?wsdl"
_COMPANY = re.compile(r"[A-Za-z0-9_]{1,15}")

_clients: dict[EConnectAddress, EConnectClient] = {}
_clients_lock = threading.Lock()


class GPEConnectHook(EnvironmentHook):
    """
    Reads and writes one GP company.

    Connection: host, port, schema (``https`` unless it says ``http``), login and password of a Windows account (HTTP
    Basic), extra ``company`` (SQL database name), ``wsdl_path``, ``data_source`` (SQL Server as the service sees it),
    ``max_parallel``, ``timeout_seconds``, ``doctypes`` (our name to the site's), ``currencies`` (ISO code to the
    site's ``id`` and ``calculation``). Documents carry ISO codes in CURNCYID, base units per foreign unit in XCHGRATE.

    :param gp_econnect_conn_id: the Airflow connection.

    Source: sources.md GP §1, §2, §4.
    """

    conn_name_attr = "gp_econnect_conn_id"
    default_conn_name = "gp_econnect_default"
    conn_type = "gp_econnect"
    hook_name = "Dynamics GP (eConnect)"

    def __init__(self, gp_econnect_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gp_econnect_conn_id = gp_econnect_conn_id

    def get_conn(self) -> EConnectClient:
        """The client of this company, one per process: the WSDL is read once."""
        return self.site().client

    def entity(self, name: str) -> GPEntity:
        """
        What can be done with an entity of GP.

        Targets: customer, item, vendor, sales_order, sales_return, cash_receipt, debit_memo, credit_memo, application,
        gl_transaction, payables_invoice, payables_credit_memo, payables_payment, receivables_void. Sources: what is
        posted as sales_invoice, sales_return, cash_receipt, receivables_document, payables_document, journal,
        journal_entry; and customer, item, vendor. Masters: customer, item, vendor, tax_detail, account (by ACTNUMST),
        account_index (by ACTINDX).

        :raises ConfigurationError: no such entity, or the connection lacks something.
        """
        if name not in ENTITIES:
            raise ConfigurationError(
                "LB-GP-024",
                f'GP by eConnect has no entity "{name}"; there are {", ".join(ENTITIES)}',
                remedy="Correct the entity's name in the flow file.",
            )
        return ENTITIES[name](self.site())

    def journal_lines(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[RawRecord]:
        """Posted journal lines changed in the window (both ends included), with ACTNUMST; amounts as text."""
        for page in Journal(self.site()).read(Window(since, until)):
            yield from page

    def balances(self, on: date) -> dict[str, Decimal]:
        """
        Each account's balance at the end of that day by ACTNUMST, without those that count pieces.

        :raises ConfigurationError: the year before is not closed, so that this one does not say what it began with.
        """
        return balances(self.site(), on)

    def clock(self) -> datetime:
        """The GP server's time now, aware UTC."""
        return self.get_conn().server_time()

    def test_connection(self) -> tuple[bool, str]:
        """Reads the WSDL and one account of the company."""
        try:
            Account(self.site()).lookup(["0"])
        except LedgerbridgeError as error:
            return False, str(error)
        return True, "eConnect answers and opens the company"

    def site(self) -> Site:
        """
        The company as this connection reaches it.

        :raises ConfigurationError: the connection lacks something.
        """
        connection = self.get_connection(self.gp_econnect_conn_id)
        extra = connection.extra_dejson
        address = self._address(connection, extra)
        with _clients_lock:
            client = _clients.setdefault(address, EConnectClient(address))
        return Site(
            client=client,
            reader=TableReader(client, extra.get("doctypes") or {}),
            company=address.company,
            currencies=Currencies(extra.get("currencies") or {}),
            max_parallel=int(extra.get("max_parallel") or _MAX_PARALLEL),
        )

    def _address(self, connection: Any, extra: dict[str, Any]) -> EConnectAddress:
        company = str(extra.get("company") or "")
        if not connection.host:
            raise self._unset("host", "nothing")
        if not _COMPANY.fullmatch(company):
            raise self._unset("extra `company`", f"{company!r}")
        port = f":{connection.port}" if connection.port else ""
        return EConnectAddress(
            base_url=f"{connection.schema or 'https'}://{connection.host}{port}",
            wsdl_path=str(extra.get("wsdl_path") or _WSDL_PATH),
            login=connection.login or "",
            password=connection.password or "",
            company=company,
            data_source=str(extra.get("data_source") or "localhost"),
            timeout_seconds=float(extra.get("timeout_seconds") or _TIMEOUT_SECONDS),
        )

    def _unset(self, what: str, found: str) -> ConfigurationError:
        return ConfigurationError(
            "LB-GP-003",
            f'connection "{self.gp_econnect_conn_id}" has {found} as {what}',
            remedy="Set the host of the eConnect service and the extra `company`, a SQL database name such as TWO.",
        )
