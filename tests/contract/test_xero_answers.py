"""What the Xero hook makes of answers that are not Xero's: a proxy's page, an empty body, a shape nobody described."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hooks.xero.hook import XeroHook
from ledgerbridge.entities import Document, Master, Window
from ledgerbridge.errors import TransientError
from tests.contract.scripted_api import Reply, ScriptedApi, serve_script
from tests.contract.xero_connection import hook_on, provide_state, source, target

TOKEN = Reply({"access_token": "token-1", "expires_in": 1800, "token_type": "Bearer"})
PAGE = "<html><body>Blocked by policy</body></html>"
SHAPES = {
    "null": "null",
    "list": [],
    "nothing": {},
    "no-elements": {"Invoices": None, "Accounts": None, "Organisations": None},
    "an-error": {"Status": "ERROR", "Invoices": [], "Accounts": [], "Organisations": []},
    "texts": {"Invoices": ["x"], "Accounts": ["x"], "Organisations": ["x"]},
    "empty-elements": {"Invoices": [{}], "Organisations": []},
    "no-date": {"Invoices": [{"InvoiceID": "i", "Date": "/Date(99999999999999999999+0000)/"}], "Organisations": []},
}


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with serve_script() as script:
        yield script


@pytest.fixture
def hook(api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> XeroHook:
    provide_state(monkeypatch, tmp_path)
    return hook_on(monkeypatch, api.url)


def invoices(number: int) -> list[Document]:
    line = {"Description": "Lamp", "Quantity": 1, "UnitAmount": Decimal("49.90"), "AccountCode": "200"}
    header = {"Type": "ACCREC", "Contact.ContactID": "c-1", "Date": date(2026, 3, 3)}
    return [
        Document(f"gp:HLS:invoice:{each}", f"key-{each}", {**header, "InvoiceNumber": f"INV-{each}"}, {"lines": [line]})
        for each in range(number)
    ]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(400, PAGE, id="page"),
        pytest.param(403, {"error": "blocked"}, id="other-json"),
        pytest.param(404, "", id="empty"),
        pytest.param(413, PAGE, id="too-large-for-a-proxy"),
    ],
)
def test_a_refusal_that_is_not_xero_s_passes_and_costs_one_call(
    api: ScriptedApi, hook: XeroHook, status: int, body: Any
) -> None:
    api.will_reply(TOKEN, Reply(body, status))
    with pytest.raises(TransientError, match=f"{status}") as caught:
        target(hook).send(invoices(50))
    assert (caught.value.code, caught.value.outcome_unknown) == ("LB-XERO-009", True)
    assert len(api.asked) == 2
    api.will_reply(Reply(body, status))
    with pytest.raises(TransientError) as caught:
        hook.get("Accounts")
    assert not caught.value.outcome_unknown


def read_invoices(hook: XeroHook) -> None:
    list(source(hook, "invoice").read(Window()))


def look_up_account(hook: XeroHook) -> None:
    master = hook.entity("account")
    assert isinstance(master, Master)
    master.lookup(["200"])


READS: dict[str, tuple[Callable[[XeroHook], object], set[str]]] = {
    "read": (read_invoices, set(SHAPES)),
    "find": (lambda hook: target(hook).find(invoices(1)), set(SHAPES) - {"empty-elements"}),
    "look-up": (look_up_account, set(SHAPES) - {"empty-elements", "no-date"} | {"texts"}),
    "organisation": (lambda hook: hook.organisation, set(SHAPES)),
}


@pytest.mark.parametrize("what", READS)
def test_an_answer_of_another_shape_is_never_taken_for_no_records(api: ScriptedApi, hook: XeroHook, what: str) -> None:
    read, shapes = READS[what]
    api.will_reply(TOKEN, *(Reply(SHAPES[shape]) for shape in sorted(shapes)))
    for _ in shapes:
        with pytest.raises(TransientError) as caught:
            read(hook)
        assert (caught.value.code, caught.value.outcome_unknown) == ("LB-XERO-009", False)


def test_after_a_write_answered_in_another_shape_nobody_knows_what_was_saved(api: ScriptedApi, hook: XeroHook) -> None:
    api.will_reply(TOKEN, *map(Reply, SHAPES.values()), Reply({"Invoices": [{"InvoiceID": "i"}]}))
    sent = [*[invoices(1)] * len(SHAPES), invoices(2)]  # fewer answers than documents, at last
    for documents in sent:
        try:
            errors = [outcome.error for outcome in target(hook).send(documents)]
        except TransientError as error:
            errors = [error]
        assert {type(error) for error in errors} == {TransientError}
        assert [(error.code, error.outcome_unknown) for error in errors if isinstance(error, TransientError)] == [
            ("LB-XERO-009", True)
        ] * len(errors)


def test_a_list_of_organisations_of_another_shape_is_an_outage(
    api: ScriptedApi, hook: XeroHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.will_reply(TOKEN, Reply({"message": "blocked"}))
    with pytest.raises(TransientError) as caught:
        hook_on(monkeypatch, api.url, tenant_id="").get("Accounts")
    assert caught.value.code == "LB-XERO-009"
