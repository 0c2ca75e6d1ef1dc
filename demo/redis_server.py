"""Redis, where it is installed: the queue of several workers."""

from __future__ import annotations

import os
import shutil

from demo.services import Service

__all__ = ["redis_binary", "redis_server"]


def redis_binary() -> str | None:
    """Where `redis-server` is, if anywhere."""
    return shutil.which("redis-server")


def redis_server(port: int) -> Service:
    """
    A Redis of this machine alone, which forgets everything at its end.

    :raises RuntimeError: it is not installed.
    """
    binary = redis_binary()
    if binary is None:
        raise RuntimeError("No `redis-server` found. On Debian and Ubuntu: apt-get install redis-server")
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    return Service("redis", command, dict(os.environ))
