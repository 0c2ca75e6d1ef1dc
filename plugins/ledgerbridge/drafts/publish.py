"""
Publishing a draft: a commit in git in the name of whoever publishes, straight to the files or on a branch.

Whatever breaks it off, publishing again goes on where it stopped: each step is left out that is done already.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Literal

from ledgerbridge.errors import ConfigurationError, LedgerbridgeError

__all__ = [
    "FILE_CHANGED",
    "Clash",
    "How",
    "Published",
    "Side",
    "live_text",
    "merged",
    "pieces",
    "publish",
    "write_whole",
]

How = Literal["straight", "branch"]
Side = Literal["draft", "live", "base"]
FILE_CHANGED = "LB-DRF-003"
_NONE: Mapping[str, str] = {}
_MARKS = 40
"""How long git's marks of a conflict are: no line of a file is taken for one."""
_CONFLICTS_TOLD = 127
"""git merge-file ends with the number of conflicts, this at most; with more it has failed (git-merge-file(1))."""
_COMMITTER = {"GIT_COMMITTER_NAME": "Ledgerbridge console", "GIT_COMMITTER_EMAIL": "console@ledgerbridge.invalid"}


@dataclass(frozen=True)
class Published:
    """A commit's hash, and its branch where it is not live by itself."""

    commit: str
    branch: str | None = None


def live_text(include: Path, file: str) -> str:
    """A file of the include folder as it is live; blank where there is none."""
    path = include / file
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def publish(
    include: Path, file: str, base: str, text: str, *, by: str, note: str, how: How, beside: Mapping[str, str] = _NONE
) -> Published:
    """
    Commit a file's new text.

    :param base: the text it was made from. :param note: why, the commit's message. :param beside: new files that go
        with it into the commit, with their texts; named as ``file`` is.
    :raises LedgerbridgeError: LB-DRF-003, the file is another than ``base`` by now.
    :raises ConfigurationError: LB-DRF-004, git can't.
    """
    git = _Git(include, file, beside)
    with git.alone():
        return git.straight(base, text, by, note) if how == "straight" else git.on_branch(base, text, by, note)


@dataclass(frozen=True)
class Clash:
    """Lines that a draft and the newer file changed both, each as it has them, and as they were."""

    draft: str
    base: str
    live: str


def merged(base: str, text: str, live: str, choices: Sequence[Side] = ()) -> str | None:
    """
    A draft's text with what the file became since in it.

    :param choices: whose lines stand where both changed the same ones, in their order; None comes of too few or many.
    """
    found = pieces(base, text, live)
    if sum(isinstance(each, Clash) for each in found) != len(choices):
        return None
    left = iter(choices)
    return "".join(each if isinstance(each, str) else getattr(each, next(left)) for each in found)


def pieces(base: str, text: str, live: str) -> list[str | Clash]:
    """
    A draft's text with what the file became since in it, in pieces; a clash where both changed the same lines.

    :raises LedgerbridgeError: LB-DRF-007, git can't put them together: one holds what is no text.
    """
    with TemporaryDirectory(prefix="ledgerbridge-") as folder:
        places = {name: Path(folder) / name for name in ("draft", "base", "live")}
        for name, content in (("draft", text), ("base", base), ("live", live)):
            places[name].write_text(content, encoding="utf-8")
        told = ("-p", "--diff3", f"--marker-size={_MARKS}", *map(str, places.values()))
        done = subprocess.run(["git", "merge-file", *told], capture_output=True, check=False, text=True)
    if done.returncode not in range(_CONFLICTS_TOLD + 1):
        raise LedgerbridgeError(
            "LB-DRF-007",
            f"git can't put the draft and the newer file together: {done.stderr.strip()}",
            remedy="Take what is no text out of the draft, or give it up and make the change in the file as it is now.",
        )
    signs = [f"{sign}{{{_MARKS}}}" + r"(?: [^\n]*)?\n" for sign in ("<", r"\|", "=", ">")]
    found = re.split("(.*?)".join(signs), done.stdout, flags=re.S)
    # the text between clashes, then the three sides of one, and so on
    return [
        each if at % 4 == 0 else Clash(each, found[at + 1], found[at + 2])
        for at, each in enumerate(found)
        if at % 4 in (0, 1)
    ]


