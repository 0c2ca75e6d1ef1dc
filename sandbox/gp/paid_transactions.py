"""Paid Transaction Removal: the routine that moves fully applied receivables to history (sources.md GP §4)."""

from __future__ import annotations

from sandbox.gp.models import Row
from sandbox.gp.originals import with_originals
from sandbox.gp.session import Session


def remove_paid(session: Session) -> int:
    """Move documents with nothing left, and the applications all of whose documents moved; how many documents."""
    settled = session.select("RM20101", CURTRXAM=0)
    paid = [document for document in settled if not with_originals(session, document)["ORCTRXAM"]]
    for document in paid:
        session.next_document()
        session.delete("RM20101", RMDTYPAL=document["RMDTYPAL"], DOCNUMBR=document["DOCNUMBR"])
        session.insert("RM30101", document)
    for application in session.select("RM20201"):
        if _moved(session, application, "APTO") and _moved(session, application, "APFR"):
            key = {name: application[name] for name in ("APTODCNM", "APFRDCNM", "APTODCTY", "APFRDCTY")}
            session.delete("RM20201", **key)
            session.insert("RM30201", application)
    return len(paid)


def _moved(session: Session, application: Row, side: str) -> bool:
    key = {"RMDTYPAL": application[f"{side}DCTY"], "DOCNUMBR": application[f"{side}DCNM"]}
    return session.get("RM30101", **key) is not None
