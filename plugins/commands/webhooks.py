"""``ledgerbridge webhooks``: the receiver as a process of its own, for a network that others may reach."""

from __future__ import annotations

import gc
import os
from functools import cache
from typing import Annotated

import typer

from commands.database import state_engine
from commands.options import new_app

__all__ = ["app"]

app = new_app()

_PORT = 8915


@app.callback()
def webhooks() -> None:
    """What shops, gateways and ledgers tell by themselves."""


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen at; behind a proxy that speaks TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at.")] = _PORT,
) -> int:
    """Receive webhooks until it is ended; it needs the state database, companies and connections, and no Airflow."""
    import uvicorn
    from fastapi import FastAPI

    from inbox.addresses import Addresses
    from inbox.app import PREFIX, create_app

    # like `airflow connections test`, for connections that lie in Airflow's own database
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    served, addresses = FastAPI(docs_url=None, redoc_url=None, openapi_url=None), Addresses()
    served.mount(PREFIX, create_app(cache(lambda: state_engine(context)), addresses))
    addresses.look_up()
    # looking through the 270,000 objects of all modules takes Python 160 to 220 ms, in which nobody is answered
    gc.collect()
    gc.freeze()
    print(f"Webhooks of a connection come to http://{host}:{port}{PREFIX}/<connection>", flush=True)
    uvicorn.run(
        served, host=host, port=port, access_log=False, server_header=False, log_level="warning", lifespan="off"
    )
    return 0
