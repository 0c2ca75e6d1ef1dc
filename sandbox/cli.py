"""
The ``sandbox`` command: serves the simulated systems and plays the people around them.

``serve`` runs one system. The rest are what people do in life: the customer (``place``), the warehouse (``fulfil``),
the shop's clerk (``cancel``, ``refund``), the bookkeeper (``post``, ``enter-payment``, ``void``, ``period``), the
gateway (``payout``), and whoever plays a whole file of orders (``seed``, ``play``) or cuts a cable (``fault``).
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.by_hand import add_commands
from sandbox.faults import KINDS
from sandbox.keyed_in import key_in
from sandbox.magento.by_hand import add_magento_command
from sandbox.messy import make_messy
from sandbox.order_file import read_order_file
from sandbox.orders import OPENING, harbor_light_supply, make_orders
from sandbox.places import SERVED, Addresses, running
from sandbox.player import STEPS, Player, SandboxRefused, opening_of

__all__ = ["main"]

FIRST_PLACED = 2001
IDLE_SECONDS = 120
"""How long a connection stays open between two calls, as long as IIS keeps one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it was done, 1 with a sentence on stderr when a system refused."""
    options = _parser().parse_args(arguments)
    if options.command == "serve":
        return _serve(options)
    addresses = Addresses(**{system: getattr(options, system) for system in SERVED})
    with Player(addresses) as player:
        try:
            answer = options.run(player, options)
        except (SandboxRefused, OSError, ValueError) as error:
            print(error, file=sys.stderr)
            return 1
    print(answer if isinstance(answer, str) else json.dumps(answer, indent=2))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    serve = commands.add_parser("serve", help="run one simulated system until interrupted")
    serve.add_argument("system", choices=SERVED)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=int, help="default: 8710 and up, in the order " + ", ".join(SERVED))
    serve.add_argument("--data", type=Path, required=True, help="folder of its database; several may share one")

    systems = argparse.ArgumentParser(add_help=False)
    found = running()
    for system in SERVED:
        variable, address = f"SANDBOX_{system.upper()}", found.of(system)
        systems.add_argument(
            f"--{system}", default=address, help=f"its address (default: {variable}, or where it runs: {address})"
        )

    def add(name: str, run: Any, about: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=about, parents=[systems])
        command.set_defaults(run=run)
        return command

    seed = add("seed", _seed, "create a company in all systems")
    seed.add_argument("file", type=Path, nargs="?", help="a file of orders with the company (default: ours)")
    seed.add_argument(
        "--messy", type=int, metavar="N", help="also two ledgers that grew apart, with N customers in the fuller one"
    )
    seed.add_argument("--seed", type=int, default=1, help="of --messy: the same makes the same (default: %(default)s)")
    seed.add_argument(
        "--truth",
        type=Path,
        default=Path("truth.json"),
        help="of --messy: who is who goes there (default: %(default)s)",
    )

    play = add("play", _play, "play the events of a file of orders")
    play.add_argument("file", type=Path)
    play.add_argument("--step", type=int, choices=STEPS, action="append", help="only this step (may be repeated)")

    place = add("place", _place, "place and pay random orders now, as customers do")
    place.add_argument("count", type=int, nargs="?", default=1)
    place.add_argument("--first", type=int, help=f"number of the first order (default: {FIRST_PLACED}, then the next)")
    place.add_argument("--seed", type=int, help="the same seed makes the same orders (default: others each time)")

    fulfil = add("fulfil", _fulfil, "ship an order: transfer it to an invoice in GP")
    fulfil.add_argument("order", help="the shop's order name, for example '#1001'")
    fulfil.add_argument("--on", help="invoice date, YYYY-MM-DD (default: the business day)")
    fulfil.add_argument("--line", action="append", metavar="SKU=QUANTITY", help="ship only this (may be repeated)")

    post = add("post", _post, "post the open GP batches, as the bookkeeper does")
    post.add_argument("batch", nargs="?", help="only this one")

    add_commands(add)
    add_magento_command(add)

    fault = add("fault", _fault, "let something go wrong between a client and a system")
    fault.add_argument("system", choices=SERVED)
    fault.add_argument("kind", choices=KINDS)
    fault.add_argument("--method", default="", help="only calls of this method")
    fault.add_argument(
        "--path",
        default="",
        help="only calls whose path begins so (of Xero: below /api.xro/2.0/, of Magento: below /rest/)",
    )
    fault.add_argument("--contains", default="", help="only calls whose body contains this")
    fault.add_argument("--times", type=int, default=1, help="how often; 0: until `sandbox faults --forget`")
    fault.add_argument("--skip", type=int, default=0, help="so many matching calls pass first")
    fault.add_argument("--probability", type=float, default=1.0, help="of each matching call (default: %(default)s)")
    fault.add_argument("--seconds", type=float, default=0, help="how long the call is held, or told to wait")
    fault.add_argument("--status", type=int, default=500, help="of kind status (default: %(default)s)")

    faults = add("faults", _faults, "show the faults ordered and how often each happened")
    faults.add_argument("--forget", action="store_true", help="drop them all")

    clock = add("clock", _clock, "show the business clock, or move it forward")
    clock.add_argument("now", nargs="?", help="for example 2026-03-02T15:41:00Z")

    return parser


def _serve(options: argparse.Namespace) -> int:
    import uvicorn

    create_app = importlib.import_module(f"sandbox.{options.system}.app").create_app
    options.data.mkdir(parents=True, exist_ok=True)
    port = options.port or 8710 + SERVED.index(options.system)
    # The Date header is the business clock's: the app sets it.
    uvicorn.run(
        create_app(options.data), host=options.host, port=port, log_level="warning", date_header=False,
        timeout_keep_alive=IDLE_SECONDS,
    )  # fmt: skip
    return 0


def _seed(player: Player, options: argparse.Namespace) -> object:
    if options.file is None:
        seeded: object = player.seed(harbor_light_supply(), OPENING)
    else:
        file = read_order_file(options.file)
        seeded = player.seed(file["company"], opening_of(file))
    if options.messy is None:
        return seeded
    messy = make_messy(options.messy, options.seed, vendors=0, items=0)
    pairs = key_in(messy, player)
    options.truth.write_text(json.dumps({"seed": options.seed, "customer": pairs}, indent=1))
    return (
        f"{len(messy.gp['customer'])} customers are in GP and {len(messy.xero['customer'])} contacts in Xero; which"
        f" {len(pairs)} pairs of them are one is in {options.truth}."
    )


def _play(player: Player, options: argparse.Namespace) -> object:
    file = read_order_file(options.file)
    return {f"step {step}": f"{player.play(file, step)} events" for step in options.step or STEPS}


def _place(player: Player, options: argparse.Namespace) -> object:
    opening = datetime.fromisoformat(player.clock()["shopify"])
    taken = [int(name[1:]) for name in player.order_names() if re.fullmatch(r"#\d+", name)]
    first = options.first or max([FIRST_PLACED, *(number + 1 for number in taken)])
    seed = options.seed if options.seed is not None else 2 + first - FIRST_PLACED
    file = make_orders(options.count, seed=seed, first_number=first, opening=opening)
    player.play(file, 1)
    return {case["order"]["name"]: case["order"]["total"] for case in file["cases"]}


def _fulfil(player: Player, options: argparse.Namespace) -> object:
    lines = None
    if options.line:
        pairs = [line.rpartition("=") for line in options.line]
        lines = [{"sku": sku, "quantity": int(quantity)} for sku, _, quantity in pairs]
    invoice = player.fulfil(options.order, on=options.on or player.clock()["gp"][:10], lines=lines)
    if invoice is None:
        return f"GP has no open order {options.order}: run the flow order_to_cash, then fulfil it."
    return f"{options.order} is invoiced as {invoice}, in a batch: post it with `sandbox post`."


def _post(player: Player, options: argparse.Namespace) -> object:
    return f"{player.post(options.batch)} documents posted"


def _fault(player: Player, options: argparse.Namespace) -> object:
    wanted = {name: getattr(options, name) for name in _FAULT_OPTIONS}
    return player.order_fault(options.system, wanted | {"times": options.times or None})


_FAULT_OPTIONS = ("kind", "method", "path", "contains", "skip", "probability", "seconds", "status")


def _faults(player: Player, options: argparse.Namespace) -> object:
    if options.forget:
        player.forget_faults()
    return player.faults()


def _clock(player: Player, options: argparse.Namespace) -> object:
    if options.now:
        player.set_clock(datetime.fromisoformat(options.now))
    return player.clock()


if __name__ == "__main__":
    sys.exit(main())
