"""A language model orders what is not sure, through Airflow's provider and OpenAI's client, and is told no values."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from commands.main import main
from ledgerbridge.suggest import Entity, Field, Opinion, questions, reordered, suggest
from tests.unit.extra_packages import installed_beside

ROOT = Path(__file__).parents[2]
ENTITIES = """
till.sale:
  header:
    slip: text(20) number of the sale
    sold_at: instant when it was sold
    note: choice(gift|return) what the clerk wrote
    remark: text(60) what the customer wrote
books.sale:
  header:
    docnumber: text(20)! number of the document
    memo: text(30) free text
"""
SOURCE = Entity("till.sale", (Field("slip"), Field("note", kind="choice", values=("gift",)), Field("remark")))
TARGET = Entity("books.sale", (Field("memo"),))


def test_opinion_orders_what_is_not_sure_and_makes_nothing_sure() -> None:
    [given] = suggest(SOURCE, TARGET)
    last = given.candidates[-1].source
    [told] = reordered([given], {"memo": Opinion("memo", (3, 99, 3, 1))}, "llm")
    assert (told.band, told.candidates[0].source, told.candidates[0].confidence) == (
        "likely", last, given.candidates[-1].confidence,
    )  # fmt: skip
    assert {each.source.name for each in told.candidates} == {"slip", "note", "remark"}
    assert reordered([given], {"memo": Opinion("memo", ())}, "llm")[0].band == "open"
    assert reordered([given], {"memo": Opinion("memo", (0, 99)), "other": Opinion("other", (1,))}, "llm") == [given]


def test_values_are_told_only_where_that_is_allowed() -> None:
    found = suggest(SOURCE, TARGET)
    assert "gift" not in json.dumps([*questions(SOURCE, TARGET, found, values=False)])
    assert "gift" in json.dumps([*questions(SOURCE, TARGET, found, values=True)])


class Model(ThreadingHTTPServer):
    """Answers `POST /v1/chat/completions` as OpenAI's reference says, by calling the one tool it is given."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.keys.append(self.headers["Authorization"])
        if self.path != "/v1/chat/completions" or self.headers["Authorization"] != "Bearer of-the-test":
            self._answer(401, {"error": {"message": "Incorrect API key provided", "type": "invalid_request_error"}})
            return
        [tool] = body["tools"]
        given = json.loads(body["messages"][-1]["content"])
        [wrapped] = tool["function"]["parameters"]["required"]
        orders = [{"field": each["field"], "order": [len(each["candidates"])]} for each in given["fields"]]
        call = {"name": tool["function"]["name"], "arguments": json.dumps({wrapped: orders})}
        message = {
            "role": "assistant", "content": None, "refusal": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
        }  # fmt: skip
        self._answer(
            200,
            {
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1767225600, "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": None}],
                "usage": {"prompt_tokens": 90, "completion_tokens": 9, "total_tokens": 99},
            },
        )  # fmt: skip

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def model() -> Iterator[Model]:
    """Listens until the test is done."""
    with Model() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What requirements-llm.txt has on top of this environment, in a folder of its own."""
    return installed_beside("requirements-llm.txt", tmp_path_factory.mktemp("provider"))


def suggesting(tmp_path: Path) -> list[str]:
    (tmp_path / "entities.yaml").write_text(ENTITIES)
    return ["suggest", "till.sale", "books.sale", "--fields", str(tmp_path / "entities.yaml"), "--json"]


def ask(tmp_path: Path, provider: Path, model: Model, password: str) -> subprocess.CompletedProcess[str]:
    host, extra = f"http://127.0.0.1:{model.server_port}/v1", {"model": "openai-chat:some-model"}
    connection = {"conn_type": "pydanticai", "host": host, "password": password, "extra": extra}
    paths = os.pathsep.join([str(ROOT / "plugins"), str(provider)])
    command = [sys.executable, "-c", "import sys; from commands.main import main; sys.exit(main(sys.argv[1:]))"]
    return subprocess.run(
        [*command, *suggesting(tmp_path), "--ask", "llm"],
        env={**os.environ, "PYTHONPATH": paths, "AIRFLOW_CONN_LLM": json.dumps(connection)},
        check=False, capture_output=True, text=True,
    )  # fmt: skip


def test_model_behind_a_connection_is_told_names_and_kinds_alone_and_what_is_sure_stays(
    tmp_path: Path, provider: Path, model: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(suggesting(tmp_path)) == 0
    without = json.loads(capsys.readouterr().out)
    answer = ask(tmp_path, provider, model, "of-the-test")
    assert answer.returncode == 0, answer.stderr
    asked = model.asked[0]
    assert (asked["model"], asked["temperature"]) == ("some-model", 0)
    assert "what the customer wrote" in asked["messages"][-1]["content"]
    assert "gift" not in json.dumps(asked)
    for before, after in zip(without, json.loads(answer.stdout), strict=True):
        if before["band"] == "sure":
            assert after == before
        else:
            assert after["candidates"][0]["source"] == before["candidates"][-1]["source"]
            assert (after["band"], after["candidates"][0]["reason"][:18]) == ("likely", "llm puts it first;")
    refused = ask(tmp_path, provider, model, "wrong")
    assert "LB-SUG-008" in refused.stderr
    assert "Incorrect API key provided" in refused.stderr
