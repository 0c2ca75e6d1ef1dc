"""Microsoft Dynamics GP, a ledger: all that is to be known of it (docs/reference/dynamics_gp.md)."""

from __future__ import annotations

from ledgerbridge.systems import ConnectionForm, System, addresses, number, text

__all__ = ["SYSTEM"]

_ECONNECT = "hooks.gp.econnect.hook:GPEConnectHook"
_LABELS = {"schema": "https, or http", "login": "Windows user", "password": "Password"}

SYSTEM = System(
    name="gp",
    hook=_ECONNECT,
    entities="hooks.gp.econnect.registry:ENTITIES",
    target_fields="hooks.gp.econnect.registry:target_fields",
    described="hooks.gp.econnect.described:described",
    books="hooks.gp.books:GPBooks",
    effects="hooks.gp.effects:effect_of",
    gateway_fields={"checkbook": "GP checkbook on its clearing account (CHEKBKID)."},
    forms=(
        ConnectionForm(
            type="gp_econnect",
            title="Dynamics GP (eConnect)",
            hook=_ECONNECT,
            labels=_LABELS,
            examples={"schema": "https", "login": "DOMAIN\\user"},
            extra={
                "company": text("Company database", "SQL database of the company (INTERID), for example TWO."),
                "wsdl_path": text("WSDL path", "Default /Microsoft/Dynamics/GP/eConnect/mex?wsdl."),
                "data_source": text("SQL Server", "As the eConnect service sees it; default localhost."),
                "max_parallel": number(
                    "Calls at once", "How many documents are written side by side; default 4.", minimum=1
                ),
                "timeout_seconds": number("Time-out", "Seconds to wait for an answer.", minimum=1),
                **addresses("sales_order https://gp.example.com/orders/{number}"),
            },
        ),
        ConnectionForm(
            type="gp_web_services",
            title="Dynamics GP (Web Services)",
            hook="hooks.gp.web_services.hook:GPWebServicesHook",
            labels=_LABELS,
            examples={"port": "48620", "login": "DOMAIN\\user"},
            extra={"company_id": number("Company id", "Number of the company (SY01500); -1 is the sample company.")},
        ),
    ),
)
