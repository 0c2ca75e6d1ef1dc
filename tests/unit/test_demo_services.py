"""Services are stopped with all their children; a dead one and a taken port are named."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from demo.airflow_home import CHECKOUT
from demo.ports import PortInUse, check_free, free_port
from demo.relay import Relay, cut
from demo.services import Service, ServiceDied, Services

DEAF_WITH_CHILD = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
open(sys.argv[1], "w").write(str(child.pid))
child.wait()
"""

LEAVES_A_CHILD_AS_IT_ENDS = """
import signal, subprocess, sys
def end(*_):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    open(sys.argv[1], "w").write(str(child.pid))
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
signal.pause()
"""


def _python(name: str, code: str, *arguments: str) -> Service:
    return Service(name, [sys.executable, "-c", code, *arguments], os.environ)


def test_stop_ends_a_deaf_service_and_its_child_in_another_session(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    with Services(tmp_path / "logs", tmp_path, patience_seconds=0.5) as services:
        services.start(_python("deaf", DEAF_WITH_CHILD, str(told)))
        services.wait_until(lambda: told.exists() and told.read_text() != "", what="deaf", timeout_seconds=30)
        child = psutil.Process(int(told.read_text()))
        assert _is_alive(child)
    assert not _is_alive(child)


def test_stop_ends_what_a_service_started_as_it_ended(tmp_path: Path) -> None:
    """As one that is told to end while it starts others."""
    told, log = tmp_path / "pid", tmp_path / "logs" / "leaves.log"
    with Services(tmp_path / "logs", tmp_path) as services:
        services.start(_python("leaves", LEAVES_A_CHILD_AS_IT_ENDS, str(told)))
        services.wait_until(lambda: "ready" in log.read_text(), what="leaves", timeout_seconds=30)
    with suppress(psutil.NoSuchProcess):
        assert not _is_alive(psutil.Process(int(told.read_text())))


def test_a_service_that_is_to_come_back_does_until_all_are_stopped(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "back.log"
    code = "import os, signal; print('ready', flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    with Services(tmp_path / "logs", tmp_path) as services:
        services.start(Service("back", [sys.executable, "-c", code], os.environ, again=True))
        services.wait_until(lambda: log.read_text().count("ready") == 2, what="back again", timeout_seconds=30)
        process = services.process("back")
    assert process.returncode is not None


def test_what_is_sent_while_a_way_is_cut_arrives_when_it_is_whole_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as there, Relay(there.getsockname()[1]) as relay:
        before = socket.create_connection(("127.0.0.1", relay.port), timeout=5)
        answering, _ = there.accept()
        answering.settimeout(0.3)
        with before, answering:
            before.sendall(b"one")
            assert answering.recv(10) == b"one"
            with cut(relay):
                before.sendall(b"two")
                with pytest.raises(TimeoutError):
                    answering.recv(10)
            assert answering.recv(10) == b"two"
            answering.sendall(b"three")
            assert before.recv(10) == b"three"


def test_service_that_ends_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    with Services(tmp_path / "logs", tmp_path) as services:
        services.start(_python("short", "raise SystemExit('no such company: HLS')"))
        with pytest.raises(ServiceDied, match=r"short ended with exit code 1(.|\n)*no such company: HLS"):
            services.wait_until(lambda: False, what="short", timeout_seconds=30)


def test_taken_port_is_reported_by_name_with_owner_and_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            check_free({"Airflow": port, "sandbox xero": free_port()})
    assert caught.value.busy == {"Airflow": port}
    assert f"Airflow: port {port} is in use by process {os.getpid()}" in str(caught.value)
    assert "AIRFLOW_PORT=" in str(caught.value)


def _is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_an_end_whose_interrupt_was_lost_ends_a_wait_all_the_same(tmp_path: Path) -> None:
    """Python swallows a KeyboardInterrupt that is raised in a destructor, or in the callback of a weak reference."""
    lost = """
import os, signal, sys, weakref
from pathlib import Path
from demo.ending import end_by_signals
from demo.services import Services

class Thing: pass

end_by_signals()
thing = Thing()
told = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGTERM))
del thing
print("still here", flush=True)
with Services(Path(sys.argv[1]), Path.cwd()) as services:
    services.wait_until(lambda: False, what="what never comes", timeout_seconds=60)
"""
    command = [sys.executable, "-c", lost, str(tmp_path / "logs")]
    ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=50, check=False)
    assert "still here" in ended.stdout
    assert "KeyboardInterrupt" in ended.stderr.splitlines()[-1]
