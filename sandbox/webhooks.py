"""Webhooks on their way: kept until somebody answers 2xx, tried again with growing pauses, given up in the end."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx
from fastapi import APIRouter

from sandbox.store import Store

__all__ = ["DELIVERY_TABLE", "Courier", "Parcel", "courier_routes"]

DELIVERY_TABLE = """
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL,
    headers TEXT NOT NULL, body BLOB NOT NULL, attempts INTEGER NOT NULL, due_at REAL NOT NULL,
    is_on_its_way INTEGER NOT NULL, state TEXT NOT NULL, answer TEXT
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (state, due_at);
"""
ANSWER_WITHIN_SECONDS = 5
LEASE_SECONDS = 30


@dataclass(frozen=True)
class Parcel:
    """
    One event for one subscriber.

    :param subscription: its subscription's id; the sender counts failures by it.
    :param secret: what the signature is made with.
    """

    subscription: str
    url: str
    secret: str
    headers: Mapping[str, str]
    body: bytes


class Courier:
    """
    Takes parcels out, in a thread of its own from the first parcel on.

    :param sign: the signature's headers for a secret and a body, made anew for each try.
    :param pauses_seconds: how long to wait before each further try.
    :param give_up: told the subscription whose parcel nobody took.
    """

    def __init__(
        self,
        store: Store,
        sign: Callable[[str, bytes], dict[str, str]],
        pauses_seconds: Sequence[float],
        give_up: Callable[[sqlite3.Connection, str], None],
    ) -> None:
        self._store = store
        self._sign = sign
        self._pauses = pauses_seconds
        self._give_up = give_up
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def post(self, connection: sqlite3.Connection, parcel: Parcel) -> None:
        """Hand a parcel in, within the transaction of what it tells of; ``depart`` lets it go."""
        connection.execute(
            "INSERT INTO delivery (subscription, url, secret, headers, body, attempts, due_at, is_on_its_way, state)"
            " VALUES (?, ?, ?, ?, ?, 0, ?, 0, 'waiting')",
            (
                parcel.subscription,
                parcel.url,
                parcel.secret,
                json.dumps(dict(parcel.headers)),
                parcel.body,
                time.time(),
            ),
        )

    def depart(self) -> None:
        """The transaction is through: what was handed in, if anything, may go."""
        if self._store.connection.execute("SELECT 1 FROM delivery LIMIT 1").fetchone() is None:
            return
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="courier")
                self._thread.start()
        self._wake.set()

    def hurry(self) -> None:
        """Try all that wait for another try now."""
        with self._store.write() as connection:
            connection.execute(
                "UPDATE delivery SET due_at = ? WHERE state = 'waiting' AND NOT is_on_its_way", (time.time(),)
            )
        self.depart()

    def repeat(self, last: int) -> None:
        """Send the last parcels once more, newest first: duplicates in the wrong order."""
        with self._store.write() as connection:
            rows = connection.execute("SELECT * FROM delivery ORDER BY id DESC LIMIT ?", (last,)).fetchall()
            for row in rows:
                headers = json.loads(row["headers"])
                self.post(connection, Parcel(row["subscription"], row["url"], row["secret"], headers, row["body"]))
        self.depart()

    def report(self) -> list[dict[str, object]]:
        """Every parcel: where it went, how often it was tried, what came of it."""
        rows = self._store.connection.execute(
            "SELECT id, subscription, url, headers, attempts, is_on_its_way, state, answer FROM delivery ORDER BY id"
        )
        return [{**dict(row), "headers": json.loads(row["headers"])} for row in rows]

    def _run(self) -> None:
        with httpx.Client(timeout=ANSWER_WITHIN_SECONDS) as http:
            while True:
                self._wake.wait(timeout=1)
                self._wake.clear()
                while row := self._take():
                    self._deliver(http, row)

    def _take(self) -> sqlite3.Row | None:
        """The next parcel that is due, leased so that no other process takes it too."""
        now = time.time()
        with self._store.write() as connection:
            row: sqlite3.Row | None = connection.execute(
                "UPDATE delivery SET due_at = ?, is_on_its_way = 1, attempts = attempts + 1 WHERE id = ("
                "SELECT id FROM delivery WHERE state = 'waiting' AND due_at <= ? ORDER BY due_at, id LIMIT 1"
                ") RETURNING *",
                (now + LEASE_SECONDS, now),
            ).fetchone()
        return row

    def _deliver(self, http: httpx.Client, row: sqlite3.Row) -> None:
        headers = {**json.loads(row["headers"]), **self._sign(row["secret"], row["body"])}
        try:
            answer = http.post(row["url"], content=row["body"], headers=headers)
            is_taken, found = answer.is_success, str(answer.status_code)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            is_taken, found = False, type(error).__name__
        is_last = row["attempts"] > len(self._pauses)
        state = "delivered" if is_taken else "given_up" if is_last else "waiting"
        pause = 0 if is_taken or is_last else self._pauses[row["attempts"] - 1]
        with self._store.write() as connection:
            connection.execute(
                "UPDATE delivery SET state = ?, answer = ?, due_at = ?, is_on_its_way = 0 WHERE id = ?",
                (state, found, time.time() + pause, row["id"]),
            )
            if state == "given_up":
                self._give_up(connection, row["subscription"])


def courier_routes(courier: Courier) -> APIRouter:
    """``/_sandbox/deliveries``: what became of webhooks, retries at once, duplicates."""
    routes = APIRouter(prefix="/_sandbox/deliveries")

    @routes.get("")
    def report() -> dict[str, object]:
        return {"deliveries": courier.report()}

    @routes.post("/retry", status_code=204)
    def retry() -> None:
        courier.hurry()

    @routes.post("/repeat", status_code=204)
    def repeat(last: int = 1) -> None:
        courier.repeat(last)

    return routes
