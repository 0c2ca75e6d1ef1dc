"""Promotion: a bundle that was offered is checked, approved by another person, and live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import BaseOperator, Context, Param
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.hitl import HITLUser

from hooks.state_database import signing_key
from ledgerbridge.audit import Actor
from ledgerbridge.drafts.bundle import changed_files, files_in
from ledgerbridge.drafts.promotions import apply, asked_of, bundle_of, decide, note_checks, promotion
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.models import Promotion
from ledgerbridge.state.signing import Signer
from operators import settings

__all__ = ["PROMOTE_PARAMS", "ApplyBundleOperator", "ApproveBundleOperator", "CheckBundleOperator"]

PROMOTE_PARAMS = {
    "promotion": Param(1, type="integer", minimum=1, title="Bundle", description_md="The number it was offered as."),
    "days": Param(7, type="integer", minimum=1, title="Days", description_md="How many recorded days it is tried on."),
}
"""The form of a run."""
_SHOWN = 40
"""Lines of a list that whoever approves is shown here; the console shows all."""


def _actor(operator: BaseOperator, context: Context) -> Actor:
    return Actor("", "", str(context["run_id"]), operator.task_id)


class CheckBundleOperator(BaseOperator):
    """Verify a bundle, check it for every company here, and try it on the last days; what is found is kept."""

    ui_color = "#e8f1f8"

    def execute(self, context: Context) -> None:
        """
        Check; nobody is asked about a bundle that does not hold.

        :raises AirflowFailException: it is not what was signed, or something is wrong with it.
        """
        from operators.bundle_checks import check_here  # loads what DAG files do without

        number, engine = int(context["params"]["promotion"]), settings.state_engine()
        files = files_in(settings.include_folder())
        try:
            with snapshot(engine) as session:
                bundle = bundle_of(promotion(session, number), settings.bundle_keys())
            problems, tried = check_here(bundle, int(context["params"]["days"]))
            with transaction(engine) as session:
                note_checks(session, _actor(self, context), number, files, problems, tried)
        except LedgerbridgeError as error:
            raise AirflowFailException(str(error)) from error
        for problem in problems:
            self.log.error(problem)
        if problems:
            raise AirflowFailException(f"bundle {number}: {len(problems)} problems, nothing is changed: {problems[0]}")


class ApproveBundleOperator(ApprovalOperator):
    """
    Ask whether a checked bundle may be live, with what it changes and would have changed.

    Asked are those who may approve bundles here, by Airflow itself, or whoever may edit the DAG where nobody is named;
    whoever packed or offered it approves nothing. What counts is what the state database keeps of the answer: marking
    this task as done by hand lets nothing on.
    """

    template_fields = ()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(subject="May this bundle be live?", **kwargs)

    def execute(self, context: Context) -> Any:
        """
        Ask, unless it was said already.

        :raises AirflowFailException: all who may approve packed or offered it.
        """
        number = int(context["params"]["promotion"])
        with snapshot(settings.state_engine()) as session:
            row = promotion(session, number)
            if row.state != "checked":
                self.log.info("bundle %d is %s: nobody is asked", number, row.state)
                return None
            # a run that is cleared asks those who may approve then
            try:
                asked = asked_of(row, settings.bundle_approvers())
            except LedgerbridgeError as error:
                raise AirflowFailException(str(error)) from error
            self.assigned_users = [HITLUser(id=each, name=name) for each, name in asked.items()] or None
            self.subject = f"May bundle {number} of {row.packed_by} be live?"
            self.body = _as_asked(row)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """
        Keep who said what.

        :raises AirflowFailException: they may not; clear this task, and it is asked anew.
        """
        answered = super().execute_complete(context, event)
        user = answered["responded_by_user"] or {}
        names = [str(user.get(each) or "") for each in ("id", "name")]
        by = str(user.get("name") or user.get("id") or "somebody")
        number, approved = int(context["params"]["promotion"]), answered["chosen_options"] == [self.APPROVE]
        try:
            with transaction(settings.state_engine()) as session:
                decide(
                    session, _actor(self, context), number, names, by, approved=approved,
                    approvers=settings.bundle_approvers(),
                )  # fmt: skip
        except LedgerbridgeError as error:
            raise AirflowFailException(str(error)) from error
        return answered


class ApplyBundleOperator(BaseOperator):
    """Let the include folder have an approved bundle's files; of one that nobody approved nothing becomes live."""

    ui_color = "#eef8f0"

    def execute(self, context: Context) -> None:
        """
        Write them, also where an earlier try was broken off.

        :raises AirflowFailException: nobody approved it, or the files are others than those it was compared with.
        """
        number = int(context["params"]["promotion"])
        try:
            anew = apply(
                settings.state_engine(), _actor(self, context), settings.include_folder(), number,
                settings.bundle_keys(), Signer(signing_key()),
            )  # fmt: skip
        except LedgerbridgeError as error:
            raise AirflowFailException(str(error)) from error
        self.log.info("bundle %d %s", number, "is live" if anew else "was live already")


def _as_asked(row: Promotion) -> str:
    """What whoever approves reads, as Markdown."""
    here = files_in(settings.include_folder())
    changes = changed_files(here, bundle_of(row, settings.bundle_keys()).files)
    of = f" in {row.environment}" if row.environment else ""
    lines = [
        f"Packed by {row.packed_by}{of} at {row.packed_at:%Y-%m-%d %H:%M} UTC, offered by {row.offered_by}."
        f" SHA-256 `{row.sha256}`. Its checks hold here.",
        "",
        "| file | |",
        "| --- | --- |",
        *(f"| {name} | {how} |" for name, how in list(changes.items())[:_SHOWN]),
    ]
    if len(changes) > _SHOWN:
        lines.append(f"| … {len(changes) - _SHOWN} more, in the console | |")
    return "\n".join([*lines, "", *_tried(row.tried or {})])


def _tried(tried: Mapping[str, Any]) -> list[str]:
    lines = [f"What it would have changed over the last {tried.get('days')} days:", ""]
    for leg in tried.get("legs", []):
        lines.append(
            f"- **{leg['leg']}** → {leg['entity']}: {leg['records']} records, {leg['before']} → {leg['after']} made"
            f", {leg['changed']} others; {leg['newly_refused']} newly refused"
        )
        for each in leg["refusals"]:
            lines.append(f"    - refused {each['count']} × {each['code']} at {each['field']}")
        for each in [*leg["accounts"], *leg["totals"]]:
            of = f"{each['role'] or 'no role'} {each['account']}" if "account" in each else "all"
            lines.append(f"    - {of}: {each['field']} {each['currency']} {each['before']} → {each['after']}")
    effects = tried.get("effects", ())
    several = len({each["company"] for each in effects}) > 1
    for each in effects:
        ledger = f"{each['company']}: {each['ledger']}" if several else each["ledger"]
        of = f"{each['role'] or 'no role'} {each['account']}"
        debit, credit = (f"{side} {each[f'{side}_before']} → {each[f'{side}_after']}" for side in ("debit", "credit"))
        lines.append(f"- **{ledger}** {of}: {debit}, {credit} {each['currency']}".rstrip())
    lines += [f"- **{leg}** is not shown: {why}" for leg, why in tried.get("not_shown", {}).items()]
    if not tried.get("legs") and not tried.get("not_shown"):
        return [f"Over the last {tried.get('days')} days no leg would have made anything else."]
    return lines
