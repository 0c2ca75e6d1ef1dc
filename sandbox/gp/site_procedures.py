"""
A site's own Pre procedures: before a node's procedure they may change its parameters or refuse it with a code of
their own, so that GP holds something else than was sent (sources.md GP §1.1, sandbox.md eConnect 12).
"""

from __future__ import annotations

import copy
from typing import Literal

from lxml import etree
from pydantic import BaseModel, ConfigDict

from sandbox.gp.errors import NodeRefused, Refusal
from sandbox.gp.session import Session


class SiteError(BaseModel):
    """An error code the site added to taErrorCode, and the form its procedure says it in."""

    number: int
    text: str
    form: Literal["block", "unnamed", "unsigned", "free text"] = "block"


class PreProcedure(BaseModel):
    """What ``<procedure>Pre`` does: set parameters, or refuse every call with ``error``. Neither: it does nothing."""

    model_config = ConfigDict(extra="forbid")

    procedure: str
    set: dict[str, str] = {}
    error: SiteError | None = None


def install(session: Session, procedure: PreProcedure) -> None:
    """Replace the site's Pre procedure of this name."""
    installed = session.state("site_procedures") or {}
    installed[procedure.procedure] = procedure.model_dump()
    session.keep_state("site_procedures", installed)


def before_procedure(session: Session, element: etree._Element) -> etree._Element:
    """
    The node as its procedure gets it.

    :raises NodeRefused: by the site's own error.
    """
    found = (session.state("site_procedures") or {}).get(str(element.tag))
    if found is None:
        return element
    procedure = PreProcedure(**found)
    if procedure.error:
        raise NodeRefused([Refusal(procedure.error.number, procedure.error.text, form=procedure.error.form)])
    changed = copy.deepcopy(element)
    for name, value in procedure.set.items():
        child = changed.find(name)
        if child is None:
            child = etree.SubElement(changed, name)
        child.text = value
    return changed
