"""What of a canonical record tells of a person; apart from the models, whose Arrow types take long to import."""

from __future__ import annotations

from typing import Final

__all__ = ["NAMES", "PERSONAL", "is_personal"]

PERSONAL: Final = frozenset(
    {"email", "name", "first_name", "last_name", "address1", "address2", "city", "state", "zip", "country"}
)
"""Header fields that tell of a person; a purge takes them away, amounts and keys stay."""

NAMES: Final = ("name", "first_name", "last_name", "ship_to_name", "email")
"""Header fields by which people ask for a person, or a company."""

_PHONES: Final = ("phone", "direct_phone", "mobile_phone", "fax", "tax_number", "bank_account")


def is_personal(field: str) -> bool:
    """
    Whether a header field tells of a person, those among it that ``PERSONAL`` does not know: what the audit's entries
    commit to goes by that, and can't be another one for entries of before.
    """
    return field in PERSONAL or field in _PHONES or field.startswith(("ship_to_", "postal_"))
