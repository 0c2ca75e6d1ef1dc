"""``ledgerbridge suggest-suite``: what documents that went well have in common, as a suite to accept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands.options import new_app
from commands.samples import sample_records
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.suggest.expected import expectations_of, suite_text

__all__ = ["app"]

app = new_app()


@app.command()
def suggest_suite(
    documents: Annotated[
        Path, typer.Argument(metavar="DOCUMENTS", help="Mapped documents: JSON, or a batch that a run staged.")
    ],
) -> int:
    """Print a suite that all of the documents meet; it only warns, until a person makes a rule of it."""
    records = sample_records(documents)
    found = expectations_of(records)
    if not found:
        raise ConfigurationError(
            "LB-SUG-004",
            f"{documents} has {len(records)} documents, too few to conclude anything of.",
            remedy="Give at least fifty, such as the batch of a backfill.",
        )
    print(suite_text(found, len(records)), end="")
    return 0
