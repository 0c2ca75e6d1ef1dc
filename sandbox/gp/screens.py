"""
Sales documents that people have open at GP's windows: nobody else may change them until they are closed.

That procedures refuse such a document is what users report, by two numbers (sources.md GP §1.5).
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from sandbox.gp.call import Call
from sandbox.gp.session import Session

__all__ = ["Screen", "refuse_if_open", "set_screen"]

_NUMBER = "SOPNUMBE"


class Screen(BaseModel):
    """A person opens a document, or closes it."""

    model_config = ConfigDict(extra="forbid")

    document: str
    open: bool


def set_screen(session: Session, screen: Screen) -> list[str]:
    """Open or close it; the numbers of all that are open then."""
    others = [number for number in _open(session) if number != screen.document.upper()]
    numbers = [*others, screen.document.upper()] if screen.open else others
    session.keep_state("screens", numbers)
    return numbers


def refuse_if_open(call: Call) -> None:
    """
    Let a procedure go on only if nobody has its document open.

    :raises NodeRefused: somebody has.
    """
    if _NUMBER in call.node.fields and call[_NUMBER].upper() in _open(call.session):
        # which of the two numbers a procedure gives is unverified
        call.refuse("line_in_use" if "LNITMSEQ" in call.node.fields else "document_in_use", _NUMBER)
        call.check()


def _open(session: Session) -> list[str]:
    return session.state("screens") or []
