"""Who may call the simulated Xero, how often, and what goes wrong on demand (sources.md Xero §1, §2)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from sandbox.xero.app import create_app
from tests.contract.consent_page import decide
from tests.contract.served_app import serve
from tests.contract.xero_office import CLIENT_ID, Office, invoice, payment

REDIRECT, VERIFIER = "http://127.0.0.1:9/callback", "a-verifier-of-forty-three-characters-or-more-0"
HALF_AN_HOUR = 1800


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with serve(create_app(tmp_path)) as url:
        yield Office(url)


@pytest.fixture
def public_app(office: Office) -> dict[str, str]:
    """The token answer of a public app, after a person's consent by code and PKCE."""
    app = {"client_id": "PUBLICAPP", "kind": "pkce", "redirect_uris": [REDIRECT]}
    office.admin("POST", "apps", app)
    form = {"grant_type": "authorization_code", "code": consent(office), "redirect_uri": REDIRECT}
    answer = token(office, form | {"code_verifier": VERIFIER})
    assert answer.ok, answer.text
    content: dict[str, str] = answer.json()
    return content


def consent(office: Office) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
    query = {"response_type": "code", "client_id": "PUBLICAPP", "redirect_uri": REDIRECT, "state": "s-1"}
    query |= {"scope": "accounting.invoices offline_access", "code_challenge": challenge}
    query |= {"code_challenge_method": "S256"}
    sent_back = parse_qs(urlsplit(decide(f"{office.url}/identity/connect/authorize?{urlencode(query)}")).query)
    assert sent_back["state"] == ["s-1"]
    return sent_back["code"][0]


def token(office: Office, form: dict[str, str]) -> requests.Response:
    return requests.post(f"{office.url}/connect/token", form | {"client_id": "PUBLICAPP"}, timeout=30)


def refresh(office: Office, refresh_token: str) -> requests.Response:
    return token(office, {"grant_type": "refresh_token", "refresh_token": refresh_token})


def later(office: Office, seconds: int) -> None:
    office.admin("PUT", "settings", {"wall_clock_ahead_seconds": seconds})


def test_an_access_token_expires_after_half_an_hour(office: Office) -> None:
    later(office, HALF_AN_HOUR - 5)
    assert office.call("GET", "Organisation").ok
    later(office, HALF_AN_HOUR + 5)
    expired = office.call("GET", "Organisation")
    assert (expired.status_code, expired.json()["Title"]) == (401, "Unauthorized")
    assert expired.json()["Detail"].startswith("TokenExpired")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        pytest.param({"client_secret": "wrong"}, "invalid_client", id="secret"),
        pytest.param({"scope": "accounting.everything"}, "invalid_scope", id="scope"),
        pytest.param({"grant_type": "authorization_code"}, "unauthorized_client", id="grant-of-another-kind"),
        pytest.param({"grant_type": "password"}, "unsupported_grant_type", id="grant-type"),
    ],
)
def test_a_token_is_refused(office: Office, form: dict[str, str], error: str) -> None:
    good = {"grant_type": "client_credentials", "client_id": "APP", "client_secret": "secret"}
    office.admin("POST", "apps", {"client_id": "APP", "client_secret": "secret", "scopes": ["accounting.contacts"]})
    answer = requests.post(f"{office.url}/connect/token", good | form, timeout=30)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_code_is_good_once_and_for_its_verifier_only(office: Office, public_app: dict[str, str]) -> None:
    form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT, "code": consent(office)}
    assert token(office, form | {"code_verifier": "another"}).json() == {"error": "invalid_grant"}
    assert token(office, form | {"code_verifier": VERIFIER}).ok
    assert token(office, form | {"code_verifier": VERIFIER}).json() == {"error": "invalid_grant"}
    bearer = {"Authorization": f"Bearer {public_app['access_token']}"}
    [connected] = requests.get(f"{office.url}/connections", headers=bearer, timeout=30).json()
    assert (connected["tenantId"], connected["tenantType"]) == (office.tenant_id, "ORGANISATION")


def test_a_replaced_refresh_token_is_good_for_another_half_hour(office: Office, public_app: dict[str, str]) -> None:
    first = public_app["refresh_token"]
    second = refresh(office, first).json()["refresh_token"]
    assert second != first
    later(office, HALF_AN_HOUR - 5)
    assert refresh(office, first).ok
    later(office, HALF_AN_HOUR + 5)
    assert refresh(office, first).json() == {"error": "invalid_grant"}
    assert refresh(office, second).ok


