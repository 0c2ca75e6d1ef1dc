"""The admin API for people: what card holders, banks and Stripe itself do, and what may be set."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body

from sandbox.stripe.bank import Bank
from sandbox.stripe.books import Books
from sandbox.stripe.cards import Cards
from sandbox.stripe.settings import Settings

__all__ = ["people_routes"]

Json = dict[str, Any]
JsonBody = Annotated[Json, Body()]


def people_routes(books: Books) -> APIRouter:
    """``/_sandbox/…``; each answers with the object as the API shows it."""
    account, cards, bank = books.account, Cards(books), Bank(books)
    routes = APIRouter(prefix="/_sandbox")

    @routes.post("/seed")
    def seed(sent: JsonBody) -> Json:
        return {"account": account.seed(sent["company"], sent["api_key"])}

    @routes.post("/keys", status_code=201)
    def restrict_key(sent: JsonBody) -> Json:
        account.add_key(sent["api_key"], sent["permissions"])
        return sent

    @routes.post("/charges", status_code=201)
    def charge(sent: JsonBody) -> Json:
        return cards.charge(sent["event"], sent["order"])

    @routes.post("/charges/{identity}/settle")
    def settle(identity: str, event: JsonBody) -> Json:
        return cards.settle(identity, event)

    @routes.post("/charges/{identity}/capture")
    def capture(identity: str, event: JsonBody) -> Json:
        return cards.capture(identity, event)

    @routes.post("/refunds", status_code=201)
    def refund(sent: JsonBody) -> Json:
        return cards.refund(sent["event"], sent["order"])

    @routes.post("/refunds/{identity}/{outcome}")
    def finish_refund(identity: str, outcome: Literal["succeed", "fail"], event: JsonBody) -> Json:
        return cards.finish_refund(identity, outcome, event)

    @routes.post("/disputes", status_code=201)
    def dispute(event: JsonBody) -> Json:
        return cards.dispute(event)

    @routes.post("/disputes/{identity}/{outcome}")
    def close_dispute(identity: str, outcome: Literal["win", "lose"], event: JsonBody) -> Json:
        return cards.close_dispute(identity, outcome, event)

    @routes.post("/payouts", status_code=201)
    def pay_out(payout: JsonBody) -> Json:
        return bank.pay_out(payout)

    @routes.post("/payouts/{identity}/fail")
    def fail_payout(identity: str, event: JsonBody) -> Json:
        return bank.fail_payout(identity, event)

    @routes.post("/payouts/{identity}/reconcile")
    def reconcile(identity: str, event: JsonBody) -> Json:
        return bank.reconcile(identity, event)

    @routes.post("/topups", status_code=201)
    def top_up(event: JsonBody) -> Json:
        return bank.top_up(event)

    @routes.post("/topups/{identity}/reverse")
    def reverse_top_up(identity: str, event: JsonBody) -> Json:
        return bank.reverse_top_up(identity, event)

    @routes.post("/reserves", status_code=201)
    def reserve(event: JsonBody) -> Json:
        return bank.reserve(event)

    @routes.post("/fees", status_code=201)
    def bill(event: JsonBody) -> Json:
        return bank.bill(event)

    @routes.get("/settings")
    def settings() -> Settings:
        return Settings.read(account.store)

    @routes.put("/settings")
    def change_settings(changed: Settings) -> Settings:
        return changed.keep(account.store)

    return routes
