"""What a person may set differently on the simulated Magento while it runs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sandbox.kept_settings import KeptSettings

__all__ = ["STATES", "Settings"]

STATES = {
    "new": "pending",
    "pending_payment": "pending_payment",
    "payment_review": "payment_review",
    "processing": "processing",
    "complete": "complete",
    "closed": "closed",
    "canceled": "canceled",
    "holded": "holded",
}
"""By state, the status an order has in it unless the shop names it differently."""


class Settings(KeptSettings):
    """What differs between versions and configurations of Magento."""

    bearer_tokens: bool = Field(False, description="An access token alone is enough (`enable_integration_as_bearer`).")
    signature_methods: list[Literal["HMAC-SHA256", "HMAC-SHA1"]] = Field(
        ["HMAC-SHA256", "HMAC-SHA1"], description="What signatures are made with; old versions know the second only."
    )
    page_past_end: Literal["repeat", "empty"] = Field(
        "repeat", description="What a page past the end holds: the last page again, or nothing."
    )
    input_limits: bool = Field(False, description="Whether `maximum_page_size` and `default_page_size` count.")
    maximum_page_size: int = Field(300, description="The largest page with input limits.")
    default_page_size: int = Field(20, description="The page of who asks for none, with input limits.")
    developer_mode: bool = Field(False, description="Errors tell what happened, with a trace.")
    maintenance: bool = Field(False, description="Every call is answered by 503 and a page of HTML.")
    child_rows: Literal["zero", "repeat"] = Field(
        "zero", description="Prices of the child row of a configurable product: 0, or its parent's again."
    )
    bundle_parents: Literal["sum", "zero"] = Field(
        "sum", description="Amounts of the parent row of a dynamic bundle: its children's sum again, or 0."
    )
    statuses: dict[str, str] = Field({}, description="Status names of the shop's own, each with the state it is for.")
    status_of_state: dict[str, str] = Field({}, description="By state, the status it has instead of Magento's.")
