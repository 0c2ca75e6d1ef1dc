"""
The Xero hook: one organisation of the Accounting API behind one Airflow connection.

Source: sources.md Xero; Xero OpenAPI 16.1.0.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import count
from typing import Any, ClassVar, NoReturn
from urllib.parse import quote

from airflow.sdk import Connection
from requests import Response
from requests.exceptions import ConnectionError as RequestsConnectionError
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from hooks.state_database import state_engine
from hooks.wire.oauth_tokens import AccessTokens
from hooks.wire.untrusted import parse_json, unexpected_shape
from hooks.wire.web_api import WebApiHook, retry_after_seconds
from hooks.xero.attachments import Attachments
from hooks.xero.budget import GRANTED, CallBudget
from hooks.xero.consent import Choose, Consent, Tenant, pick, tenants_in
from hooks.xero.entities import ENTITIES
from hooks.xero.masters import AccountBalance, trial_balance
from hooks.xero.oauth import TOKEN_CODES, App
from hooks.xero.paging import PAGE_SIZE, is_last
from hooks.xero.refusals import RequestRefused, elements_of, is_explained, not_xeros
from hooks.xero.wire import decoded, serialized
from ledgerbridge.entities import CallsLeft, Master, Source, Target
from ledgerbridge.errors import ConfigurationError, TransientError
from ledgerbridge.going_out import going_out
from ledgerbridge.state.counted_calls import Allowance, Limits
from ledgerbridge.state.tokens import TokenStore

__all__ = ["XeroHook"]

_API = "api.xro/2.0"
# Filters go into the URL, and Xero refuses long ones: about 50 GUIDs (sources.md Xero §2).
_FILTER_CHARACTERS = 1800
_CONCURRENT_WAIT_SECONDS = 1.0
_MOST_WAITS = 5
_FEW_CALLS_LEFT_TODAY = 100
_WARN_OF_THE_DAY = timedelta(hours=6)
_CONSENT_LASTS = timedelta(days=60)
_WARN_BEFORE = timedelta(days=10)


class XeroHook(WebApiHook):
    """
    Read and write one Xero organisation.

    Connection (type ``xero``): host (``https://api.xero.com``), login = client id, password = client secret, extra
    ``{"tenant_id": "…", "scopes": "accounting.transactions …", "grant": "client_credentials"}``; without
    ``tenant_id`` the only organisation the app is connected to. ``calls_per_minute``, ``calls_per_day`` and
    ``calls_at_once`` follow the app's tier. The token lies encrypted in the state database (connection
    ``ledgerbridge_db``), and so does the count of calls; both are shared by all processes of all machines.

    .. code-block:: python

        hook = XeroHook("xero_default")
        outcomes = hook.entity("invoice").send(documents)
        for page in hook.entity("payment").read(Window(since=yesterday)):
            ...

    In payloads and contents, numbers with decimals are strings, dates ISO, and ``CurrencyRate`` is base units for one
    unit of the document's currency (accounting-rules.md §7), as it is in documents: the hook converts both ways.
    """

    conn_name_attr = "xero_conn_id"
    default_conn_name = "xero_default"
    conn_type = "xero"
    hook_name = "Xero"
    default_host = "https://api.xero.com"
    incomplete_code: ClassVar[str] = "LB-XERO-001"
    unreachable_code: ClassVar[str] = "LB-XERO-009"

    def __init__(self, xero_conn_id: str = default_conn_name) -> None:
        super().__init__(method="GET", http_conn_id=xero_conn_id)
        self._answered: tuple[Response, float] | None = None

    def entity(self, name: str) -> Source | Target | Master:
        """
        The entity of this name; what it can do is what its class says.

        Targets: contact, invoice, credit_note, payment, allocation, bank_transaction, bank_transfer, manual_journal.
        Sources: contact, invoice, credit_note, payment, purchase_order, bank_transaction, bank_transfer, item, account.
        Masters: account (by Code), system_account (by SystemAccount), item (by Code), tax_rate (by its sorted
        component names, ``A+B``), tracking_option (by ``Category/Option``).

        :raises ConfigurationError: there is no such entity.
        """
        if name not in ENTITIES:
            raise ConfigurationError(
                "LB-XERO-023",
                f"there is no entity `xero.{name}`",
                remedy=f"Use one of {', '.join(sorted(ENTITIES))}.",
            )
        return ENTITIES[name](self)

    @cached_property
    def tenant_id(self) -> str:
        """
        The organisation all calls go to: the connection's, the one chosen at the consent, or the only one.

        :raises ConfigurationError: none given, and the app is connected to none or to several.
        """
        if given := self.connection.extra_dejson.get("tenant_id") or self.tokens.tenant_id:
            return str(given)
        return pick(self._tenants(self._authorised("GET", "connections")), None).tenant_id

    @cached_property
    def organisation(self) -> dict[str, Any]:
        """Xero's record of the organisation: BaseCurrency, Timezone, lock dates and the like."""
        organisation: dict[str, Any] = self.get("Organisation")["Organisations"][0]
        return organisation

    @cached_property
    def tokens(self) -> AccessTokens:
        """The access token of this connection, shared with all processes."""
        app = self._app
        scopes = hashlib.sha256(app.scopes.encode()).hexdigest()[:8]
        # without an organisation the choice made at the consent is this connection's own
        tenant = self.connection.extra_dejson.get("tenant_id") or f"-:{self.http_conn_id}"
        key = f"xero:{app.client_id}:{tenant}:{app.grant}:{scopes}"
        return AccessTokens(TokenStore(state_engine()), key, app, TOKEN_CODES)

    def consent(self, redirect_uri: str) -> Consent:
        """
        Begin a person's consent to the app: send the browser to its ``url``.

        :param redirect_uri: as registered with the app.
        :raises ConfigurationError: this connection's tokens need no consent, or would end with the first.
        """
        return Consent(self._app, redirect_uri)

    def complete_consent(self, consent: Consent, redirected_to: str, choose: Choose | None = None) -> Tenant:
        """
        Keep the tokens of a consent; all processes use them from now on. The organisation they are for.

        :param redirected_to: the whole address Xero sent the browser to.
        :param choose: picks one of the organisations; not asked when the connection names one.
        :raises ConfigurationError: the person refused, the address belongs to another consent, or the app is not
            connected to the connection's organisation, or to several and there is nobody to choose.
        """
        token = consent.complete(redirected_to)
        answer = self._exchanged("GET", "connections", token["access_token"], {}, {})
        chosen = pick(self._tenants(answer), self.connection.extra_dejson.get("tenant_id"), choose)
        self.tokens.keep(token, chosen.tenant_id)
        return chosen

    def clock(self) -> datetime:
        """
        Xero's time now, aware UTC: that of its last answer to this hook and what has gone by since.

        Only a hook without an answer asks: each reading wants the time, and calls are counted.
        """
        if self._answered is None:
            self._called("GET", "Organisation")
        assert self._answered is not None
        response, answered_at = self._answered
        return self.date(response) + timedelta(seconds=time.monotonic() - answered_at)

    def trial_balance(self, on: date) -> list[AccountBalance]:
        """
        Each account's balance at the end of that day, base currency, debit positive.

        Income and expense accounts begin anew with each financial year.

        Source: GET /Reports/TrialBalance; sources.md Xero §5.
        """
        return trial_balance(self, on)

    def balances(self, on: date) -> dict[str, Decimal]:
        """The same by account code."""
        return {str(each.code): each.balance for each in self.trial_balance(on)}

    def get(self, path: str, params: Mapping[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        """
        One answer of the API below ``/api.xro/2.0``.

        :return: it holds the list of elements that belongs to the path.
        :raises TransientError: Xero can't answer now, a limit is used up (``retry_after_seconds``), or what answered
            is not Xero.
        :raises ConfigurationError: credentials, scopes, organisation or query are refused.
        """
        return self._answer(path, self._got(path, params=dict(params or {}), headers=headers))

    def download(self, path: str) -> bytes:
        """A file below ``/api.xro/2.0``; errors as ``get``."""
        return self._got(path, headers={"Accept": "*/*"}).content

    def attachments(self, entity: str) -> Attachments:
        """
        The files attached to records of this entity (``invoice``, ``contact`` …).

        :raises ConfigurationError: they have none.
        """
        return Attachments(self, entity)

    def pages(self, collection: str, params: Mapping[str, Any], **headers: str) -> Iterator[list[dict[str, Any]]]:
        """All pages of a collection, up to 1,000 elements each, with their line items."""
        for page in count(1):
            answer = self.get(collection, {**params, "page": page, "pageSize": PAGE_SIZE}, **headers)
            yield answer[collection]
            if is_last(page, answer, answer[collection]):
                return

    def any_of(
        self, collection: str, clauses: Iterable[str], *, paged: bool = True, **params: Any
    ) -> Iterator[dict[str, Any]]:
        """The elements for which one of the ``where`` clauses holds, in as few calls as URLs allow."""
        for joined in _joined(sorted(set(clauses)), " OR "):
            query = {**params, "where": joined}
            for elements in self.pages(collection, query) if paged else [self.get(collection, query)[collection]]:
                yield from elements

    def listed(self, collection: str, parameter: str, values: Iterable[str], **params: Any) -> Iterator[dict[str, Any]]:
        """The elements that a list filter names (``IDs``, ``InvoiceNumbers``), in as few calls as URLs allow."""
        for joined in _joined(sorted(set(values)), ","):
            for page in self.pages(collection, {**params, parameter: joined}):
                yield from page

    def write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes,
        *,
        idempotency_key: str | None = None,
        content_type: str = "application/json",
        **params: Any,
    ) -> dict[str, Any]:
        """
        Send one write; the answer may still hold refused elements.

        :param method: PUT creates, POST creates or updates.
        :param body: bytes are sent as they are, a file's content.
        :param idempotency_key: at most 128 characters; the same only for the same body.
        :raises RequestRefused: the request as a whole was refused.
        :raises TransientError: ``outcome_unknown`` is set when it may have been saved (5xx, no answer of Xero's).
        :raises ConfigurationError: as ``get``.
        """
        headers = {"Content-Type": content_type}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        sent = body if isinstance(body, bytes) else serialized(body)
        response = self._called(method, path, params=params, headers=headers, data=sent)
        if response.status_code >= 400:
            raise RequestRefused(response.status_code, _json(response))
        return self._answer(path, response)

    def calls_left(self) -> CallsLeft | None:
        """What who asks may call still; None: a day's calls can't be used up."""
        return self._budget.left_to_caller()

    def warnings(self) -> list[tuple[str, str]]:
        """
        What will soon keep us from Xero: a consent about to end, the day's calls running out.

        Source: sources.md Xero §1 (an unused refresh token ends after 60 days), §2 (calls a day).
        """
        found = []
        renewed = self.tokens.last_renewed_before if self._app.grant == "refresh_token" else None
        if renewed is not None and datetime.now(UTC) - renewed > _CONSENT_LASTS - _WARN_BEFORE:
            ends = renewed + _CONSENT_LASTS
            found.append(
                (
                    f"the consent to Xero ends on {ends:%Y-%m-%d} if it is not used before",
                    "Run a flow that reads Xero, or `ledgerbridge connect xero` and consent anew.",
                )
            )
        calls = self._budget.left()
        if calls is not None and (calls.left < _FEW_CALLS_LEFT_TODAY or _ends_soon(calls)):
            told = f"{calls.left} of {calls.limit} calls to Xero are left of the last 24 hours' allowance"
            if calls.ends_in is not None:
                told += f"; as in the last hour, they end in {calls.ends_in.total_seconds() / 3600:.1f} hours"
            remedy = "Let the flow run less often, or ask Xero for a higher tier (`calls_per_day` in the connection)."
            found.append((told, remedy))
        return found

    def test_connection(self) -> tuple[bool, str]:
        """Whether the organisation can be reached with this connection; the second part says what is missing."""
        try:
            organisation = self.organisation
        except (ConfigurationError, TransientError) as error:
            return False, str(error)
        return True, f"Organisation {organisation['Name']}, base currency {organisation['BaseCurrency']}."

    @cached_property
    def _app(self) -> App:
        connection = self.connection
        if not connection.login:
            raise ConfigurationError(
                "LB-XERO-001",
                f"connection {self.http_conn_id!r} has no login",
                remedy="Put the app's client id into the login, its client secret into the password.",
            )
        session = self.session
        return App(
            client_id=connection.login,
            client_secret=connection.password,
            scopes=str(connection.extra_dejson.get("scopes", "")),
            grant=self.setting("grant", "client_credentials"),
            identity_url=self.setting("identity_url", "https://identity.xero.com"),
            login_url=self.setting("login_url", "https://login.xero.com"),
            proxies=dict(session.proxies),
            verify=session.verify if session.verify is not None else True,
        )

    @cached_property
    def _budget(self) -> CallBudget:
        limits = Limits(
            calls_per_minute=int(self.setting("calls_per_minute", str(GRANTED.calls_per_minute))),
            calls_per_day=int(self.setting("calls_per_day", str(GRANTED.calls_per_day))),
            calls_at_once=int(self.setting("calls_at_once", str(GRANTED.calls_at_once))),
        )
        return CallBudget(state_engine, f"{self._app.client_id}:{self.tenant_id}", limits)

    def _got(self, path: str, **request: Any) -> Response:
        response = self._called("GET", path, **request)
        if response.status_code >= 400:
            raise ConfigurationError(
                "LB-XERO-022",
                f"GET {path} answered {response.status_code}: {RequestRefused(response.status_code, _json(response))}",
                remedy="Report it with this message; it is not a matter of settings.",
            )
        return response

    def _called(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **request: Any) -> Response:
        """One call within the budget; a 4xx the caller may understand is an answer, all else an error."""
        tenant = {"xero-tenant-id": self.tenant_id, **(headers or {})}
        for _ in range(_MOST_WAITS):
            with self._budget.call():
                response = self._authorised(method, f"{_API}/{path}", headers=tenant, **request)
            if response.status_code != 429:
                self._answered = response, time.monotonic()
                self._watch_day(response)
                if response.status_code >= 400 and not is_explained(_json(response)):
                    raise not_xeros(
                        f"{method} {path}", f"status {response.status_code}", outcome_unknown=method != "GET"
                    )
                return response
            self._heed(response)
        raise TransientError(
            "LB-XERO-008",
            f"Xero answered {_MOST_WAITS} times in a row that too many calls are made for {self.http_conn_id!r}",
            remedy="Run fewer tasks on this organisation at a time, and look which other apps call it.",
        )

    def _authorised(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **request: Any
    ) -> Response:
        token = self.tokens.current()
        response = self._exchanged(method, path, token, headers or {}, request)
        if response.status_code == 401:
            token = self.tokens.renew(token)
            response = self._exchanged(method, path, token, headers or {}, request)
        if response.status_code == 401 or (response.status_code == 403 and is_explained(_json(response))):
            self._refuse_access(response)
        if response.status_code >= 500:
            raise TransientError(
                "LB-XERO-009",
                f"{method} {path} answered {response.status_code}",
                remedy="Repeat later; see status.xero.com.",
                retry_after_seconds=retry_after_seconds(response),
                outcome_unknown=method != "GET",
            )
        return response

    def _exchanged(
        self, method: str, path: str, token: str, headers: Mapping[str, str], request: Mapping[str, Any]
    ) -> Response:
        authorised = {"Authorization": f"Bearer {token}", "Accept": "application/json", **headers}
        with going_out() if method != "GET" else nullcontext():
            try:
                return self.exchange(method, path, headers=authorised, **request)
            except TransientError as error:
                error.outcome_unknown = method != "GET" and not _never_sent(error.__cause__)
                raise

    def _heed(self, response: Response) -> None:
        problem = response.headers.get("X-Rate-Limit-Problem", "unnamed")
        seconds = retry_after_seconds(response)
        self.log.info("Xero limits the calls of %s (%s), Retry-After %s", self.http_conn_id, problem, seconds)
        if seconds is None:  # too many at once: told without a time (sources.md Xero §2)
            time.sleep(_CONCURRENT_WAIT_SECONDS)
        else:
            self._budget.pause(seconds)

    def _watch_day(self, response: Response) -> None:
        left = response.headers.get("X-DayLimit-Remaining", "")
        if left.isdigit() and int(left) < _FEW_CALLS_LEFT_TODAY:
            self.log.warning("Xero takes %s more calls of %s today", left, self.http_conn_id)

    def _refuse_access(self, response: Response) -> NoReturn:
        reason = RequestRefused(response.status_code, _json(response)).messages[0]
        where = f"connection {self.http_conn_id!r}, {response.request.method} {response.url.split('?')[0]}"
        if response.status_code == 401:
            raise ConfigurationError(
                "LB-XERO-006",
                f"Xero refuses a new access token too ({reason}; {where})",
                remedy="Check that the app is still connected to the organisation (Xero, Settings, Connected apps).",
            )
        tenant = self.connection.extra_dejson.get("tenant_id") or "the only connected organisation"
        raise ConfigurationError(
            "LB-XERO-007",
            f"Xero denies access to tenant {tenant} with the scopes {self._app.scopes!r} ({reason}; {where})",
            remedy="Connect the app to this organisation, or add the scope of this endpoint to `scopes`.",
        )

    def _answer(self, path: str, response: Response) -> dict[str, Any]:
        """A good answer of the Accounting API, with its list of elements."""
        method = str(response.request.method)
        try:
            with unexpected_shape():
                content: dict[str, Any] = decoded(parse_json(response.content))
            elements_of(path, content)
        except ValueError as error:
            raise not_xeros(f"{method} {path}", error, outcome_unknown=method != "GET") from error
        return content

    def _tenants(self, response: Response) -> list[Tenant]:
        try:
            with unexpected_shape():
                return tenants_in(parse_json(response.content))
        except ValueError as error:
            raise not_xeros("GET connections", error) from error

    def _extract_auth(self, connection: Connection) -> None:
        """None: each call carries the access token; login and password go to the identity service alone."""


def _joined(values: Iterable[str], separator: str) -> Iterator[str]:
    batch: list[str] = []
    length = 0
    for value in values:
        added = len(quote(value + separator))
        if batch and (length + added > _FILTER_CHARACTERS or len(batch) == 50):
            yield separator.join(batch)
            batch, length = [], 0
        batch.append(value)
        length += added
    if batch:
        yield separator.join(batch)


def _json(response: Response) -> Any:
    try:
        return parse_json(response.content)
    except ValueError:
        return None


def _never_sent(cause: BaseException | None) -> bool:
    """Whether the connection was never made, so that nothing can have been written."""
    if not isinstance(cause, RequestsConnectionError) or not cause.args:
        return False
    return isinstance(getattr(cause.args[0], "reason", None), NewConnectionError | ConnectTimeoutError)


def _ends_soon(calls: Allowance) -> bool:
    return calls.ends_in is not None and calls.ends_in < _WARN_OF_THE_DAY
