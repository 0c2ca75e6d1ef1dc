"""
What the links of a task lead to: its batch, dead letters, documents, Data Docs, and the reconciliation of its run.

A page is open to whoever may read the DAG of its flow. Values (payloads, names, amounts, what a rule found) are shown
to those who may edit the DAG; others see keys, fields, counts and remedies. All pages ask ``may_see_values``.
"""

from __future__ import annotations

import hmac
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlunsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.dag import DagModel
from fastapi import Depends, FastAPI, Form, HTTPException, Query, Request
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader
from starlette.exceptions import HTTPException as AnyHTTPException

from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import FlowConfig, flow_of, stage_of
from ledgerbridge.state.reconciliations import kept_result
from ledgerbridge.yaml_files import load_file
from operators import settings
from operators.page_links import airflow_prefix, leg_address, masters_address
from operators.staging import STEPS, batch_uri, leg_uri, read_validations, validations_uri
from pages import state
from pages.batches import preview
from pages.data_docs import render_validations
from pages.masters import LISTS, Masters, answer, asked, form_token, masters_of

__all__ = ["app"]

ROWS = 100
HEADERS = {
    # Nothing of a page runs, leads away by itself or is fetched from elsewhere: what a shop's customer typed is only
    # ever text. `sandbox` is what stops a `meta refresh`.
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
FORM_HEADERS = {
    # a page with forms of ours: they may be sent, to this host alone, with the session's cookie
    **HEADERS,
    "Content-Security-Policy": HEADERS["Content-Security-Policy"]
    .replace("sandbox;", "sandbox allow-forms allow-same-origin;")
    .replace("form-action 'none'", "form-action 'self'"),
}
# No name begins with a dot: one that did could lead out of its flow's folder.
_NAME = InPath(pattern=r"^[\w~:+-][\w.~:+-]*$", max_length=250)
Name = Annotated[str, _NAME]
# Databases count in 64 bits, with the page's own rows.
Offset = Annotated[int, Query(ge=0, le=2**63 - 1 - ROWS)]

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
app = FastAPI(title="Ledgerbridge", docs_url=None, redoc_url=None, openapi_url=None)


def may_see_values(dag_id: Name, user: GetUserDep) -> bool:
    """Whether the user may edit the DAG, and so see the values of its records."""
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    return bool(get_auth_manager().is_authorized_dag(method="PUT", details=details, user=user))


def leg_of_dag(dag_id: Name, leg: Name) -> str:
    """A leg of the stage that the DAG is: who may read one stage sees nothing of another."""
    config, stage = _flow(dag_id), stage_of(dag_id)
    if config is not None and stage in config.stages and leg not in config.of_stage(stage):
        raise HTTPException(HTTPStatus.NOT_FOUND, f"The DAG {dag_id} has no leg {leg}.")
    return leg


def _flow(dag_id: str) -> FlowConfig | None:
    """The flow that a DAG is a stage of; None of one that people wrote by hand."""
    path = settings.include_folder() / "flows" / f"{flow_of(dag_id)}.yaml"
    if not path.exists():
        return None
    config, _ = load_file(path, FlowConfig, code="LB-CFG-003")
    return config


MayRead = Depends(requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE))
Values = Annotated[bool, Depends(may_see_values)]
Leg = Annotated[str, Depends(leg_of_dag)]
LEG = "/dags/{dag_id}/runs/{run_id}/legs/{leg}"


@app.get(LEG + "/batch/{step}", dependencies=[MayRead], response_class=HTMLResponse)
def show_batch(request: Request, dag_id: Name, run_id: Name, leg: Leg, step: Name, values: Values) -> Response:
    """How much a step staged, where it lies, its fields, and its first rows."""
    if step not in STEPS:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"No step of a leg leaves a batch {step!r}.")
    named = (state.company_key(dag_id), flow_of(dag_id), run_id, leg)
    uris = [batch_uri(*named, folder) for folder in STEPS[step]]
    with state.session(dag_id) as session:
        balance = state.balance(session, flow_of(dag_id), leg, run_id)
        batches = state.batches(session, uris)
    return _page(
        request, "batch.html", f"Batch of {step}",
        uri=leg_uri(*named), parts=preview(batches, with_values=values),
        balance=balance, values=values,
    )  # fmt: skip


