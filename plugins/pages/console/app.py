"""
The console's page and its API, below /ledgerbridge/console, behind Airflow's login.

What a route takes and gives is in ``models``, who may ask for it in ``access``; ``console/openapi.json`` is made of
this, and the page's client of that.
"""

from __future__ import annotations

import html
from http import HTTPStatus
from pathlib import Path
from typing import Annotated
from urllib.parse import urlunsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import AwareDatetime
from starlette.exceptions import HTTPException as AnyHTTPException

from ledgerbridge.audit.evidence import pack_name
from ledgerbridge.drafts.bundle import REFUSED
from ledgerbridge.drafts.promotions import STALE
from ledgerbridge.drafts.publish import FILE_CHANGED
from ledgerbridge.drafts.store import CHANGED
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError
from ledgerbridge.flows import company_keys
from ledgerbridge.state.letter_list import Order
from ledgerbridge.state.mending import CHANGED_MEANWHILE, Wanted
from ledgerbridge.state.work_items import TAKEN
from ledgerbridge.yaml_edits import NOT_THERE
from operators import settings
from operators.page_links import airflow_prefix
from pages.console import close, letters, sign_offs, trail, waiting, work
from pages.console import follow as follow_
from pages.console import models as shown
from pages.console.access import NO_ENGINEER, TOKEN_OF, AccessDep, FormDep
from pages.console.design.bundle_routes import routes as bundle_routes
from pages.console.design.routes import routes
from pages.console.health import health
from pages.console.payloads import payloads_of
from pages.console.rights import rights_of
from pages.console.workbook import workbook_name, workbook_of
from pages.masters import form_token

__all__ = ["app"]

