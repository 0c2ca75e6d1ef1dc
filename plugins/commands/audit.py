"""``ledgerbridge audit``: is the trail whole, its head to keep elsewhere, and the key that signs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from commands.database import signing_key, state_engine
from commands.options import By, new_app, who
from ledgerbridge.audit import Anchor, read_anchors
from ledgerbridge.audit import verify as verified
from ledgerbridge.audit.anchors import signed_head
from ledgerbridge.audit.chain import Actor, begin_signing
from ledgerbridge.audit.evidence import key_page
from ledgerbridge.audit.verify import Verdict
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.signing import PublicKeys, Signer, new_key

__all__ = ["app"]

app = new_app()


@app.command()
def verify(
    context: typer.Context,
    anchors: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="The folder or URL of all anchors: one that is missing is a fault; or a file with some of them, kept"
            " by a person; default: `[ledgerbridge] anchors_url`.",
        ),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PUBLIC",
            help="Whose signatures count, as `audit key` tells it; default: the signing key set here.",
        ),
    ] = None,
) -> int:
    """Walk the chain, compare the tables; name the first thing at fault."""
    keys = PublicKeys(key) if key else None
    # whether the chain tells of anchors is no question to ask of it: one that was cut tells of none
    place = anchors or _own_place()
    kept, complete = _anchors(place)  # before the snapshot: a head noted since would be none of its
    with snapshot(state_engine(context)) as session:
        verdict = verified(session, kept, keys, stamps=_stamps() if complete else None, complete=complete)
    if verdict.broken is not None:
        print(f"{verdict.broken.code} {verdict.broken}. Whole up to entry {verdict.head.number}. Anchors: {place}")
        return 1
    told = [
        f"{verdict.head.number} entries, the chain is whole",
        _signed(verdict, keys or Signer(signing_key()).public),
    ]
    told.append(f"{len(kept)} anchors hold" if kept else "without anchors a missing end is not seen")
    print(f"{'; '.join(told)}. Head: {verdict.head.hash}")
    return 0


def _anchors(place: str) -> tuple[list[Anchor], bool]:
    """The anchors of a place, and whether it is one that has to have all."""
    if "://" not in place and Path(place).is_file():
        return read_anchors(Path(place).read_bytes().splitlines()), False
    from operators.anchors import kept_anchors  # Airflow's storage paths are slow to import

    return kept_anchors(place if "://" in place else Path(place).resolve().as_uri()), True


def _own_place() -> str:
    from operators.settings import anchors_url  # as slow

    return anchors_url()


def _stamps() -> Any:
    from operators.settings import time_stamps  # as slow

    return time_stamps()


def _signed(verdict: Verdict, keys: PublicKeys) -> str:
    if not verdict.signed:
        return "its head is not signed, so that whoever owns the database could have made all of it"
    return "its head is signed" if keys else "its head is signed, by whom is not known: give --key"


@app.command()
def anchor(context: typer.Context) -> int:
    """Print the head of the chain, to be kept away from the database."""
    with transaction(state_engine(context)) as session:
        sys.stdout.write(signed_head(session).line().decode())
    return 0


@app.command()
def key(
    new: Annotated[bool, typer.Option("--new", help="Make a private key for `signing_key` and print it.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the page there.")] = None,
) -> int:
    """Print the page with the public key, to be published; or make a key."""
    if new:
        print(new_key())
        return 0
    public = Signer(signing_key()).public
    if not public:
        raise ConfigurationError(
            "LB-AUD-007",
            "there is no signing key here, so that nothing can be published.",
            remedy="Set [ledgerbridge] signing_key (for commands LEDGERBRIDGE_SIGNING_KEY); `ledgerbridge audit key"
            " --new` makes one.",
        )
    page = key_page(public.known)
    if out:
        out.write_text(page)
        print(f"{out}: publish it where those who get evidence packs find it without you")
    else:
        sys.stdout.write(page)
    return 0


@app.command()
def sign(context: typer.Context, by: By = None) -> int:
    """Once, when a key is new: sign a chain that was written without one."""
    person = who(by)
    with transaction(state_engine(context)) as session:
        begin_signing(session, Actor("", "", "", "ledgerbridge audit sign"), person)
        head = signed_head(session)
    print(f"signed from entry {head.number} on by {person}")
    return 0
