"""
The wire form of new objects, every field there as life has it.

Source: sources.md Stripe §2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.stripe.currencies import convert
from sandbox.stripe.models import make_id

__all__ = [
    "Movement",
    "new_charge",
    "new_dispute",
    "new_intent",
    "new_payout",
    "new_refund",
    "new_topup",
    "new_transaction",
]

Json = dict[str, Any]
SETTLEMENT_SECONDS = 2 * 24 * 3600


@dataclass(frozen=True)
class Movement:
    """
    Money into or out of the balance.

    :param source: id of the object it belongs to; None for a fee of the account itself.
    :param amount: minor units of ``currency``, negative when it leaves.
    :param rate: units of the account's currency for one of ``currency``.
    :param fee: minor units of the account's currency.
    :param at_once: available without waiting for settlement.
    :param balance: which of the account's balances it moves.
    :param key: what its id follows from where it has no source.
    """

    source: str | None
    type: str
    amount: int
    currency: str
    created: int
    rate: Decimal = Decimal(1)
    fee: int = 0
    description: str | None = None
    reporting_category: str | None = None
    at_once: bool = False
    balance: str = "payments"
    key: str | None = None


def new_transaction(movement: Movement, currency: str) -> Json:
    """The balance transaction of a movement, in the account's ``currency``, half-up."""
    amount = convert(movement.amount, movement.currency, movement.rate, currency)
    fee_detail = {
        "amount": movement.fee,
        "application": None,
        "currency": currency,
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    category = movement.reporting_category or movement.type
    return {
        "id": make_id(
            "balance_transaction", category, movement.source or movement.key, movement.created, movement.amount
        ),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": movement.created + (0 if movement.at_once else SETTLEMENT_SECONDS),
        "balance_type": movement.balance,
        "created": movement.created,
        "currency": currency,
        "description": movement.description,
        # a JSON number on the wire; an exact rate of a few digits survives the way through a float
        "exchange_rate": float(movement.rate) if movement.currency != currency else None,
        "fee": movement.fee,
        "fee_details": [fee_detail] if movement.fee else [],
        "net": amount - movement.fee,
        "reporting_category": category,
        "source": movement.source,
        "status": "pending",
        "type": movement.type,
    }


def new_charge(
    identity: str, amount: int, currency: str, created: int, livemode: bool, person: Mapping[str, Any] | None = None
) -> Json:
    """
    A succeeded and captured charge without its balance transaction.

    :param person: a customer of the golden form, for the billing details.
    """
    address = person["address"] if person else {}
    return {
        "id": identity,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": {
            "address": {
                "city": address.get("city"),
                "country": address.get("country"),
                "line1": address.get("line1"),
                "line2": address.get("line2") or None,
                "postal_code": address.get("zip"),
                "state": address.get("state") or None,
            },
            "email": person and person["email"],
            "name": person and f"{person['first_name']} {person['last_name']}",
            "phone": None,
        },
        "captured": True,
        "created": created,
        "currency": currency,
        "customer": None,
        "description": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": livemode,
        "metadata": {},
        "on_behalf_of": None,
        "outcome": {"network_status": "approved_by_network", "type": "authorized"},
        "paid": True,
        "payment_intent": make_id("payment_intent", identity),
        "payment_method": None,
        "payment_method_details": {
            "card": {"brand": "visa", "exp_month": 8, "exp_year": 2030, "funding": "credit", "last4": "4242"},
            "type": "card",
        },
        "receipt_email": person and person["email"],
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


def new_intent(charge: Json) -> Json:
    """The payment intent that a charge fulfils."""
    captured, failed = charge["captured"], charge["status"] == "failed"
    return {
        "id": charge["payment_intent"],
        "object": "payment_intent",
        "amount": charge["amount"],
        "amount_capturable": 0 if captured or failed else charge["amount"],
        "amount_received": charge["amount_captured"],
        "canceled_at": None,
        "capture_method": "automatic" if captured else "manual",
        "confirmation_method": "automatic",
        "created": charge["created"],
        "currency": charge["currency"],
        "customer": None,
        "description": charge["description"],
        "latest_charge": charge["id"],
        "livemode": charge["livemode"],
        "metadata": charge["metadata"],
        "payment_method": None,
        "payment_method_types": ["card"],
        "receipt_email": charge["receipt_email"],
        "status": "succeeded" if captured else "requires_payment_method" if failed else "requires_capture",
        "transfer_group": None,
    }


def new_refund(identity: str, charge: Json, amount: int, created: int) -> Json:
    """A succeeded refund without its balance transaction."""
    return {
        "id": identity,
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def new_payout(identity: str, amount: int, currency: str, created: int, arrival_date: int, livemode: bool) -> Json:
    """An automatic payout on its way, reconciled."""
    return {
        "id": identity,
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": arrival_date,
        "automatic": True,
        "balance_transaction": None,
        "created": created,
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "destination": None,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": livemode,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "completed",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "in_transit",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }


def new_topup(identity: str, amount: int, currency: str, created: int, livemode: bool) -> Json:
    """Money that the merchant's bank sent, without its balance transaction."""
    return {
        "id": identity,
        "object": "topup",
        "amount": amount,
        "balance_transaction": None,
        "created": created,
        "currency": currency,
        "description": "Top-up",
        "expected_availability_date": created,
        "failure_code": None,
        "failure_message": None,
        "livemode": livemode,
        "metadata": {},
        "source": None,
        "statement_descriptor": None,
        "status": "succeeded",
        "transfer_group": None,
    }


def new_dispute(identity: str, charge: Json, amount: int, reason: str, created: int) -> Json:
    """A dispute that waits for the merchant, without its balance transactions."""
    return {
        "id": identity,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": created + 7 * 24 * 3600,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "manual",
        },
        "is_charge_refundable": False,
        "livemode": charge["livemode"],
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "needs_response",
    }