class _Git:
    """The repository an include folder is in, and one file of it."""

    def __init__(self, include: Path, file: str, beside: Mapping[str, str]) -> None:
        self._path = include / file
        self._folder = include
        prefix = self._run("rev-parse", "--show-prefix").strip()
        self._name = prefix + file
        self._beside = {normpath(prefix + name): (include / name, text) for name, text in beside.items()}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One at a time: two who publish would each commit on the other's parent."""
        folder = self._folder / self._run("rev-parse", "--git-dir").strip()
        with (folder / "ledgerbridge.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def straight(self, base: str, text: str, by: str, note: str) -> Published:
        """Write the file, and commit it and nothing else."""
        live = self._path.read_text(encoding="utf-8") if self._path.is_file() else ""
        if live not in (base, text):
            raise _changed(self._name)
        for name, (path, content) in self._beside.items():
            if path.is_file() and path.read_text(encoding="utf-8") != content:
                raise _changed(name)
        for path, content in [(self._path, text), *self._beside.values()]:
            if not path.is_file() or path.read_text(encoding="utf-8") != content:
                write_whole(path, content.encode())
        if self._committed() != text:
            paths = [str(self._path), *(str(path) for path, _ in self._beside.values())]
            self._run("add", "--", *paths)
            self._run("commit", "-q", "--only", "-F", "-", "--", *paths, given=note, env=_author(by))
        return Published(self._run("log", "-1", "--format=%H", "--", str(self._path)).strip())

    def on_branch(self, base: str, text: str, by: str, note: str) -> Published:
        """Commit it on a branch of its own; neither the files nor what is checked out are touched."""
        if self._committed() != base:
            raise _changed(self._name)
        parent = self._run("rev-parse", "HEAD").strip()
        blob = self._blob(text)
        branch = f"ledgerbridge/{self._path.stem}-{blob[:8]}"
        with TemporaryDirectory(prefix="ledgerbridge-") as folder:
            own_index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._run("read-tree", parent, env=own_index)
            blobs = {self._name: blob, **{name: self._blob(content) for name, (_, content) in self._beside.items()}}
            for name, each in blobs.items():
                self._run("update-index", "--add", "--cacheinfo", f"100644,{each},{name}", env=own_index)
            tree = self._run("write-tree", env=own_index).strip()
        known = self._run("for-each-ref", "--format=%(objectname) %(tree)", f"refs/heads/{branch}").split()
        if known:
            if known[1] != tree:
                raise ConfigurationError(
                    "LB-DRF-004", f"branch {branch} holds something else.", remedy="Merge or delete that branch first."
                )
            return Published(known[0], branch)
        commit = self._run("commit-tree", tree, "-p", parent, "-F", "-", given=note, env=_author(by)).strip()
        self._run("update-ref", f"refs/heads/{branch}", commit, "0" * len(commit))
        return Published(commit, branch)

    def _blob(self, text: str) -> str:
        return self._run("hash-object", "-w", "--stdin", given=text).strip()

    def _committed(self) -> str:
        """The file as the last commit has it; blank where it has none."""
        there = self._run("ls-tree", "HEAD", "--", str(self._path))
        return self._run("show", f"HEAD:{self._name}") if there else ""

    def _run(self, *words: str, given: str | None = None, env: dict[str, str] | None = None) -> str:
        try:
            done = subprocess.run(
                ["git", *words],
                cwd=self._folder,
                input=given,
                env={**os.environ, **_COMMITTER, **(env or {})},
                capture_output=True,
                check=False,
                text=True,
            )
        except FileNotFoundError:
            raise ConfigurationError(
                "LB-DRF-004", "there is no git on this machine.", remedy="Install git where the api-server runs."
            ) from None
        if done.returncode:
            raise ConfigurationError(
                "LB-DRF-004",
                f"git {words[0]} in {self._folder}: {done.stderr.strip() or done.stdout.strip()}",
                remedy="Let [ledgerbridge] include_folder lie in a git repository that the api-server may commit to.",
            )
        return done.stdout


def _author(by: str) -> dict[str, str]:
    name = "".join(each for each in by if each.isprintable() and each not in "<>").strip() or "unknown"
    address = name if "@" in name else f"{name.replace(' ', '.')}@ledgerbridge.invalid"
    return {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": address}


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a scheduler may read it now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("wb", dir=path.parent, suffix=".new", delete=False) as beside:
        beside.write(content)
        beside.flush()
        os.fsync(beside.fileno())
    place = Path(beside.name)
    place.chmod(path.stat().st_mode if path.is_file() else 0o644)
    place.replace(path)


def _changed(name: str) -> LedgerbridgeError:
    return LedgerbridgeError(
        FILE_CHANGED,
        f"{name} was changed since this draft was begun; nothing is published.",
        remedy="Take the newer file in: what both changed is shown, and nothing of either is lost.",
    )
