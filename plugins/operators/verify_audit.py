"""Verify the audit trail, and keep its head away from the database."""

from __future__ import annotations

from dataclasses import replace

import requests
from airflow.sdk import BaseOperator, Context

from ledgerbridge.audit import Actor, Anchor, verify
from ledgerbridge.audit.anchors import next_anchor, tell_anchor
from ledgerbridge.audit.timestamps import kept_answer, request_for
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError, TransientError
from ledgerbridge.state import snapshot, transaction
from notifications.alerts import send
from operators import settings
from operators.anchors import keep_anchor, kept_anchors

__all__ = ["VerifyAuditOperator"]

_TIMEOUT_SECONDS = 30


class VerifyAuditOperator(BaseOperator):
    """
    Walk the audit chain, compare it with the anchors kept before and the tables with it, and keep its head.

    Returns how many entries there are.
    """

    ui_color = "#f3eefb"

    def execute(self, context: Context) -> int:
        """
        Verify, then anchor.

        :raises LedgerbridgeError: an entry, an anchor or a row is not as it was written, or missing.
        """
        url, engine = settings.anchors_url(), settings.state_engine()
        kept = kept_anchors(url)
        with snapshot(engine) as session:  # flows go on meanwhile
            verdict = verify(session, kept, stamps=settings.time_stamps(), complete=True)
            anchor = next_anchor(session, kept)
        if verdict.broken is not None:
            raise LedgerbridgeError(
                verdict.broken.code,
                f"{verdict.broken}.",
                remedy="Find out who wrote to the state database or the anchors; restore what holds to the others.",
            )
        anchor = self._stamped(anchor)
        # an anchor that is kept and not told is no fault, one that is told and not kept is
        keep_anchor(url, anchor)
        actor = Actor("", "", str(context["run_id"]), self.task_id)
        with transaction(engine) as session:
            for each in [*kept, anchor]:  # one before it too, whose worker was killed here
                if each.position is not None and each.position > verdict.anchors:
                    tell_anchor(session, actor, each)
        self._send(anchor)
        signed = "signed" if anchor.signature else "not signed: set [ledgerbridge] signing_key"
        self.log.info("entries=%d head=%s anchor=%s %s", anchor.number, anchor.hash, anchor.position, signed)
        return verdict.head.number

    def _stamped(self, anchor: Anchor) -> Anchor:
        url, stamps = settings.timestamp_url(), settings.time_stamps()
        if not url or stamps is None:
            return anchor
        stamped = replace(anchor, timestamp=kept_answer(_answer(url, request_for(anchor.stamped_text()))))
        fault = stamps.fault(anchor.stamped_text(), str(stamped.timestamp), anchor.at)
        if fault is not None:
            raise ConfigurationError(
                "LB-AUD-009",
                f"the time stamp from {url} does not hold: {fault}.",
                remedy="Let [ledgerbridge] timestamp_roots name the roots of the authority at timestamp_url.",
            )
        return stamped

    def _send(self, anchor: Anchor) -> None:
        connection = settings.anchors_to()
        title = f"Ledgerbridge: anchor {anchor.position} of the audit"
        if connection and not send(connection, title, anchor.line().decode()):
            raise TransientError(
                "LB-AUD-010",
                f"anchor {anchor.position} reached nobody of connection {connection}; it is kept at"
                f" {settings.anchors_url()}.",
                remedy="Mend the connection, then run the DAG verify_audit: it sends a new anchor.",
            )


def _answer(url: str, request: bytes) -> bytes:
    """
    What an authority answers.

    :raises TransientError: nothing.
    """
    headers = {"Content-Type": "application/timestamp-query"}
    try:
        answer = requests.post(url, data=request, headers=headers, timeout=_TIMEOUT_SECONDS)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise TransientError(
            "LB-AUD-010",
            f"{url} gave no time stamp: {type(error).__name__}.",
            remedy="The task tries again; if it stays so, ask the authority, or unset [ledgerbridge] timestamp_url.",
        ) from error
    return answer.content