@app.get(LEG + "/dead-letters", dependencies=[MayRead], response_class=HTMLResponse)
def show_dead_letters(
    request: Request, dag_id: Name, run_id: Name, leg: Leg, values: Values, offset: Offset = 0
) -> Response:
    """The records of the run that can't go on, each with field, value, message and remedy."""
    with state.session(dag_id) as session:
        letters, total = state.dead_letters(session, flow_of(dag_id), leg, run_id, offset, ROWS)
    return _page(
        request, "dead_letters.html", "Dead letters",
        letters=letters, total=total, offset=offset, rows=ROWS, values=values,
    )  # fmt: skip


@app.get(LEG + "/documents", dependencies=[MayRead], response_class=HTMLResponse)
def show_documents(
    request: Request, dag_id: Name, run_id: Name, leg: Leg, values: Values, offset: Offset = 0
) -> Response:
    """The documents the run delivered, with number, id and state in the target."""
    with state.session(dag_id) as session:
        documents, total = state.documents(session, flow_of(dag_id), leg, run_id, offset, ROWS)
        balance = state.balance(session, flow_of(dag_id), leg, run_id)
    return _page(
        request, "documents.html", "Documents",
        documents=documents, total=total, offset=offset, rows=ROWS, balance=balance, values=values,
    )  # fmt: skip


@app.get(LEG + "/data-docs", dependencies=[MayRead], response_class=HTMLResponse)
def show_data_docs(request: Request, dag_id: Name, run_id: Name, leg: Leg, values: Values) -> Response:
    """What the gate found, as Great Expectations' Data Docs show it."""
    with state.session(dag_id) as session:
        kept = state.batches(session, [validations_uri(state.company_key(dag_id), flow_of(dag_id), run_id, leg)])
    if not kept:
        raise HTTPException(HTTPStatus.NOT_FOUND, "The gate kept no result for this run.")
    sections = render_validations(read_validations(kept[0]), with_values=values)
    return _page(request, "data_docs.html", "Data Docs", sections=sections, values=values)


@app.get("/dags/{dag_id}/runs/{run_id}/reconciliation", dependencies=[MayRead], response_class=HTMLResponse)
def show_reconciliation(request: Request, dag_id: Name, run_id: Name, values: Values) -> Response:
    """Balances of both ledgers by role, and every difference with its reason or remedy."""
    config = _flow(dag_id)
    stage = config.stages.get(stage_of(dag_id)) if config is not None else None
    with state.session(dag_id) as session:
        result = kept_result(session, state.company_key(dag_id), flow_of(dag_id), run_id)
    if result is None or (stage is not None and not stage.reconcile):
        raise HTTPException(HTTPStatus.NOT_FOUND, "This run has kept no reconciliation.")
    return _page(request, "reconciliation.html", "Reconciliation", result=result, values=values)


@app.get("/dags/{dag_id}/masters", dependencies=[MayRead], response_class=HTMLResponse)
def show_masters(request: Request, dag_id: Name) -> Response:
    """How far the two ledgers are in step: linked, different, waiting for a person, in one of them alone."""
    company, flow = state.company_key(dag_id), flow_of(dag_id)
    with state.session(dag_id) as session:
        kinds = [(name, each, each.overview(session, company, flow, ROWS)) for name, each in _masters(dag_id).items()]
    return _page(request, "masters.html", "Masters", kinds=kinds, here=masters_address(dag_id))


@app.get("/dags/{dag_id}/masters/{kind}/records/{name}", dependencies=[MayRead], response_class=HTMLResponse)
def show_records(
    request: Request, dag_id: Name, kind: Name, name: Name, values: Values, offset: Offset = 0
) -> Response:
    """The records behind a count, with what each ledger holds where they differ."""
    masters = _masters_named(dag_id, kind)
    try:
        with state.session(dag_id) as session:
            company, flow = state.company_key(dag_id), flow_of(dag_id)
            rows, total = masters.records(session, company, flow, name, offset, ROWS)
    except LookupError:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"There is no list {name} of {kind}.") from None
    return _page(
        request, "records.html", f"{LISTS.get(name, f'Only in {name}')}: {kind}",
        masters=masters, records=rows, total=total, offset=offset, rows=ROWS, values=values, lists=LISTS,
        here=masters_address(dag_id),
    )  # fmt: skip


