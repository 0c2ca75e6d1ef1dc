"""What people do to the simulated Magento's orders, as the admin API takes it. Amounts are in the base currency."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from sandbox.magento.taxes import Rate

__all__ = ["Capture", "Child", "CreditEvent", "Event", "Line", "Pick", "PlacedOrder", "Shipping", "StatusEvent"]

Money = Annotated[Decimal, Field(ge=0, allow_inf_nan=False, max_digits=14, decimal_places=4)]
Quantity = Annotated[int, Field(gt=0, le=100_000)]
Capture = Literal["online", "offline", "later"]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TaxRate(_Form):
    """One tax rule that applies; several on one line are added up, not compounded."""

    code: str
    rate: Annotated[Decimal, Field(ge=0, lt=1000, allow_inf_nan=False)] = Field(description="In percent.")

    def as_rate(self) -> Rate:
        """As the calculation takes it."""
        return Rate(self.code, self.rate)


class Child(_Form):
    """A product in a bundle; ``price``, ``discount`` and ``taxes`` count when the bundle's price is dynamic."""

    sku: str
    name: str = ""
    quantity: Quantity = Field(1, description="In one bundle.")
    price: Money = Decimal(0)
    discount: Money = Field(Decimal(0), description="Of all of them.")
    taxes: list[TaxRate] = []


class Line(_Form):
    """One product of the cart."""

    sku: str
    name: str = ""
    type: Literal["simple", "virtual", "configurable", "bundle"] = "simple"
    quantity: Quantity = 1
    price: Money = Field(Decimal(0), description="One piece's, with tax where the store's prices are.")
    discount: Money = Field(Decimal(0), description="The whole line's, with tax where the store's prices are.")
    taxes: list[TaxRate] = []
    child_sku: str = Field("", description="Of a configurable product: the product chosen.")
    dynamic: bool = Field(False, description="Of a bundle: its price is its children's.")
    children: list[Child] = Field([], description="Of a bundle.")


class Shipping(_Form):
    """How the order is shipped."""

    method: str = "flatrate_flatrate"
    title: str = "Flat Rate - Fixed"
    price: Money
    discount: Money = Decimal(0)
    taxes: list[TaxRate] = []


class PlacedOrder(_Form):
    """A cart that becomes an order."""

    store: str = Field("", description="Code of the store view; blank for the first.")
    at: AwareDatetime
    reserved_order_id: str = Field("", description="The number it gets; blank for the store view's next.")
    currency: str = Field("", description="Blank for the store view's own.")
    customer: dict[str, Any] = {"email": "ann@example.com", "firstname": "Ann", "lastname": "Archer"}
    address: dict[str, Any] = {}
    lines: Annotated[list[Line], Field(min_length=1)]
    shipping: Shipping | None = None
    coupon_code: str = ""
    method: str = Field("checkmo", description="Of payment.")
    payment: Literal["order", "authorize", "capture"] = Field("order", description="What happens to the money at once.")
    state: Literal["new", "pending_payment", "payment_review"] = "new"


class Pick(_Form):
    """Pieces of one row, by the sku of its order row."""

    sku: str
    quantity: Quantity


class Event(_Form):
    """Something happens; ``lines`` of an invoice or shipment are all that is left unless given."""

    at: AwareDatetime
    lines: list[Pick] | None = None
    capture: Capture = "offline"


class CreditEvent(_Form):
    """A credit memo: without ``lines`` for all that is left; ``lines: []`` for shipping and adjustments alone."""

    at: AwareDatetime
    invoice: str = Field("", description="The invoice's increment id; blank for the order as a whole.")
    lines: list[Pick] | None = None
    shipping: Money | None = Field(None, description="Without tax; all that is left unless given.")
    adjustment_positive: Money = Field(Decimal(0), description="Given back besides.")
    adjustment_negative: Money = Field(Decimal(0), description="Kept as a fee.")
    online: bool = False
    transaction_id: str = Field("", description="The gateway's, of a refund online; blank for one made up.")


class StatusEvent(_Form):
    """The order is called differently within its state."""

    at: datetime
    status: str
