"""
The canonical records: system-neutral frames with declared Arrow types.

Every header has ``record_key`` (unique), ``label`` (the name people see) and ``chain_key`` (the record key of the
shop's order the document belongs to, if it does). Children join by ``record_key``. Money is decimal(19,5) in the
document's currency, quantities decimal(12,5), rates decimal(14,7) base units for one unit of the document's currency
(accounting-rules.md §7). Days are days in the organisation's zone (§4).
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

__all__ = ["CANONICAL", "MONEY", "QUANTITY", "RATE"]

MONEY: Final = pa.decimal128(19, 5)
QUANTITY: Final = pa.decimal128(12, 5)
RATE: Final = pa.decimal128(14, 7)
TEXT: Final = pa.string()
DAY: Final = pa.date32()
NUMBER: Final = pa.int64()
FLAG: Final = pa.bool_()

_KEYS: Final = {"record_key": TEXT, "label": TEXT, "chain_key": TEXT}
_LINES: Final = {
    "record_key": TEXT,
    "line_id": TEXT,
    "line_number": NUMBER,
    "kind": TEXT,  # product, shipping, or the account role of what is neither: tips, gift_cards, duties, rounding …
    "sku": TEXT,
    "title": TEXT,
    "quantity": QUANTITY,
    "net": MONEY,
    "tax": MONEY,
}
_TAXES: Final = {"record_key": TEXT, "line_id": TEXT, "kind": TEXT, "detail": TEXT, "amount": MONEY}

# of money that a shop names: who tells of it (shop, people; none: nobody does), and whether its order was cancelled
_TOLD: Final = {"told_by": TEXT, "cancelled": FLAG}
_PHONES: Final = ("phone", "direct_phone", "mobile_phone", "fax")  # as they are dialled from anywhere
_ADDRESS: Final = ("name", "address1", "address2", "city", "state", "zip", "country")
_POSTAL: Final = {f"postal_{part}": TEXT for part in _ADDRESS[1:]}  # where letters go, if elsewhere

CANONICAL: Final[dict[str, dict[str, dict[str, pa.DataType]]]] = {
    "canonical.customer": {
        "header": {
            **_KEYS,
            "customer_number": TEXT,
            "made_number": TEXT,  # that of one without a number, where one is needed
            "email": TEXT,
            "name": TEXT,
            "first_name": TEXT,
            "last_name": TEXT,
            "address1": TEXT,
            "address2": TEXT,
            "city": TEXT,
            "state": TEXT,
            "zip": TEXT,
            "country": TEXT,
            **_POSTAL,
            **dict.fromkeys(_PHONES, TEXT),
            "payment_terms": TEXT,  # when what it is billed is due, in words that both sides' mappings know
            "active": FLAG,  # neither inactive nor archived
            "merged_into": TEXT,  # its system's id of the one that people merged it into
            "is_customer": FLAG,  # not a supplier alone, of whom the same master has others
        },
    },
    "canonical.vendor": {
        "header": {
            **_KEYS,
            "vendor_number": TEXT,
            "made_number": TEXT,
            **dict.fromkeys(_ADDRESS, TEXT),
            **_POSTAL,
            **dict.fromkeys(_PHONES, TEXT),
            "tax_number": TEXT,
            "bank_account": TEXT,  # where we pay them
            "payment_terms": TEXT,  # when its bills are due
            "active": FLAG,  # neither inactive nor archived
            "merged_into": TEXT,
            "is_vendor": FLAG,  # not a customer alone, of whom the same master has others
        },
    },
    "canonical.item": {
        "header": {
            **_KEYS,
            "item_number": TEXT,
            "name": TEXT,
            "cost": MONEY,  # of one, in base currency
            "active": FLAG,  # not discontinued
        },
    },
    "canonical.account": {
        "header": {
            **_KEYS,
            "account_number": TEXT,  # that of the ledger with the shorter ones
            "name": TEXT,
            "active": FLAG,
            "in_use": FLAG,  # the company's documents are posted to it
        },
    },
    "canonical.tax": {
        "header": {**_KEYS, "tax_name": TEXT, "percent": RATE},
    },
    "canonical.currency": {
        "header": {**_KEYS, "currency_code": TEXT},  # ISO 4217
    },
    "canonical.setting": {
        "header": {
            **_KEYS,
            "name": TEXT,  # of what both ledgers are set up with: a class, a value of a segment, a tax schedule
            "active": FLAG,
            "is_compared": FLAG,  # the other ledger is to have it
        },
    },
    "canonical.sales_order": {
        "header": {
            **_KEYS,
            "order_number": TEXT,
            "customer_key": TEXT,
            "ordered_on": DAY,
            "currency": TEXT,
            "rate": RATE,
            "total": MONEY,
            "quantity": QUANTITY,  # of all goods on it
            "cancelled": FLAG,
            "po_number": TEXT,  # the customer's own number for it
            # where it goes
            **{f"ship_to_{part}": TEXT for part in _ADDRESS},
            "refund_ids": TEXT,  # gateway ids of its refunds, joined by +
            # filled by the rule unless_cancelled
            "invoice_sent": TEXT,  # record key of an invoice of the order
            # filled by the rule take_off_given_up
            "given_up": TEXT,  # the shop's refunds whose pieces came off it, joined by +
            "giving_up": FLAG,  # some of them come off with this very content
        },
        "lines": _LINES,
        "taxes": {**_TAXES, "by_rate": MONEY, "edits": NUMBER},  # what its rate makes of what it taxes; edits of it
        # what refunds take off: a row each for a line's pieces with their net, and for each tax detail; all negative
        "given_up": {
            "record_key": TEXT,
            "refund_id": TEXT,
            "line_id": TEXT,
            "quantity": QUANTITY,
            "detail": TEXT,  # of a tax; none: the net
            "amount": MONEY,
        },
    },
    "canonical.sales_invoice": {
        "header": {
            **_KEYS,
            "invoice_number": TEXT,
            "order_name": TEXT,
            "customer_number": TEXT,
            "invoiced_on": DAY,
            "currency": TEXT,
            "rate": RATE,
            "total": MONEY,
            "quantity": QUANTITY,
            "document_type": TEXT,  # invoice or debit_memo
        },
        "lines": _LINES,
        "taxes": _TAXES,
    },
    "canonical.bill": {
        "header": {
            **_KEYS,
            "bill_number": TEXT,  # the supplier's own
            "vendor_number": TEXT,  # in the ledger it goes to; None: it has none there yet
            "supplier": TEXT,  # the supplier's name
            "billed_on": DAY,
            "due_on": DAY,
            "description": TEXT,
            "currency": TEXT,
            "rate": RATE,
            "total": MONEY,
            "net": MONEY,
            "tax": MONEY,
            "voided": FLAG,
            "keyed_in": TEXT,  # the ledger that people key bills in, or both
            "voucher_number": TEXT,  # its own in the ledger it was keyed in, where that has one beside the supplier's
        },
        # account: that of the ledger it was keyed in; details: taxes on the line, joined by +, by the rule tax_by_line
        "lines": {**_LINES, "account": TEXT, "details": TEXT},
        "taxes": {**_TAXES, "taxed": MONEY},  # the net that is taxed
    },
    "canonical.bill_payment": {
        "header": {
            **_KEYS,
            "bill_id": TEXT,  # its ledger's own, of the bill it pays
            "bill_number": TEXT,  # the supplier's own
            "vendor_number": TEXT,  # in the ledger it goes to; None: it has none there yet
            "account": TEXT,  # the bank account it is paid from, in the ledger it was entered in
            "reference": TEXT,
            "paid_on": DAY,
            "currency": TEXT,
            "rate": RATE,
            "amount": MONEY,
            "settled": MONEY,  # what left the bank for it, in base currency, where the ledger says so
            "voided": FLAG,
            "keyed_in": TEXT,  # as of bills
            "bill_key": TEXT,  # record key of the bill
            "paid_with": TEXT,  # record key of the payment, or of the credit that is set against the bill
        },
    },
    "canonical.purchase_order": {
        "header": {
            **_KEYS,
            "order_number": TEXT,
            "vendor_number": TEXT,  # in the ledger it goes to; None: it has none there yet
            "supplier": TEXT,
            "ordered_on": DAY,
            "deliver_on": DAY,
            "reference": TEXT,
            "currency": TEXT,
            "rate": RATE,
            "total": MONEY,
            "net": MONEY,
            "tax": MONEY,
            "voided": FLAG,
            "keyed_in": TEXT,  # the ledger that people key orders in
        },
        "lines": {**_LINES, "account": TEXT},
        "taxes": {**_TAXES, "taxed": MONEY},
    },
    "canonical.journal": {
        "header": {
            **_KEYS,
            "entry_number": TEXT,  # as people name it
            "reference": TEXT,
            "posted_on": DAY,
            "voided": FLAG,
            "keyed_in": TEXT,  # the ledger that people key entries in, or both
            "carried_as": TEXT,  # entry, or what is summed up: day, batch, period; None: entry
            "batch": TEXT,
            "period": TEXT,  # fiscal
        },
        "distributions": {
            "record_key": TEXT,
            "line_number": NUMBER,
            "account": TEXT,  # in the ledger it was keyed in
            "code": TEXT,  # of the other ledger's account
            "kept_by": TEXT,  # receivables, payables, bank …: who alone books on that account; None: journals may
            "tracking": TEXT,  # what tells the account where the other ledger has one for several
            "title": TEXT,
            "amount": MONEY,  # a debit positive, in base currency
            "tax": MONEY,  # that is on it beside
        },
    },
    "canonical.sales_return": {
        "header": {
            **_KEYS,
            "return_number": TEXT,
            "refund_id": TEXT,  # the shop's
            "customer_key": TEXT,
            "payment_id": TEXT,  # gateway ids of the refunds that gave the money back, joined by +
            "refunded": MONEY,  # how much they gave back
            "returned_on": DAY,
            "currency": TEXT,
            "rate": RATE,
            "total": MONEY,
            "cancelled": FLAG,
        },
        "lines": _LINES,
        "taxes": _TAXES,
    },
    "canonical.memo": {
        "header": {
            **_KEYS,
            "memo_number": TEXT,
            "role": TEXT,  # account role it is booked on beside receivables: goodwill, rounding, shipping_income …
            "customer_key": TEXT,
            "customer_number": TEXT,
            "payment_id": TEXT,
            "refunded": MONEY,
            "granted_on": DAY,
            "currency": TEXT,
            "rate": RATE,
            "total": MONEY,
            "tax": MONEY,  # of the total
            "details": TEXT,  # of the tax, joined by +
            "cancelled": FLAG,
        },
        "taxes": _TAXES,
    },
    "canonical.credit_note": {
        "header": {
            **_KEYS,
            "credit_number": TEXT,
            "credit_type": TEXT,  # credit_memo or return
            "order_name": TEXT,
            "customer_number": TEXT,
            "payment_id": TEXT,
            "refunded": MONEY,
            "credited_on": DAY,
            "currency": TEXT,
            "rate": RATE,
            "total": MONEY,
        },
        "lines": _LINES,
        "taxes": _TAXES,
    },
    "canonical.allocation": {
        "header": {
            **_KEYS,
            "credit_number": TEXT,
            "order_name": TEXT,
            "credited_on": DAY,
            "currency": TEXT,
            # filled when the credit is set against an invoice
            "invoice_number": TEXT,
            "allocated_on": DAY,
            "amount": MONEY,
        },
    },
    "canonical.refund": {
        "header": {
            **_KEYS,
            "payment_id": TEXT,
            "charge_id": TEXT,  # the payment it gives back
            "order_name": TEXT,
            "gateway": TEXT,
            "refunded_on": DAY,
            "failed_on": DAY,  # when the bank sent the money back; None: it did not
            "currency": TEXT,
            "rate": RATE,
            "amount": MONEY,
            "settled": MONEY,  # what left the gateway's balance, in base currency
            # filled when the money is allocated to a credit note
            "credit_number": TEXT,
            "paid_on": DAY,
            **_TOLD,
        },
    },
    "canonical.payment": {
        "header": {
            **_KEYS,
            "payment_id": TEXT,
            "order_name": TEXT,
            "gateway": TEXT,
            "captured_on": DAY,
            "currency": TEXT,
            "rate": RATE,
            "amount": MONEY,
            "settled": MONEY,  # what reached the gateway's balance, in base currency
            # filled when the money is allocated to an invoice
            "invoice_number": TEXT,
            "paid_on": DAY,
            **_TOLD,
        },
    },
    "canonical.receipt": {
        "header": {
            **_KEYS,
            "payment_key": TEXT,
            "invoice_number": TEXT,
            "credit_number": TEXT,
            "credit_type": TEXT,
            "customer_number": TEXT,
            "account": TEXT,
            "reference": TEXT,
            "received_on": DAY,
            "currency": TEXT,
            "rate": RATE,
            "amount": MONEY,
        },
    },
    "canonical.application": {
        "header": {
            **_KEYS,
            "from_number": TEXT,
            "from_type": TEXT,  # receipt, credit_memo or return
            "to_number": TEXT,
            "to_type": TEXT,  # invoice or debit_memo
            "applied_on": DAY,
            "amount": MONEY,
        },
    },
    "canonical.gateway_fee": {
        "header": {**_KEYS, "payout_id": TEXT, "gateway": TEXT, "month": TEXT, "charged_on": DAY, "amount": MONEY},
    },
    "canonical.gateway_movement": {
        "header": {
            **_KEYS,
            "payment_id": TEXT,  # the gateway's, of what moved its balance
            "gateway": TEXT,
            "category": TEXT,  # the gateway's own word for it
            "role": TEXT,  # of the account it is booked on
            "moved_on": DAY,
            "amount": MONEY,  # what the gateway took, in base currency; below zero what it gave
            # of a dispute: the payment it takes back, how much of it in its currency; below zero what comes again
            "charge_id": TEXT,
            "disputed": MONEY,
            # filled by the rule that follows the payment: what of it is on an invoice
            "lost": MONEY,
        },
    },
    "canonical.exchange_difference": {
        "header": {
            **_KEYS,
            "payment_id": TEXT,  # of the refund
            "charge_id": TEXT,  # the payment it gives back
            "gateway": TEXT,
            "realised_on": DAY,
            "rate": RATE,
            "given_back": MONEY,  # in the currency of the charge
            "settled": MONEY,  # what left the gateway's balance, in base currency
            # filled when the refund cancels against its charge: the loss, in base currency
            "amount": MONEY,
        },
    },
    "canonical.realised_gain": {
        "header": {
            **_KEYS,
            "credit_key": TEXT,  # of the receipt, return or credit memo
            "from_number": TEXT,
            "to_number": TEXT,
            "customer_number": TEXT,
            "realised_on": DAY,
            "rate": RATE,  # of the credit
            "applied": MONEY,  # in the documents' currency
            "charged": MONEY,  # what it was worth at the other document's rate, in base currency
            "gone": MONEY,  # what is applied of the credit in all, in its currency
            "worth": MONEY,  # the same in base currency
            "booked": MONEY,  # the gain, where the ledger has booked it itself
            # filled for each application that the ledger booked no gain for: the gain, in base currency
            "amount": MONEY,
        },
    },
    "canonical.payout": {
        "header": {
            **_KEYS,
            "payout_id": TEXT,
            "takes_back": TEXT,  # record key of the payout whose money came back; None for a payout itself
            "gateway": TEXT,
            "arrived_on": DAY,
            "amount": MONEY,
        },
    },
    "canonical.payout_share": {
        "header": {
            **_KEYS,
            "payout_id": TEXT,
            "gateway": TEXT,
            "role": TEXT,  # of the account for what companies that share the gateway owe each other
            "arrived_on": DAY,
            "amount": MONEY,  # what leaves clearing, in base currency; below zero in the books of who was paid
        },
    },
}
