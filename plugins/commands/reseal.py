"""``ledgerbridge reseal``: payloads encrypted by the newest key, so that an older one can be taken away."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import typer

from commands.database import open_payloads, payload_key, state_engine
from commands.options import By, new_app, who
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import transaction
from ledgerbridge.state.names import index_names
from ledgerbridge.state.resealing import reseal_columns, tell_resealed
from ledgerbridge.state.sealing import Sealer

__all__ = ["app"]

app = new_app()


@app.command()
def reseal(context: typer.Context, by: By = None) -> int:
    """Encrypt what lies there anew, batch by batch."""
    from operators.staging import reseal_batches  # Airflow's storage paths are slow to import

    if not Sealer(payload_key()).encrypts:
        raise ConfigurationError(
            "LB-CFG-023",
            "there is no payload key to encrypt by, expected the new one, and the one it replaces behind a comma.",
            remedy="Set LEDGERBRIDGE_PAYLOAD_KEY, or [ledgerbridge] payload_key as Airflow's variable.",
        )
    open_payloads()
    engine = state_engine(context)
    done = []
    seen: Counter[str] = Counter()
    for each in chain(reseal_columns(engine), reseal_batches()):
        done.append(each)
        seen[each.place] += each.seen
        print(
            f"{each.place}: {seen[each.place]} seen, {each.renewed} of the last {each.seen} encrypted anew", flush=True
        )
    for names in index_names(engine):
        print(f"names in {names.table}: {names.changed} of the last {names.seen} hashed anew", flush=True)
    with transaction(engine) as session:
        tell_resealed(session, done, who(by))
    lost = [name for each in done for name in each.unreadable]
    print(f"{sum(each.renewed for each in done)} encrypted anew, {len(lost)} that no key opens")
    for name in lost:
        print(f"no key opens {name}")
    return 1 if lost else 0