BUILT = Path(__file__).parent / "built"
"""Where `make console` puts the page; nothing of it is kept in git."""
MOST_ROWS = 200
OCTETS = "application/octet-stream"
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEADERS = {
    # The page runs its own script and shows its own styles; it asks this server alone, and no other page frames it.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
NAMES_BY_CONTENT = {**HEADERS, "Cache-Control": "private, max-age=31536000, immutable"}
_NOT_BUILT = "<!doctype html><title>Console</title><p>The console is not built here. Run <code>make console</code>.</p>"
_UNKNOWN = {
    "LB-LET-001",
    "LB-AUD-003",
    "LB-REC-003",
    "LB-WRK-001",
    "LB-DRF-001",
    "LB-CFG-008",
    "LB-PRO-004",
    "LB-CLS-009",
}
_OF_WHAT_IS_ASKED = {NOT_THERE, REFUSED, "LB-CFG-012"}
"""Errors of configuration that are of the files people write, not of the installation."""
_BY_ITS_STATE = {
    CHANGED_MEANWHILE,
    TAKEN,
    CHANGED,
    FILE_CHANGED,
    "LB-CLS-004",
    "LB-CLS-005",
    STALE,
    "LB-LET-002",
    "LB-LET-003",
    "LB-MAT-001",
    "LB-MAT-002",
}

app = FastAPI(title="Ledgerbridge console", version="1", docs_url=None, redoc_url=None, openapi_url=None)
api = APIRouter(
    prefix="/api",
    responses={code: {"model": shown.Problem} for code in (401, 403, 404, 409, 422, 503)},
)

Name = Annotated[str | None, Query(max_length=250)]
Wanting = Annotated[str, Query(max_length=250, pattern=shown.A_NAME)]
Offset = Annotated[int, Query(ge=0, le=2**63 - 1 - MOST_ROWS)]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS)]
Company = Annotated[str, InPath(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Number = Annotated[int, InPath(ge=1, le=2**31 - 1)]
FileName = Annotated[str, InPath(pattern=r"^[A-Za-z0-9.]{1,40}$")]
Id = Annotated[str, InPath(pattern=r"^[0-9a-f]{1,32}$")]


def filters(
    state: shown.State = "open", company: Name = None, flow: Name = None, leg: Name = None, step: Name = None,
    code: Name = None, field: Name = None, source_key: Name = None, assignee: Name = None, unassigned: bool = False,
    tag: Name = None,
) -> Wanted:  # fmt: skip
    """Which letters a list shows."""
    return Wanted(
        (state,), company, flow, leg, step, code,
        source_key=source_key, field=field, assignee=assignee, unassigned=unassigned, tag=tag,
    )  # fmt: skip


Filters = Annotated[Wanted, Depends(filters)]


@api.get("/me")
def me(access: AccessDep) -> shown.Me:
    """Who looks, whose letters they see, and the token their page sends with what it asks to be done."""
    keys = company_keys(settings.companies_folder())
    return shown.Me(
        name=access.name,
        token=form_token(str(access.user.get_id()), TOKEN_OF),
        airflow=airflow_prefix(),
        places=letters.places_of(access),
        zones={key: settings.company(key).time_zone for key in keys},
        people=work.people(),
    )


@api.get("/rights")
def list_rights(access: AccessDep) -> list[shown.RightView]:
    """What who looks may do in each stage."""
    return rights_of(access)


@api.get("/letters")
def list_letters(
    access: AccessDep,
    wanted: Filters,
    order: Order = "oldest",
    offset: Offset = 0,
    limit: Limit = 100,
) -> shown.LetterList:
    """A page of dead letters."""
    return letters.listed(access, wanted, order, offset, limit)


@api.get("/causes")
def list_causes(access: AccessDep, wanted: Filters) -> list[shown.CauseView]:
    """Dead letters by what would mend them, the most first."""
    return letters.grouped(access, wanted)


@api.get("/letters/{letter_id}")
def show_letter(access: AccessDep, letter_id: Id) -> shown.LetterDetail:
    """All that is kept of a dead letter, with what became of it."""
    return letters.letter_of(access, letter_id)


@api.get("/waiting")
def count_waiting(access: AccessDep) -> shown.WaitingCounts:
    """How much of each kind waits for a person, or longer than it may."""
    return shown.WaitingCounts(letters=letters.how_many_open(access), **waiting.counts(access))


@api.get("/questions")
def list_questions(
    access: AccessDep, airflow: SessionDep, offset: Offset = 0, limit: Limit = 100
) -> shown.QuestionList:
    """Of which fields a person says whose value stands; Airflow itself takes the answers."""
    return waiting.questions(access, airflow, offset, limit)


@api.get("/proposals")
def list_proposals(access: AccessDep, offset: Offset = 0, limit: Limit = 100) -> shown.ProposalList:
    """Of which records a person says whether they are one."""
    return waiting.proposals(access, offset, limit)


@api.post("/proposals/answers")
def answer_proposals(access: FormDep, said: shown.Said) -> shown.Answered:
    """Make one of two records, or keep them apart for good; the next pass goes by it."""
    waiting.answer(access, said)
    return shown.Answered(proposals=sorted(said.answers))


@api.get("/unknown")
def list_unknown(access: AccessDep, offset: Offset = 0, limit: Limit = 100) -> shown.UnknownList:
    """The documents of which nobody knows whether they arrived."""
    return waiting.unknown(access, offset, limit)


@api.get("/overdue")
def list_overdue(access: AccessDep, offset: Offset = 0, limit: Limit = 100) -> shown.OverdueList:
    """The records that wait longer than their flow's file says they may."""
    return waiting.overdue(access, offset, limit)


@api.get("/ways")
def follow(access: AccessDep, q: Wanting) -> list[shown.Way]:
    """The way of a document through all systems, by any of its ids, numbers or names; one a company that knows it."""
    return follow_.ways(access, q.strip())


@api.get("/health")
def show_health(access: AccessDep, airflow: SessionDep) -> shown.HealthView:
    """How everything goes."""
    return health(access, airflow)


@api.get("/verdicts")
def list_verdicts(access: AccessDep) -> list[shown.VerdictView]:
    """What the last comparison of the books of each period found."""
    return close.verdicts(access)


@api.get("/close")
def show_close(access: AccessDep, company: Wanting, flow: Wanting, run_id: Wanting) -> shown.CloseView:
    """A run's comparison of the books, whole."""
    return close.close_of(access, company, flow, run_id)


@api.get("/close/workbook", response_class=Response, responses={200: {"content": {WORKBOOK: {}}}})
def download_close(access: AccessDep, company: Wanting, flow: Wanting, run_id: Wanting) -> Response:
    """The same as a workbook, for those who see values."""
    found = close.close_of(access, company, flow, run_id)
    if not found.values:
        raise PermissionError("A workbook holds values: those may take it who may edit the DAG that compares.")
    disposition = f'attachment; filename="{workbook_name(found)}"'
    return Response(workbook_of(found), media_type=WORKBOOK, headers={**HEADERS, "Content-Disposition": disposition})


@api.get("/sign-offs")
def list_sign_offs(access: AccessDep) -> list[shown.SignOffView]:
    """The periods that people signed or are to sign, the newest first, with what changed since."""
    return sign_offs.listed(access)


@api.get("/sign-offs/{company}/{sign_off}/files/{name}", response_class=Response)
def download_report(access: AccessDep, company: Company, sign_off: Number, name: FileName) -> Response:
    """A file of the report that people sign, for those who see values; its own page may run and ask nothing."""
    content = sign_offs.file_of(access, company, sign_off, name)
    disposition = f'attachment; filename="close-{company}-{sign_off}-{name}"'
    return Response(content, media_type=OCTETS, headers={**HEADERS, "Content-Disposition": disposition})


@api.post("/sign-offs/{company}/{sign_off}/reopenings")
def reopen_period(access: FormDep, company: Company, sign_off: Number, asked: shown.Reopening) -> shown.Reopened:
    """Open a signed period again; the audit keeps who did, and why."""
    sign_offs.reopened(access, company, sign_off, asked.reason)
    return shown.Reopened(sign_off=sign_off)


@api.get("/audit")
def list_audit(
    access: AccessDep,
    people: bool = True,
    by: Name = None,
    record: Name = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    limit: Limit = 100,
) -> shown.AuditPage:
    """Who did what, the newest first; from ``since`` on and before ``until``."""
    return trail.entries_of(
        access, people=people, by=by, record=record, since=since, until=until, before=before, limit=limit
    )


@api.post("/audit/verifications")
def verify_audit(access: FormDep) -> shown.ChainView:
    """Walk the whole audit chain now."""
    return trail.chain_of(access)


@api.get("/search")
def search(access: AccessDep, q: Wanting) -> list[shown.HitView]:
    """What may be meant by a part of a name, the beginning of a number, an amount or a name of people; newest first."""
    return follow_.hits(access, q.strip())


@api.post("/payloads")
def show_payloads(access: FormDep, asked: shown.StepAsked) -> list[shown.PayloadView]:
    """What a leg read, understood and sent of a document's chain; the audit notes who looked."""
    _known(asked.company)
    return payloads_of(access, asked.model_copy(update={"wanted": asked.wanted.strip()}))


@api.post("/evidence", response_class=Response, responses={200: {"content": {"application/zip": {}}}})
def take_evidence(access: FormDep, asked: shown.EvidenceRequest) -> Response:
    """
    The evidence pack of a document, to be verified where nothing of us runs; the audit notes who took it.

    No value is in it for whoever may not see those of each leg on the way.
    """
    _known(asked.company)
    pack, values = follow_.evidence_of(access, asked.company, asked.wanted.strip())
    disposition = f'attachment; filename="{pack_name(asked.wanted, values=values)}"'
    return Response(pack, media_type="application/zip", headers={**HEADERS, "Content-Disposition": disposition})


@api.post("/letters/{letter_id}/corrections")
def correct_letter(access: FormDep, letter_id: Id, correction: shown.Correction) -> shown.Acted:
    """Change one value of what a letter keeps; a replay uses it."""
    return shown.Acted(letters=letters.correct_letter(access, letter_id, correction))


@api.post("/letters/replays")
def replay_letters(access: FormDep, request: shown.Request) -> shown.Acted:
    """Let the next pass of the flow take letters, all of them or none."""
    return shown.Acted(letters=letters.replay_letters(access, request.seen, request.reason, force=request.force))


@api.post("/letters/discards")
def discard_letters(access: FormDep, request: shown.Request) -> shown.Acted:
    """Give letters up for good, all of them or none."""
    return shown.Acted(letters=letters.discard_letters(access, request.seen, request.reason))


@api.post("/work/assignments")
def assign_work(access: FormDep, asked: shown.Assignment) -> shown.Noted:
    """Let somebody take entries of the work list on, or nobody: all of them or none."""
    work.assign_work(access, asked.kind, asked.seen, asked.to)
    return shown.Noted(entries=sorted(asked.seen))


@api.post("/work/tags")
def tag_work(access: FormDep, asked: shown.Tagging) -> shown.Noted:
    """Put tags at entries of the work list, and take others away."""
    work.tag_work(access, asked.kind, asked.entries, asked.add, asked.remove)
    return shown.Noted(entries=asked.entries)


@api.post("/work/comments")
def comment_work(access: FormDep, asked: shown.Comment) -> shown.Noted:
    """Say something of an entry of the work list."""
    work.comment_work(access, asked.kind, asked.entry, asked.text)
    return shown.Noted(entries=[asked.entry])


api.include_router(bundle_routes)
api.include_router(routes)  # names of kinds of files begin some of its addresses: what has a name of its own is first
app.include_router(api)


def _known(company: str) -> None:
    if company not in company_keys(settings.companies_folder()):
        raise AnyHTTPException(HTTPStatus.NOT_FOUND, f"There is no company {company}.")


@app.get("/assets/{name}", include_in_schema=False)
def asset(name: Annotated[str, InPath(pattern=r"^\w[\w.-]*\.(js|css)$")]) -> Response:
    """A part of the page, named by its content; it holds nothing of anybody."""
    file = BUILT / "assets" / name
    if not file.is_file():
        raise AnyHTTPException(HTTPStatus.NOT_FOUND)
    return FileResponse(file, headers=NAMES_BY_CONTENT)


@app.get("/{page:path}", include_in_schema=False)
def page(page: str, user: GetUserDep) -> Response:
    """The page, whatever it is to show: it reads that from its own address."""
    index = BUILT / "index.html"
    if not index.is_file():
        return HTMLResponse(_NOT_BUILT, HTTPStatus.SERVICE_UNAVAILABLE, HEADERS)
    base = f'<base href="{html.escape(airflow_prefix())}/ledgerbridge/console/" />'
    return HTMLResponse(index.read_text(encoding="utf-8").replace("<base />", base), headers=HEADERS)


@app.exception_handler(AnyHTTPException)
def _refuse(request: Request, error: AnyHTTPException) -> Response:
    """The page leads who isn't logged in to the login, and back; the API says why."""
    inside = request.url.path.removeprefix(request.scope.get("root_path", ""))
    if error.status_code == HTTPStatus.UNAUTHORIZED and not inside.startswith("/api/"):
        # a path leads back to this host, whichever `Host` the request named
        path = airflow_prefix() + request.url.path.removeprefix(airflow_prefix())
        back = urlunsplit(("", "", path, request.url.query, ""))
        return RedirectResponse(get_auth_manager().get_url_login(next_url=back), headers=HEADERS)
    return _problem(error.status_code, str(error.detail))


@app.exception_handler(RequestValidationError)
def _refuse_content(request: Request, error: RequestValidationError) -> Response:
    """What does not fit, by its name and the rule; never the value, which may be anything."""
    told = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors())
    return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, told)


@app.exception_handler(PermissionError)
def _forbid(request: Request, error: PermissionError) -> Response:
    """What only others may do."""
    return _problem(HTTPStatus.FORBIDDEN, str(error))


@app.exception_handler(LedgerbridgeError)
def _tell(request: Request, error: LedgerbridgeError) -> Response:
    """What can't be done, with its remedy."""
    if error.code in _UNKNOWN:
        status = HTTPStatus.NOT_FOUND
    elif error.code == NO_ENGINEER:
        status = HTTPStatus.FORBIDDEN
    elif error.code in _BY_ITS_STATE:
        status = HTTPStatus.CONFLICT
    else:
        lacking = isinstance(error, ConfigurationError) and error.code not in _OF_WHAT_IS_ASKED
        status = HTTPStatus.SERVICE_UNAVAILABLE if lacking else HTTPStatus.UNPROCESSABLE_ENTITY
    return _problem(status, str(error), error.code)


def _problem(status: int, detail: str, code: str | None = None) -> Response:
    content = shown.Problem(detail=detail, code=code).model_dump()
    return JSONResponse(content, status, HEADERS)
