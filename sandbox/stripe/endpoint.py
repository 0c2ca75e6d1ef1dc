"""One API request from its headers to its answer: version, key, budget, idempotency, expansion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import orjson
from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from sandbox.stripe.errors import StripeRefusal
from sandbox.stripe.idempotency import IdempotencyKeys, StoredAnswer
from sandbox.stripe.models import Account, make_id
from sandbox.stripe.rules import authenticate, count_request, expand, read_form, served_version

__all__ = ["Endpoint", "Work"]

Json = dict[str, Any]
Work = Callable[[Json], Json]
"""What an endpoint does with a request's parameters."""


class Endpoint:
    """Lets requests in and answers them with Stripe's headers, refused or not."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._keys = IdempotencyKeys(account.store)

    async def answer(self, request: Request, resource: str, work: Work) -> Response:
        """Do ``work`` with the request's parameters: those of the URL, of a POST those of its body."""
        sent = (await request.body()).decode() if request.method == "POST" else request.url.query
        headers = {"Request-Id": f"req_{make_id('event', id(request), request.url)[4:18]}"}

        def serve() -> StoredAnswer:
            headers["Stripe-Version"] = served_version(request.headers.get("Stripe-Version"))
            right = "read" if request.method == "GET" else "write"
            authenticate(self._account, request.headers.get("Authorization"), f"{resource}_{right}")
            count_request(self._account, f"{request.method} {resource}")
            key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
            if key is None:
                return self._run(sent, work)
            headers["Idempotency-Key"] = key
            if stored := self._keys.claim(key, f"{request.url.path}?{sent}"):
                headers["Idempotent-Replayed"] = "true"
                return stored
            return self._run_once(key, sent, work)

        try:
            answered = await run_in_threadpool(serve)
        except StripeRefusal as error:
            return JSONResponse(error.body, error.status, {**headers, **error.headers})
        return Response(answered.body, answered.status, headers, "application/json")

    def _run_once(self, key: str, sent: str, work: Work) -> StoredAnswer:
        try:
            answer = self._run(sent, work)
        except StripeRefusal:
            # a refused request changed nothing, and its key may come again with the mistake mended
            self._keys.release(key)
            raise
        self._keys.keep(key, answer)
        return answer

    def _run(self, sent: str, work: Work) -> StoredAnswer:
        form = read_form(parse_qsl(sent, keep_blank_values=True))
        return StoredAnswer(200, orjson.dumps(expand(self._account, work(form), form.get("expand", []))))
