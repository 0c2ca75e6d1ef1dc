"""The command ``sandbox magento``: sets a company up in the simulated Magento and does what its desk does."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox.orders import harbor_light_supply
from sandbox.places import CREDENTIALS
from sandbox.player import Player

__all__ = ["add_magento_command"]

Add = Callable[[str, Any, str], argparse.ArgumentParser]
_OF_AN_ORDER = ("invoice", "ship", "credit", "cancel", "hold", "unhold")


def add_magento_command(add: Add) -> None:
    """
    Add the command.

    :param add: makes one of a name, what it runs and what it is about.
    """
    magento = add("magento", _magento, "set a company up in Magento, place an order there, or do something to one")
    magento.add_argument("action", choices=("seed", "order", *_OF_AN_ORDER))
    magento.add_argument("number", nargs="?", default="", help="the order's increment_id, of all actions but two")
    magento.add_argument("--line", action="append", metavar="SKU=QUANTITY", help="only this (may be repeated)")
    magento.add_argument("--store", default="", help="store view of a new order (default: the first)")
    magento.add_argument("--price", default="7.35", type=Decimal, help="of each piece ordered (default: %(default)s)")
    magento.add_argument("--tax", default="20", type=Decimal, help="its tax in percent (default: %(default)s)")
    magento.add_argument("--at", help="for example 2026-03-02T15:41:00Z (default: the shop's clock)")


def _magento(player: Player, options: argparse.Namespace) -> object:
    if options.action == "seed":
        return _call(player, "seed", {"company": harbor_light_supply(), **CREDENTIALS["magento"]})
    at = options.at or player.call("GET", "magento", "/_sandbox/clock")["now"]
    pairs = [line.rpartition("=") for line in options.line or []]
    lines = [{"sku": sku, "quantity": int(quantity)} for sku, _, quantity in pairs]
    if options.action == "order":
        each = {"price": str(options.price), "taxes": [{"code": "TAX", "rate": str(options.tax)}]}
        cart = [line | each for line in lines or [{"sku": "MUG-12", "quantity": 1}]]
        return _call(player, "orders", {"store": options.store, "at": at, "lines": cart})
    return _call(player, f"orders/{options.number}/{options.action}", {"at": at, "lines": lines or None})


def _call(player: Player, path: str, body: dict[str, Any]) -> Any:
    return player.call("POST", "magento", f"/_sandbox/{path}", body)
