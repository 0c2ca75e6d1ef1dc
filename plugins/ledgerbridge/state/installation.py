"""What an installation was given once and keeps for good."""

from __future__ import annotations

from hashlib import blake2b

from sqlalchemy.orm import Session

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state.companies import MAIN, bound_company
from ledgerbridge.state.models import Installation

__all__ = ["company_key", "key_salt"]


def key_salt(session: Session, company: str | None = None) -> bytes:
    """
    What keys of guessable things are made with (docs/decisions/0002); empty where they have always been made without.

    Each company but `main` has its own, so that a person who buys of two is not one in what they share.

    :param company: default: the session's.
    :raises ConfigurationError: there is none: all such keys would change.
    """
    row = session.get(Installation, "key_salt")
    if row is None:
        raise ConfigurationError(
            "LB-STA-008",
            "the state database keeps no `key_salt` in its table `installation`; every installation has one.",
            remedy="Put the row back from a backup of the state database: with another salt customers get other keys.",
        )
    salt = bytes.fromhex(row.value)
    company = company or bound_company(session)
    return salt if company in (None, MAIN) else blake2b(str(company).encode(), key=salt, digest_size=32).digest()


def company_key(session: Session) -> bytes:
    """What keys and numbers of documents are made with, so that two companies never give one; empty for `main`."""
    company = bound_company(session) or MAIN
    return b"" if company == MAIN else company.encode()
