"""
Plays the customers, the warehouse and the bookkeeper of a file of orders (the golden form) through the admin APIs.

Events of a step are played in order of their time. Those of one instant are independent of each other unless they
concern the same order, so they go out in parallel: five thousand orders take a minute, not an hour.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx

from sandbox.magento.order_form import cart_of, credit_of
from sandbox.places import CREDENTIALS, SYSTEMS, Addresses, system_of, systems_of

__all__ = ["STEPS", "Books", "Event", "OrderFile", "Player", "SandboxRefused", "events_of", "opening_of"]

STEPS = (1, 2, 3, 4, 5)
PARALLEL = 8
OK = 200
CLOCK_IS_AHEAD = 409
NOTHING_LEFT = 409

OrderFile = Mapping[str, Any]
"""A parsed file of the golden form: ``company``, ``cases`` (each an ``order`` and its ``events``), ``payouts``, perhaps
``movements`` (``order_file``)."""


# What a shop of some size has: on the standard plan a rerun of many orders mostly waits for points.
PLUS_PLAN = {"maximum_available": 20000, "restore_rate": 1000}
# A day's work is played in minutes: at Xero's 60 calls a minute most of them would be waiting.
XERO_LIMITS = {"calls_per_minute": 600}


class SandboxRefused(RuntimeError):
    """A simulated system did not take an event; names the system, the call, its answer and what to look at."""

    def __init__(self, system: str, call: str, answer: str, remedy: str) -> None:
        super().__init__(f"The {system} sandbox refused {call}: {answer} Remedy: {remedy}")
        self.system = system


@dataclass(frozen=True)
class Event:
    """One thing a person does: ``kind`` as in the file, plus ``place``, ``payout`` and ``movement``."""

    step: int
    at: datetime
    kind: str
    order: Mapping[str, Any] | None
    details: Mapping[str, Any]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def events_of(file: OrderFile, step: int) -> list[Event]:
    """
    The events of one step, earliest first; what a case lists first comes first at one instant.

    Orders are placed in step 1. A payout carries an arrival date and no time: it is created when everything before
    it has happened, so it comes last.
    """
    events = []
    for case in file["cases"]:
        order = case["order"]
        if step == 1:
            events.append(Event(1, _instant(order["placed_at"]), "place", order, order))
        events += [Event(step, _instant(e["at"]), e["do"], order, e) for e in case["events"] if e["step"] == step]
    events += [
        Event(step, _instant(each["at"]), "movement", None, each)
        for each in file.get("movements", [])
        if each["step"] == step
    ]
    events.sort(key=lambda event: event.at)
    last = events[-1].at if events else _closing_of(file)
    return events + [Event(step, last, "payout", None, p) for p in file.get("payouts", []) if p["step"] == step]


def opening_of(file: OrderFile) -> datetime:
    """The first instant of a file: nothing in it happens before."""
    return events_of(file, 1)[0].at


def _closing_of(file: OrderFile) -> datetime:
    """The last instant the file names."""
    return max(
        _instant(instant)
        for case in file["cases"]
        for instant in [case["order"]["placed_at"], *(event["at"] for event in case["events"])]
    )


@dataclass(frozen=True)
class Books:
    """Whose books a person works in, where GP and Xero keep those of several companies; None: the first one's."""

    gp_company: str | None = None
    gp_number: int = 1
    xero_tenant: str | None = None

    def of(self, system: str) -> dict[str, str]:
        """What a call to a system's admin API names them by."""
        named = {"gp": ("company", self.gp_company), "xero": ("tenant_id", self.xero_tenant)}
        name, value = named.get(system, ("", None))
        return {} if value is None else {name: value}