def test_an_unused_refresh_token_ends_after_sixty_days(office: Office, public_app: dict[str, str]) -> None:
    later(office, 60 * 86_400 + 5)
    assert refresh(office, public_app["refresh_token"]).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    ("scope", "path", "status"),
    [
        pytest.param("accounting.transactions", "Payments", 200, id="broad"),
        pytest.param("accounting.payments.read", "Payments", 200, id="granular-read"),
        pytest.param("accounting.invoices", "Payments", 403, id="granular-of-another-endpoint"),
        pytest.param("accounting.settings.read", "Accounts", 200, id="settings"),
        pytest.param("accounting.transactions", "Reports/TrialBalance", 403, id="report-without-its-scope"),
        pytest.param("accounting.journals.read", "Journals", 403, id="journals-below-the-advanced-tier"),
    ],
)
def test_a_scope_opens_its_endpoints(office: Office, scope: str, path: str, status: int) -> None:
    office.sign_in(scope)
    assert office.call("GET", path).status_code == status


def test_a_read_scope_does_not_write(office: Office) -> None:
    office.sign_in("accounting.transactions.read")
    assert office.call("PUT", "Invoices", {"Invoices": [invoice("INV-1")]}).status_code == 403


def test_journals_are_read_by_an_app_of_the_advanced_tier(office: Office) -> None:
    office.put("Invoices", invoice("INV-1"))
    office.admin("PUT", "settings", {"advanced_tier": True})
    [journal] = office.get("Journals", offset=0)["Journals"]
    assert sum(line["NetAmount"] for line in journal["JournalLines"]) == 0
    assert office.get("Journals", offset=journal["JournalNumber"])["Journals"] == []


@pytest.mark.parametrize("tenant", ["", "00000000-0000-0000-0000-000000000000"])
def test_a_tenant_the_app_is_not_connected_to_is_forbidden(office: Office, tenant: str) -> None:
    answer = office.call("GET", "Organisation", headers={"xero-tenant-id": tenant})
    assert (answer.status_code, answer.json()["Title"]) == (403, "Forbidden")


def test_the_minute_s_calls_are_counted_down_and_then_refused_until_its_end(office: Office) -> None:
    office.admin("PUT", "settings", {"calls_per_minute": 2})
    left = [office.call("GET", "Organisation").headers["X-MinLimit-Remaining"] for _ in range(2)]
    refused = office.call("GET", "Organisation")
    assert left == ["1", "0"]
    assert (refused.status_code, refused.headers["X-Rate-Limit-Problem"]) == (429, "minute")
    assert refused.headers["X-DayLimit-Remaining"] == "4998"
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= 60
    later(office, wait)
    assert office.call("GET", "Organisation").headers["X-MinLimit-Remaining"] == "1"


def test_the_day_s_calls_end_for_hours(office: Office) -> None:
    office.admin("PUT", "settings", {"calls_per_day": 0})
    refused = office.call("GET", "Organisation")
    assert (refused.status_code, refused.headers["X-Rate-Limit-Problem"]) == (429, "day")
    assert int(refused.headers["Retry-After"]) <= 86_400


def test_the_sixth_call_at_once_is_refused_without_a_time(office: Office) -> None:
    office.admin("POST", "faults", {"kind": "slow", "seconds": 6, "times": 5})
    with ThreadPoolExecutor(5) as pool:
        served = [pool.submit(office.call, "GET", "Organisation") for _ in range(5)]
        while office.admin("GET", "faults")["faults"][0]["happened"] < 5:
            assert not any(each.done() for each in served)
        refused = office.call("GET", "Organisation")
    assert {each.result().status_code for each in served} == {200}
    assert (refused.status_code, refused.headers["X-Rate-Limit-Problem"]) == (429, "concurrent")
    assert "Retry-After" not in refused.headers


