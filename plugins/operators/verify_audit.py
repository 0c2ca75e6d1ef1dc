"""Verify the audit trail, and keep its head away from the database."""

from __future__ import annotations

from airflow.sdk import BaseOperator, Context, ObjectStoragePath

from ledgerbridge.audit import read_anchors, verify
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import transaction
from operators import settings

__all__ = ["VerifyAuditOperator"]


class VerifyAuditOperator(BaseOperator):
    """
    Walk the audit chain, compare it with the heads kept before, and keep its head (`[ledgerbridge] anchors_url`).

    Returns how many entries there are.
    """

    ui_color = "#f3eefb"

    def execute(self, context: Context) -> int:
        """
        Verify, then anchor.

        :raises LedgerbridgeError: an entry is not as it was written.
        """
        file = ObjectStoragePath(settings.anchors_url())
        kept = file.read_bytes() if file.exists() else b""
        with transaction(settings.state_engine()) as session:
            verdict = verify(session, read_anchors(kept.splitlines()))
        if verdict.broken is not None:
            broken = verdict.broken
            raise LedgerbridgeError(
                "LB-AUD-001",
                f"audit entry {broken.number} {broken.how}: {broken.finding}.",
                remedy="Find out who wrote to the state database; restore it from a backup that holds to the anchors.",
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(kept + verdict.head.line())
        self.log.info("entries=%d head=%s", verdict.head.number, verdict.head.hash)
        return verdict.head.number
