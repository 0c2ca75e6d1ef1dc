"""
What the merchant's own software writes through the API: charges, refunds, manual payouts.

Nobody says what Stripe keeps of such a charge, so it keeps what its price list said: 2.9 % and 30 minor units.

Source: sources.md Stripe §1, §2.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.stripe.bank import Bank
from sandbox.stripe.books import Books
from sandbox.stripe.cards import Cards
from sandbox.stripe.currencies import convert
from sandbox.stripe.errors import InvalidRequest
from sandbox.stripe.models import make_id
from sandbox.stripe.objects import new_charge, new_intent, new_payout, new_refund

__all__ = ["Merchant"]

Json = dict[str, Any]
DAY_SECONDS = 24 * 3600


class Merchant:
    """
    The API's POST endpoints; ``form`` is the request's parameters.

    :raises StripeRefusal: from every verb, as the API refuses.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._account = books.account
        self._cards = Cards(books)
        self._bank = Bank(books)

    def create_charge(self, form: Json) -> Json:
        """``POST /v1/charges``; a charge that is not captured settles when it is."""
        _check(form, {"amount", "currency", "source"}, {"capture", "description", "metadata", "receipt_email"})
        created = self._account.now()
        amount, currency = _amount(form), str(form["currency"]).lower()
        charge = new_charge(_new_id("charge"), amount, currency, created, self._books.livemode)
        charge |= {"description": form.get("description"), "metadata": form.get("metadata", {})}
        if form.get("capture") == "false":
            charge |= {"captured": False, "amount_captured": 0}
        with self._books.writing() as connection:
            if charge["captured"]:
                rate = self._rate(currency)
                self._cards.settle_now(connection, charge, created, rate, self._fee(amount, currency, rate))
            self._account.save(connection, new_intent(charge))
            self._account.save(connection, charge)
            self._books.events.record(connection, "charge.succeeded", charge, created)
        return charge

    def update_charge(self, charge_id: str, form: Json) -> Json:
        """``POST /v1/charges/{id}``: description and metadata (an empty value deletes its key)."""
        _check(form, set(), {"description", "metadata"})
        with self._books.writing() as connection:
            charge = self._account.get("charge", charge_id)
            charge["description"] = form.get("description", charge["description"])
            metadata = charge["metadata"] | form.get("metadata", {})
            charge["metadata"] = {key: value for key, value in metadata.items() if value != ""}
            self._account.save(connection, charge)
            self._books.events.record(connection, "charge.updated", charge, self._account.now())
        return charge

    def create_refund(self, form: Json) -> Json:
        """``POST /v1/refunds`` of a charge or a payment intent, of what is left or of ``amount``."""
        _check(form, set(), {"charge", "payment_intent", "amount", "reason", "metadata"})
        created = self._account.now()
        with self._books.writing() as connection:
            charge = self._charge_of(form)
            left = charge["amount_captured"] - charge["amount_refunded"]
            if left == 0:
                message = f"Charge {charge['id']} has already been refunded."
                raise InvalidRequest(message, code="charge_already_refunded")
            amount = _amount(form) if "amount" in form else left
            if amount > left:
                message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
                raise InvalidRequest(message, param="amount")
            refund = new_refund(_new_id("refund"), charge, amount, created)
            refund |= {"reason": form.get("reason"), "metadata": form.get("metadata", {})}
            return self._cards.give_back(connection, charge, refund, self._rate(charge["currency"]), None)

    def create_payout(self, form: Json) -> Json:
        """``POST /v1/payouts``: a manual payout, whose parts nobody can list."""
        _check(form, {"amount", "currency"}, {"description", "metadata"})
        created, amount = self._account.now(), _amount(form)
        available = {part["currency"]: part["amount"] for part in self._books.balance()["available"]}
        currency = str(form["currency"]).lower()
        if amount > available.get(currency, 0):
            message = "You have insufficient available funds in your Stripe account."
            raise InvalidRequest(message, code="balance_insufficient")
        arrival = created - created % DAY_SECONDS + DAY_SECONDS
        payout = new_payout(_new_id("payout"), amount, currency, created, arrival, self._books.livemode)
        payout |= {"automatic": False, "reconciliation_status": "not_applicable", "metadata": form.get("metadata", {})}
        with self._books.writing() as connection:
            return self._bank.send(connection, payout)

    def _charge_of(self, form: Json) -> Json:
        if "charge" in form:
            return self._account.get("charge", form["charge"], "charge")
        if "payment_intent" in form:
            intent = self._account.get("payment_intent", form["payment_intent"], "payment_intent")
            return self._account.get("charge", intent["latest_charge"])
        raise InvalidRequest(
            "One of the following params should be provided for this request: payment_intent or charge."
        )

    def _rate(self, currency: str) -> Decimal:
        if currency == self._books.currency:
            return Decimal(1)
        rates: dict[str, str] = json.loads(self._account.profile["rates"])
        if currency not in rates:
            raise InvalidRequest(f"Invalid currency: {currency}. This account has no rate for it.", param="currency")
        return Decimal(rates[currency])

    def _fee(self, amount: int, currency: str, rate: Decimal) -> int:
        settled = convert(amount, currency, rate, self._books.currency)
        return int((settled * Decimal("0.029")).quantize(Decimal(1), ROUND_HALF_UP)) + 30


def _new_id(kind: str) -> str:
    return make_id(kind, secrets.token_hex(16))


def _amount(form: Json) -> int:
    try:
        amount = int(form["amount"])
    except (TypeError, ValueError) as error:
        message = f"Invalid integer: {form['amount']}"
        raise InvalidRequest(message, code="parameter_invalid_integer", param="amount") from error
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise InvalidRequest(message, code="parameter_invalid_integer", param="amount")
    return amount


def _check(form: Json, required: Collection[str], optional: Collection[str]) -> None:
    if unknown := sorted(set(form) - set(required) - set(optional) - {"expand"}):
        raise InvalidRequest(f"Received unknown parameter: {unknown[0]}", code="parameter_unknown", param=unknown[0])
    if missing := sorted(set(required) - set(form)):
        raise InvalidRequest(f"Missing required param: {missing[0]}.", code="parameter_missing", param=missing[0])