@app.get("/dags/{dag_id}/masters/{kind}/proposals", dependencies=[MayRead], response_class=HTMLResponse)
def show_proposals(
    request: Request, dag_id: Name, kind: Name, user: GetUserDep, values: Values, offset: Offset = 0
) -> Response:
    """Of whom a person says whether they are one, with both side by side; who may edit the DAG may answer."""
    masters = _meeting_named(dag_id, kind)
    with state.session(dag_id) as session:
        pairs, total = asked(session, state.company_key(dag_id), masters.kind, offset, ROWS)
    page = _page(
        request, "proposals.html", f"Who is who: {kind}",
        masters=masters, pairs=pairs, total=total, offset=offset, rows=ROWS, values=values,
        token=form_token(str(user.get_id()), dag_id), here=masters_address(dag_id),
    )  # fmt: skip
    page.headers.update(FORM_HEADERS)
    return page


@app.post("/dags/{dag_id}/masters/{kind}/proposals/{number}", dependencies=[MayRead])
def answer_proposal(
    dag_id: Name,
    kind: Name,
    number: Annotated[int, InPath(ge=0, le=2**31 - 1)],
    user: GetUserDep,
    values: Values,
    said: Annotated[Literal["accept", "refuse"], Form(alias="answer")],
    token: Annotated[str, Form()],
) -> Response:
    """Carry out what a person says of two records; the audit has their name."""
    masters = _meeting_named(dag_id, kind)
    if not values:
        raise HTTPException(HTTPStatus.FORBIDDEN, "Those may answer who may edit the DAG.")
    if not hmac.compare_digest(token.encode(), form_token(str(user.get_id()), dag_id).encode()):
        raise HTTPException(HTTPStatus.FORBIDDEN, "This form is not of a page of yours. Open the page again.")
    flow, company, by = flow_of(dag_id), state.company_key(dag_id), str(user.get_name())
    try:
        with state.session(dag_id) as session:
            answer(session, flow, company, masters.kind, number, by, accept=said == "accept")
    except LookupError:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"There is no proposal {number} of {kind}.") from None
    except LedgerbridgeError as error:
        raise HTTPException(HTTPStatus.CONFLICT, str(error)) from error
    return RedirectResponse(f"{masters_address(dag_id)}/{kind}/proposals", HTTPStatus.SEE_OTHER, headers=HEADERS)


def _masters(dag_id: str) -> dict[str, Masters]:
    config, stage = _flow(dag_id), stage_of(dag_id)
    return {} if config is None or stage not in config.stages else masters_of(config, stage)


def _masters_named(dag_id: str, kind: str) -> Masters:
    found = _masters(dag_id).get(kind)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"The DAG {dag_id} keeps no {kind} in step.")
    return found


def _meeting_named(dag_id: str, kind: str) -> Masters:
    found = _masters_named(dag_id, kind)
    if not found.meets:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"The DAG {dag_id} has no meeting of {kind}.")
    return found


@app.exception_handler(AnyHTTPException)
def _refuse(request: Request, error: AnyHTTPException) -> Response:
    """What is missing or not allowed, as a page; who isn't logged in is told where to."""
    login = None
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        # a path leads back to this host, whichever `Host` the request named
        path = airflow_prefix() + request.url.path.removeprefix(airflow_prefix())
        back = urlunsplit(("", "", path, request.url.query, ""))
        login = get_auth_manager().get_url_login(next_url=back)
    return _refusal(request, HTTPStatus(error.status_code), error.detail, login)


@app.exception_handler(RequestValidationError)
def _refuse_address(request: Request, error: RequestValidationError) -> Response:
    """A part of the address that no page has, told by its name alone."""
    names = ", ".join(str(each["loc"][-1]) for each in error.errors())
    return _refusal(request, HTTPStatus.UNPROCESSABLE_ENTITY, f"No page has this in its address: {names}.")


@app.exception_handler(LedgerbridgeError)
def _tell(request: Request, error: LedgerbridgeError) -> Response:
    """What this server lacks (a key, a connection, a batch), with its remedy."""
    return _refusal(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error))


def _refusal(request: Request, status: HTTPStatus, reason: str, login: str | None = None) -> Response:
    return _page(request, "refused.html", status.phrase, status=status, reason=reason, login=login)


def _page(request: Request, template: str, title: str, *, status: int = HTTPStatus.OK, **shown: Any) -> Response:
    if status == HTTPStatus.OK:
        shown |= request.path_params
    if "leg" in shown:
        shown["here"] = leg_address(shown["dag_id"], shown["run_id"], shown["leg"])
    html = _templates.get_template(template).render(title=title, airflow=airflow_prefix(), **shown)
    return HTMLResponse(html, status_code=status, headers=HEADERS)
