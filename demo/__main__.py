"""
`make demo`: a company between a shop, GP and Xero, with orders that run through the live scheduler.

Everything of a run lies in .airflow and .demo of the checkout, or of another folder, and is made anew each time. With
``--no-stay`` the exit code is 0 only when every order is delivered or explained and the books agree.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from demo.airflow_home import CHECKOUT, USER
from demo.books import read_result, roles_that_differ
from demo.ending import INTERRUPTED, check, end_by_signals
from demo.machines import machines
from demo.memory import MemoryWatch
from demo.passes import FlowRunner, PassFailed
from demo.ports import check_free
from demo.report import print_report
from demo.sharing import OWN, TwoCompanies
from demo.stack import STAGES, Stack, start_sandboxes
from ledgerbridge.state import connect
from sandbox.order_file import OrderFileError, read_order_file
from sandbox.orders import SHOPS, make_orders
from sandbox.places import ANNOUNCEMENT, SERVED, SYSTEMS, announced, systems_of
from sandbox.player import Player, opening_of

LOG_WIDTH = 140
EXPECTED = (RuntimeError, OrderFileError, TimeoutError)
EXPLAINED_OUTCOMES = {"delivered", "ordered", "cancelled", "rejected"}


def main() -> int:
    """Run the demo; the exit code says whether the run was good."""
    options = _parser().parse_args()
    console = Console(width=None if sys.stdout.isatty() else LOG_WIDTH)
    end_by_signals()
    try:
        return _start(console, options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except EXPECTED as error:
        _print_error(console, error)
        return 1


def _start(console: Console, options: argparse.Namespace) -> int:
    if options.companies == 2:
        return _start_two(console, options)
    folder = options.folder / ".demo"
    file = read_order_file(options.cases) if options.cases else make_orders(options.orders, shops=options.shops)
    sandbox_ports = {system: options.sandbox_port + SERVED.index(system) for system in systems_of(file["company"])}
    check_free({"Airflow": options.airflow_port, **{f"sandbox {s}": port for s, port in sandbox_ports.items()}})
    with ExitStack() as ending:
        with console.status("preparing .airflow"):
            stack = _described(options, folder, file["company"], sandbox_ports, ending)
        (folder / "orders.json").write_text(json.dumps(file, indent=1))
        with announced(stack.addresses, folder / ANNOUNCEMENT.name):
            good = _run(console, stack, file, sandbox_ports)
            if options.stay:
                _stay(console)
        return 0 if good else 1


def _start_two(console: Console, options: argparse.Namespace) -> int:
    """Two companies that share a gateway's account."""
    numbers = iter(range(options.sandbox_port, options.sandbox_port + len(SYSTEMS) + len(OWN)))
    ports = [{system: next(numbers) for system in systems} for systems in (SYSTEMS, OWN)]
    named = {f"sandbox {s} of {n}": port for n, each in enumerate(ports, 1) for s, port in each.items()}
    check_free({"Airflow": options.airflow_port, **named})
    both = TwoCompanies.describe(options.folder, options.orders, options.airflow_port, ports)
    with both.second, both.stack.services:
        good = both.run(console)
        if options.stay:
            _stay(console)
    return 0 if good else 1


def _described(
    options: argparse.Namespace,
    folder: Path,
    company: dict[str, Any],
    sandbox_ports: dict[str, int],
    ending: ExitStack,
) -> Stack:
    """What is to run, on one machine or as on several; the end of ``ending`` stops what was started of it."""
    home = options.folder / ".airflow"
    common = {"home": home, "folder": folder, "airflow_port": options.airflow_port, "sandbox_ports": sandbox_ports}
    if options.machines:
        return ending.enter_context(machines(company=company, **common)).stack
    stack = Stack.describe(company=company, state_db=options.state_db, **common)
    ending.enter_context(stack.services)
    return stack


def _stay(console: Console) -> None:
    console.print("Everything stays up until Ctrl-C.")
    try:
        while not threading.Event().wait(1):
            check()
    except KeyboardInterrupt:
        console.print("Stopping.")


def _run(console: Console, stack: Stack, file: dict[str, Any], sandbox_ports: dict[str, int]) -> bool:
    started = time.monotonic()
    own = psutil.Process()
    with MemoryWatch(lambda: [own, *stack.services.processes()]) as memory:
        good = _play(console, stack, file, sandbox_ports)
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    console.print(f"{len(file['cases'])} orders in {minutes}:{seconds:02} min; at most {memory.peak}.", highlight=False)
    return good


def _play(console: Console, stack: Stack, file: dict[str, Any], sandbox_ports: dict[str, int]) -> bool:
    stack.start_airflow()
    with console.status("starting the sandbox"):
        start_sandboxes(stack.services, sandbox_ports, stack.folder / "sandbox")
    state = connect(stack.airflow.state_url)
    with Player(stack.addresses) as player:
        player.seed(file["company"], opening_of(file))
        console.print(
            f"Sandbox ready: {', '.join(f'{s} {stack.addresses.of(s)}' for s in player.systems)}", highlight=False
        )
        with console.status("starting Airflow"):
            api = stack.wait_for_airflow()
        address = (
            f"Console: {stack.airflow.url}/plugin/ledgerbridge  Airflow: {stack.airflow.url}"
            f"  user {USER}  password {stack.airflow.password}"
        )
        console.print(address, highlight=False)
        runner = FlowRunner(api, player, state, console, STAGES)
        closing_run, failure = "", None
        try:
            closing_run = runner.play(file)
        except PassFailed as error:
            closing_run, failure = error.run_id, error
        result = read_result(file, player, state)
    (stack.folder / "result.json").write_text(json.dumps(result, indent=1))
    verdict = runner.reconciliation(closing_run)
    print_report(console, file, result, state, verdict)
    if failure:
        _print_error(console, failure)
    console.print(f"Result: {stack.folder / 'result.json'}\n{address}", highlight=False)
    return failure is None and _is_good(console, result, verdict)


def _is_good(console: Console, result: dict[str, Any], verdict: dict[str, Any] | None) -> bool:
    lost = [name for name, order in result["orders"].items() if order["outcome"] not in EXPLAINED_OUTCOMES]
    if lost:
        console.print(f"[red]Neither delivered nor explained: {', '.join(lost)}")
    return not lost and not roles_that_differ(result) and verdict is not None and bool(verdict["agree"])


def _print_error(console: Console, error: Exception) -> None:
    console.print(str(error), style="red", highlight=False, markup=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--cases", type=Path, help="a file of orders to play (default: random ones)")
    parser.add_argument("--orders", type=int, default=20, help="how many random orders (default: %(default)s)")
    parser.add_argument(
        "--shops", choices=SHOPS, default="shopify", help="where random ones are placed (default: %(default)s)"
    )
    parser.add_argument(
        "--companies",
        type=int,
        choices=(1, 2),
        default=1,
        help="2: two that share the gateway's account, --orders each",
    )
    parser.add_argument("--no-stay", dest="stay", action="store_false", help="stop everything after the tables")
    parser.add_argument("--state-db", metavar="URL", help="a PostgreSQL database for the state (default: SQLite)")
    parser.add_argument("--machines", action="store_true", help="as on several: Redis, Celery, an Edge worker")
    parser.add_argument("--folder", type=Path, default=CHECKOUT, help="where .airflow and .demo lie (default: here)")
    parser.add_argument("--airflow-port", type=int, default=8080)
    parser.add_argument("--sandbox-port", type=int, default=8710, help="the first of five")
    return parser


if __name__ == "__main__":
    sys.exit(main())