@pytest.mark.parametrize(
    ("kind", "saved"),
    [pytest.param("lost_before_commit", 0, id="before"), pytest.param("lost_after_commit", 1, id="after")],
)
def test_an_answer_lost_on_demand_leaves_the_write_done_or_not(office: Office, kind: str, saved: int) -> None:
    office.admin("POST", "faults", {"kind": kind, "method": "PUT", "path": "Invoices"})
    with pytest.raises(requests.RequestException):
        office.call("PUT", "Invoices", {"Invoices": [invoice("INV-1")]})
    assert len(office.get("Invoices")["Invoices"]) == saved


def test_a_status_ordered_for_a_path_meets_only_that_path_and_once(office: Office) -> None:
    office.admin("POST", "faults", {"kind": "status", "status": 503, "path": "Items"})
    statuses = [office.call("GET", path).status_code for path in ("Accounts", "Items", "Items")]
    assert statuses == [200, 503, 200]


def test_a_clock_set_after_the_seed_rules_dates_and_stamps(office: Office) -> None:
    office.admin("PUT", "clock", {"now": "2026-03-02T15:41:00Z"})
    answer = office.call("PUT", "Invoices", {"Invoices": [invoice("INV-1")]})
    [created] = answer.json()["Invoices"]
    assert answer.headers["Date"] == "Mon, 02 Mar 2026 15:41:00 GMT"
    assert created["UpdatedDateUTC"] == "/Date(1772466060000+0000)/"


def test_an_attachment_comes_back_as_it_was_sent(office: Office) -> None:
    office.put("Invoices", invoice("INV-1"))
    path = f"{office.url}/api.xro/2.0/Invoices/INV-1/Attachments/receipt 1.png"
    sent = office.session.put(path, b"\x89PNG", headers={"Content-Type": "image/png"}, timeout=30)
    assert (sent.status_code, sent.json()["Attachments"][0]["ContentLength"]) == (200, 4)
    assert office.session.get(path, timeout=30).content == b"\x89PNG"
    assert office.get("Invoices/INV-1")["Invoices"][0]["HasAttachments"] is True


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        pytest.param(b'{"Invoices": [', "application/json", 400, id="broken-json"),
        pytest.param(b'{"Invoices": "none"}', "application/json", 400, id="no-array"),
        pytest.param(b"<Invoices/>", "application/xml", 415, id="xml"),
        pytest.param(b"[" + b" " * 3_500_000 + b"]", "application/json", 413, id="too-large"),
    ],
)
def test_a_body_that_can_not_be_read_is_refused(office: Office, body: bytes, content_type: str, status: int) -> None:
    url, headers = f"{office.url}/api.xro/2.0/Invoices", {"Content-Type": content_type}
    assert office.session.put(url, body, headers=headers, timeout=30).status_code == status


def test_an_address_xero_does_not_have_is_not_found(office: Office) -> None:
    assert office.call("GET", "Invoices/INV-404").status_code == 404
    for path in ("Nothing", "Nothing/1", "invoice"):
        assert office.call("GET", path).status_code == 404


def test_the_organisation_and_the_connections_are_found_under_both_spellings(office: Office) -> None:
    office.session.hooks["response"].clear()  # Xero's description has one of them only
    [one], [other] = (office.get(path)["Organisations"] for path in ("Organisation", "Organisations"))
    assert one == other
    answers = [office.session.get(f"{office.url}/{path}", timeout=30).json() for path in ("connections", "Connections")]
    assert answers[0] == answers[1]
    assert [each["tenantId"] for each in answers[0]] == [office.tenant_id]


def test_an_id_is_taken_without_its_dashes(office: Office) -> None:
    [made] = office.put("Invoices", invoice("INV-1"))
    identity = made["InvoiceID"].replace("-", "")
    where = f'InvoiceID==guid("{identity}")'
    for found in (office.get(f"Invoices/{identity}"), office.get("Invoices", IDs=identity, where=where)):
        assert [each["InvoiceNumber"] for each in found["Invoices"]] == ["INV-1"]
    office.session.headers["xero-tenant-id"] = office.tenant_id.replace("-", "")
    office.put("Payments", payment("", 1.00, Invoice={"InvoiceID": identity}))


def test_an_access_token_tells_whom_it_is_for(office: Office) -> None:
    _, claims, _ = str(office.session.headers["Authorization"]).removeprefix("Bearer ").split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert (told["client_id"], told["iss"]) == (CLIENT_ID, "https://identity.xero.com")
    assert "accounting.settings" in told["scope"]
