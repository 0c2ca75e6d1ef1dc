"""Microsoft Dynamics GP through its Web Services: master data read and written (sources.md GP §3)."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

from hooks.environments import EnvironmentHook
from hooks.gp.web_services.client import WebServicesAddress, WebServicesClient
from hooks.gp.web_services.entities import ENTITIES, MasterRecords, WritableMasterRecords
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError

__all__ = ["GPWebServicesHook"]

_MAX_PARALLEL = 4
_TIMEOUT_SECONDS = 120
_WSDL_PATH = "/Metadata/Legacy/Full/DynamicsGP.wsdl"
_PORT = 48620
_READ_ONLY = frozenset({"item"})

_clients: dict[WebServicesAddress, WebServicesClient] = {}
_clients_lock = threading.Lock()


class GPWebServicesHook(EnvironmentHook):
    """
    Reads and writes master data of one GP company.

    Connection: host, port (48620), schema (``https`` unless it says ``http``), login (``DOMAIN\\user``) and password,
    extra ``company_id`` (numeric), ``wsdl_path``, ``culture``, ``auth`` (``ntlm`` or ``basic``), ``max_parallel``,
    ``timeout_seconds``. Web Services can neither post nor apply: documents go through ``GPEConnectHook``.

    :param gp_web_services_conn_id: the Airflow connection.

    Source: sources.md GP §3.
    """

    conn_name_attr = "gp_web_services_conn_id"
    default_conn_name = "gp_web_services_default"
    conn_type = "gp_web_services"
    hook_name = "Dynamics GP (Web Services)"

    def __init__(self, gp_web_services_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gp_web_services_conn_id = gp_web_services_conn_id

    def get_conn(self) -> WebServicesClient:
        """The client of this company, one per process: the WSDL is read once."""
        address = self._address()
        with _clients_lock:
            if address not in _clients:
                _clients[address] = WebServicesClient(address)
            return _clients[address]

    def entity(self, name: str) -> MasterRecords:
        """
        Master records by kind: customer and vendor (source, master, target), item (source, master).

        :raises ConfigurationError: no such entity, or the connection lacks something.
        """
        if name not in ENTITIES:
            raise ConfigurationError(
                "LB-GP-024",
                f'GP by Web Services has no entity "{name}"; there are {", ".join(ENTITIES)}',
                remedy="Correct the entity's name in the flow file.",
            )
        kind = MasterRecords if name in _READ_ONLY else WritableMasterRecords
        extra = self.get_connection(self.gp_web_services_conn_id).extra_dejson
        return kind(
            self.get_conn(),
            name,
            company_id=self._address().company_id,
            max_parallel=int(extra.get("max_parallel") or _MAX_PARALLEL),
        )

    def clock(self) -> datetime:
        """The GP server's time now, aware UTC."""
        return self.get_conn().server_time()

    def test_connection(self) -> tuple[bool, str]:
        """Reads the WSDL and looks one customer up."""
        try:
            self.entity("customer").lookup(["0"])
        except LedgerbridgeError as error:
            return False, str(error)
        return True, "Web Services answer and open the company"

    def _address(self) -> WebServicesAddress:
        connection = self.get_connection(self.gp_web_services_conn_id)
        extra = connection.extra_dejson
        if not connection.host or "company_id" not in extra:
            raise ConfigurationError(
                "LB-GP-003",
                f'connection "{self.gp_web_services_conn_id}" lacks host or extra `company_id`',
                remedy="Set both; the id is the number in DYNAMICS..SY01500, -1 for the sample company.",
            )
        return WebServicesAddress(
            base_url=f"{connection.schema or 'https'}://{connection.host}:{connection.port or _PORT}",
            wsdl_path=str(extra.get("wsdl_path") or _WSDL_PATH),
            login=connection.login or "",
            password=connection.password or "",
            company_id=int(extra["company_id"]),
            culture=str(extra.get("culture") or "en-US"),
            auth=str(extra.get("auth") or "ntlm"),
            timeout_seconds=float(extra.get("timeout_seconds") or _TIMEOUT_SECONDS),
        )