class Player:
    """
    One person at the admin APIs of all systems of a company; of the usual four until it was created (``seed``).

    :param books: of which company; Xero's organisation is known once it was created (``seed``).
    :raises SandboxRefused: from every method, when a system does not answer with success.
    """

    def __init__(self, addresses: Addresses | None = None, books: Books | None = None) -> None:
        self.addresses = addresses or Addresses()
        self.books = books or Books()
        limits = httpx.Limits(max_connections=4 * PARALLEL, max_keepalive_connections=4 * PARALLEL)
        self.systems: tuple[str, ...] = SYSTEMS
        self._http = httpx.Client(timeout=120, limits=limits)
        self._pool = ThreadPoolExecutor(max_workers=PARALLEL, thread_name_prefix="player")

    def close(self) -> None:
        """Release threads and connections."""
        self._pool.shutdown()
        self._http.close()

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def seed(self, company: Mapping[str, Any], now: datetime) -> dict[str, Any]:
        """
        Create the company in every system, reachable with ``CREDENTIALS``; what each answered, by system.

        :param now: where the business clocks start, for what is created to be older than the first order.
        """
        self.systems = systems_of(company)
        self.set_clock(now)
        bodies: dict[str, dict[str, Any]] = {
            system: {"company": _as_seen_by(system, company), **CREDENTIALS[system]} for system in self.systems
        }
        bodies["xero"]["settings"] = XERO_LIMITS
        if self.books.gp_company is not None:
            bodies["gp"] |= {"company_id": self.books.gp_company, "company_number": self.books.gp_number}
        seeded = {system: self.call("POST", system, "/_sandbox/seed", body) for system, body in bodies.items()}
        if "shopify" in self.systems:
            self.call("PUT", "shopify", "/_sandbox/settings", PLUS_PLAN)
        if self.books.gp_company is not None:
            self.books = replace(self.books, xero_tenant=seeded["xero"]["tenant_id"])
        return seeded

    def set_clock(self, now: datetime) -> None:
        """
        Move the business clock of all systems to ``now``; one that was set to a later time stays.

        A clock nobody has set shows real time, and may be set to any.
        """
        for system in self.systems:
            self.call("PUT", system, "/_sandbox/clock", {"now": _text(now)}, accept=CLOCK_IS_AHEAD)

    def order_names(self) -> list[str]:
        """The names of all orders of all shops."""
        return list(self.call("GET", "shopify", "/_sandbox/orders")["names"])

    def clock(self) -> dict[str, str]:
        """The business clock of each system."""
        return {system: self.call("GET", system, "/_sandbox/clock")["now"] for system in self.systems}

    def play(self, file: OrderFile, step: int, progress: Callable[[int], None] | None = None) -> int:
        """
        Play the events of one step, then let the bookkeeper post what the warehouse shipped.

        :param progress: called with the number of events played so far.
        :returns: how many events were played.
        """
        scene = _Scene.of(file["company"])
        events = events_of(file, step)
        done = 0
        for instant, by_order in _instants(events):
            self.set_clock(instant)
            for played in self._pool.map(lambda batch: self._play_in_turn(batch, scene), by_order):
                done += played
                if progress:
                    progress(done)
        if any(event.kind == "fulfil" for event in events):
            self.post()
        return done

    def post(self, batch: str | None = None) -> int:
        """Post one GP batch, or all open ones, through to the general ledger; how many documents were posted."""
        return int(self.call("POST", "gp", "/_sandbox/post", {"batch": batch})["posted"])

    def open_batches(self) -> list[dict[str, Any]]:
        """The GP batches nobody has posted yet."""
        answer = self.call("GET", "gp", "/_sandbox/batches")
        return list(answer["batches"] if isinstance(answer, dict) else answer)

    def fulfil(self, order_name: str, *, on: str, lines: list[dict[str, Any]] | None = None) -> str | None:
        """
        Transfer a GP order, whole or these lines (``sku``, ``quantity``), to an invoice dated ``on``.

        :returns: the invoice's number; None where GP has no open order of that name.
        """
        body = {
            "customer_po": order_name,
            "lines": lines and [{"ITEMNMBR": line["sku"], "QUANTITY": line["quantity"]} for line in lines],
            "date": on,
        }
        invoice: str | None = self.call("POST", "gp", "/_sandbox/transfer", body)["invoice"]
        return invoice

    def ledger(self, system: str) -> dict[str, Any]:
        """What the books of ``gp`` or ``xero`` hold: balances by account, documents."""
        return dict(self.call("GET", system, "/_sandbox/ledger"))

    def entries(self, system: str) -> list[dict[str, Any]]:
        """The general ledger of ``gp`` (posted lines) or ``xero`` (journals with their lines), whole."""
        found: list[dict[str, Any]] = []
        while True:
            offset = found[-1].get("JournalNumber") if found else 0
            page = self.call("GET", system, f"/_sandbox/entries?offset={offset}")["entries"]
            found += page
            if system == "gp" or not page:
                return found

    def order_fault(self, system: str, fault: Mapping[str, Any]) -> dict[str, Any]:
        """Let something go wrong with calls to ``system`` (``sandbox.faults.Fault``); the fault as it waits."""
        return dict(self.call("POST", system, "/_sandbox/faults", fault))

    def faults(self) -> dict[str, list[dict[str, Any]]]:
        """The faults ordered of each system, with how many calls they met and befell."""
        return {system: self.call("GET", system, "/_sandbox/faults")["faults"] for system in self.systems}

    def forget_faults(self) -> None:
        """Drop the faults of all systems."""
        for system in self.systems:
            self.call("DELETE", system, "/_sandbox/faults")

    def _play_in_turn(self, events: list[Event], scene: _Scene) -> int:
        for event in events:
            self._play_one(event, scene)
        return len(events)

    def _play_one(self, event: Event, scene: _Scene) -> None:
        if event.kind == "movement":
            self._move(event.details)
            return
        if event.order is None:
            gateway = event.details.get("gateway", "stripe")
            system = "shopify" if gateway == "shopify_payments" else gateway
            self.call("POST", system, "/_sandbox/payouts", event.details)
            return
        if event.kind in ("dispute", "dispute_won"):
            self._at_the_bank(event, event.order)
            return
        if event.kind not in ("place", "pay", "fulfil", "edit", "cancel", "refund", "exchange"):
            raise ValueError(
                f"Order {event.order['name']}: event {event.kind!r} is none of pay, fulfil, edit, cancel, refund, "
                "exchange, dispute, dispute_won. Correct `do`."
            )
        if event.kind in ("pay", "refund") and Decimal(event.details["amount"]) and _is_card(event):
            path = "charges" if event.kind == "pay" else "refunds"  # a credit alone is the shop's
            self.call("POST", "stripe", f"/_sandbox/{path}", {"event": event.details, "order": event.order})
        told = self._by_paypal(event, event.order)
        sent = event.kind == "fulfil" and self.fulfil(
            event.order["name"],
            on=event.at.astimezone(scene.zone).date().isoformat(),
            lines=event.details.get("lines"),
        )
        if scene.systems.get(event.order["shop"]) == "magento":
            self._in_magento(event, event.order, sent=bool(sent))
        elif event.kind == "place":
            self.call("POST", "shopify", "/_sandbox/orders", event.details)
        elif event.kind != "fulfil":
            self._act("shopify", event.order["name"], event.kind, told)

    def _move(self, details: Mapping[str, Any]) -> None:
        """What a gateway takes or gives by itself (``do``)."""
        if (gateway := details.get("gateway", "stripe")) != "stripe":
            system, path = ("paypal", "transactions") if gateway == "paypal" else ("shopify", "balance_transactions")
            self.call("POST", system, f"/_sandbox/{path}", details)
            return
        paths = {
            "topup": "topups",
            "topup_reversed": f"topups/{details['id']}/reverse",
            "reserve": "reserves",
            "bill": "fees",
        }
        self.call("POST", "stripe", f"/_sandbox/{paths[details['do']]}", details)

    def _by_paypal(self, event: Event, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the shop is told: PayPal's own id of money that it moved."""
        is_money = event.kind in ("pay", "refund") and event.details.get("gateway") == "paypal"
        if not is_money or "paypal" not in self.systems:
            return event.details
        path = "payments" if event.kind == "pay" else "refunds"
        moved = self.call("POST", "paypal", f"/_sandbox/{path}", {"event": event.details, "order": order})
        return {**event.details, "id": moved["transaction_id"]}

    def _at_the_bank(self, event: Event, order: Mapping[str, Any]) -> None:
        """
        A card holder disputes a charge (``id``, ``charge``, ``fee``) or the bank gives it to the shop after all
        (``id``, the dispute's); ``moved``: what Shopify Payments or PayPal takes or gives, with its sign.
        """
        details = event.details
        if _is_card(event):
            path = f"/{details['id']}/win" if event.kind == "dispute_won" else ""
            self.call("POST", "stripe", f"/_sandbox/disputes{path}", details)
            return
        if details["gateway"] == "paypal":
            code, fee = ("T1201" if event.kind == "dispute" else "T1202"), Decimal(details.get("fee", 0))
            moved = {"id": details["id"], "at": details["at"], "code": code, "amount": details["moved"]}
            self.call("POST", "paypal", "/_sandbox/transactions", moved | {"about": details["charge"]})
            if fee:
                fee_taken = {"id": f"{details['id']}.fee", "code": "T0106", "amount": f"{-fee:.2f}"}
                self.call("POST", "paypal", "/_sandbox/transactions", moved | fee_taken)
            return
        kind = "DISPUTE_WITHDRAWAL" if event.kind == "dispute" else "DISPUTE_REVERSAL"
        moved = {"type": kind, "shop": order["shop"], "at": details["at"], "amount": details["moved"]}
        moved |= {"id": details["id"], "about": details["charge"], "fee": details.get("fee", "0.00")}
        self.call("POST", "shopify", "/_sandbox/balance_transactions", moved)

    def _in_magento(self, event: Event, order: Mapping[str, Any], *, sent: bool) -> None:
        """The same at Magento's desk: money captured for all of the order is an invoice, a refund a credit memo."""
        name, at, details = order["name"], {"at": _text(event.at)}, event.details
        match event.kind:
            case "place":
                placed = self.call("POST", "magento", "/_sandbox/orders", cart_of(order))
                if Decimal(str(placed["grand_total"])) != Decimal(order["total"]):
                    found = f"it calculates {placed['grand_total']}, the file {order['total']}."
                    raise SandboxRefused("magento", f"order {name}", found, "round each tax of the file by line.")
            case "pay" if Decimal(details["amount"]) >= Decimal(order["total"]):
                self._act("magento", name, "invoice", at)
            case "pay":
                pass  # Magento invoices pieces, not money
            case "fulfil" if sent:
                # what the shop has given up meanwhile went out all the same
                self._act("magento", name, "ship", {**at, "lines": details.get("lines")}, accept=NOTHING_LEFT)
            case "fulfil":
                pass
            case "cancel":
                self._act("magento", name, "cancel", at)
            case "refund":
                self._act("magento", name, "credit", {**at, **credit_of(details, order)})
            case kind:
                raise ValueError(
                    f"Order {name}: Magento knows no {kind}: it cancels an order and places another. Take the event "
                    "away, or let the order be one of a Shopify shop."
                )

    def _act(self, system: str, order_name: str, action: str, details: Mapping[str, Any], *, accept: int = OK) -> None:
        path = f"/_sandbox/orders/{quote(order_name, safe='')}/{action}"
        self.call("POST", system, path, details, accept=accept)

    def call(self, method: str, system: str, path: str, body: object = None, *, accept: int = OK) -> Any:
        """Any call of a system's admin API; its answer."""
        url = httpx.URL(self.addresses.of(system) + path).copy_merge_params(self.books.of(system))
        try:
            answer = self._http.request(method, url, json=body)
        except httpx.TransportError as error:
            raise SandboxRefused(
                system,
                f"{method} {url}",
                f"no answer ({error}).",
                f"start it with `sandbox serve {system}`, or all of them with `make demo`.",
            ) from error
        if not answer.is_success and answer.status_code != accept:
            found = f"{answer.status_code} {answer.text[:500]}"
            raise SandboxRefused(system, f"{method} {path}", found, "correct the event in the file.")
        return answer.json() if answer.content else None


@dataclass(frozen=True)
class _Scene:
    """What the events of a company have in common: its days, and by shop the system that holds it."""

    zone: ZoneInfo
    systems: Mapping[str, str]

    @classmethod
    def of(cls, company: Mapping[str, Any]) -> _Scene:
        return cls(ZoneInfo(company["time_zone"]), {shop["shop"]: system_of(shop) for shop in company["shops"]})


def _as_seen_by(system: str, company: Mapping[str, Any]) -> Mapping[str, Any]:
    """A shop's system is told of its own shops alone."""
    if system not in {system_of(shop) for shop in company["shops"]}:
        return company
    return {**company, "shops": [shop for shop in company["shops"] if system_of(shop) == system]}


def _is_card(event: Event) -> bool:
    """Whether the gateway moves the money; what else people pay with (`gateway`) the shop alone knows of."""
    return bool(event.details.get("gateway", "stripe") == "stripe")


def _instants(events: list[Event]) -> Iterator[tuple[datetime, list[list[Event]]]]:
    """Events by instant; at each, one list per order (payouts share one, they come last)."""
    by_instant: dict[tuple[bool, datetime], dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        order_name = "" if event.order is None else event.order["name"]
        by_instant[event.kind == "payout", event.at][order_name].append(event)
    for (_, instant), by_order in sorted(by_instant.items()):
        yield instant, list(by_order.values())
