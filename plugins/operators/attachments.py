"""Files of documents, carried between a ledger that takes them by interface and a folder of one that does not."""

from __future__ import annotations

import mimetypes
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any, Protocol

from airflow.sdk import DAG, BaseOperator, Context, ObjectStoragePath
from airflow.sdk.exceptions import AirflowSkipException
from sqlalchemy import select

from ledgerbridge.audit import Actor, Change, append
from ledgerbridge.entities import Window
from ledgerbridge.errors import RecordRejected
from ledgerbridge.flows import LegConfig, company_keys, load_flow
from ledgerbridge.state import transaction
from ledgerbridge.state.models import Delivery
from ledgerbridge.state.upsert import in_chunks
from operators import settings
from operators.systems import hooks_of

__all__ = ["AttachmentsOperator", "build_attachments", "file_name"]

_UNFIT = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
"""What names of files may not have where the folder is a share of Windows."""
_LONGEST, _LONGEST_ENDING = 120, 10
_SETTLES = timedelta(minutes=1)
"""How long nobody may have written to a file that people lay there: one that is still being copied is not whole."""


class Attached(Protocol):
    """A file of a record."""

    file_name: str
    size_bytes: int


class Files(Protocol):
    """The files of one kind of record."""

    most_bytes: int
    most_files: int

    def held_by(self, record: Mapping[str, object]) -> bool:
        """Whether a record, as it was read, has any."""

    def of(self, record_id: str) -> Sequence[Attached]:
        """Those of a record."""

    def content(self, record_id: str, file_name: str) -> bytes:
        """One of them."""

    def attach(self, record_id: str, file_name: str, content: bytes, mime_type: str) -> None:
        """Attach one; of the same name it takes the place of the one before."""


class AttachmentsOperator(BaseOperator):
    """
    Carry files of a company's documents through the folder ``<attachments_url>/<company>``.

    ``out/<number>/<file>`` are those of documents that these legs delivered to a ledger without an interface for files,
    by the document's number there. What people lay into ``in/<number>/`` is attached to the document that was made of
    that number, and then lies in ``done/<number>/``. Of a file nothing is kept in the state database or logged; the
    audit knows which document it went to, and its hash.

    :param flow: its name; :param legs: names of the legs whose documents have files.
    :param company: key of the company; None: the only one, or `main`.
    :param days: how far back a change of a document is looked at again, of files that came to it later.
    """

    ui_color = "#eef7f3"

    def __init__(
        self, *, flow: str, legs: Sequence[str], company: str | None = None, days: int = 7, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.flow = flow
        self.legs = legs
        self.company_key = company
        self.days = days

    def execute(self, context: Context) -> dict[str, int]:
        """
        Lay out and attach what is new; how many of each, and how many are left: too large, refused, or being written.

        :raises AirflowSkipException: no folder is named.
        :raises TransientError, ConfigurationError: as the ledger's hook raises them; the next run goes on from there.
        """
        url = settings.attachments_url()
        if not url:
            raise AirflowSkipException("[ledgerbridge] attachments_url names no folder")
        company, include = settings.company(self.company_key), settings.include_folder()
        folder = ObjectStoragePath(url) / company.key
        legs = load_flow(include / "flows" / f"{self.flow}.yaml", include).legs
        told: Counter[str] = Counter()
        for name in self.legs:
            leg, actor = legs[name], Actor(self.flow, name, str(context["run_id"]), self.task_id)
            sides = (each.partition(".")[0] for each in (leg.source, leg.target))
            (source,), (target,) = (hooks_of(system, company).values() for system in sides)
            if hasattr(source, "attachments"):
                told.update(self._lay_out(actor, leg, source, folder / "out"))
            elif hasattr(target, "attachments"):
                told.update(self._attach(actor, leg, target.attachments(leg.target.partition(".")[2]), folder))
        self.log.info("files: %s", dict(told))
        return dict(told)

    def _lay_out(self, actor: Actor, leg: LegConfig, hook: Any, folder: ObjectStoragePath) -> Iterator[str]:
        entity = leg.source.partition(".")[2]
        files: Files = hook.attachments(entity)
        source = hook.entity(entity)
        for page in source.read(Window(source.clock() - timedelta(days=self.days))):
            keys = [record.key for record in page if files.held_by(record.payload)]
            for key, number in self._delivered(leg, keys).items():
                identity = key.rpartition(":")[2]
                for each in files.of(identity):
                    place = folder / file_name(number) / file_name(each.file_name)
                    if place.exists() and place.stat().st_size == each.size_bytes:
                        continue
                    if each.size_bytes > files.most_bytes:
                        self.log.warning("a file of %s is too large: %d bytes", number, each.size_bytes)
                        yield "left"
                        continue
                    place.parent.mkdir(parents=True, exist_ok=True)
                    content = files.content(identity, each.file_name)
                    place.write_bytes(content)
                    self._tell(actor, "file-laid-out", leg, key, number, content)
                    yield "laid out"

    def _attach(self, actor: Actor, leg: LegConfig, files: Files, folder: ObjectStoragePath) -> Iterator[str]:
        inbox = folder / "in"
        for lying in sorted(inbox.iterdir(), key=str) if inbox.exists() else ():
            made = self._made_of(leg, lying.name)
            if made is None:
                continue  # nothing was made of it yet, or another leg makes it
            key, identity = made
            known = {each.file_name for each in files.of(identity)}
            now = datetime.now(UTC).timestamp()
            for path in sorted((each for each in lying.iterdir() if each.is_file()), key=str):
                if now - path.stat().st_mtime < _SETTLES.total_seconds():
                    yield "being written"
                    continue
                if path.stat().st_size > files.most_bytes or len(known | {path.name}) > files.most_files:
                    self.log.warning("a file for %s is left: too large, or one too many", lying.name)
                    yield "left"
                    continue
                content, mime_type = path.read_bytes(), mimetypes.guess_type(path.name)[0]
                try:
                    files.attach(identity, path.name, content, mime_type or "application/octet-stream")
                except RecordRejected as refused:
                    self.log.warning("a file for %s is refused: %s", lying.name, refused.code)
                    yield "left"
                    continue
                known.add(path.name)
                self._tell(actor, "file-attached", leg, key, lying.name, content)
                done = folder / "done" / lying.name
                done.mkdir(parents=True, exist_ok=True)
                (done / path.name).write_bytes(content)
                path.unlink()
                yield "attached"

    def _delivered(self, leg: LegConfig, keys: Sequence[str]) -> dict[str, str]:
        """By record key, the number of the document that was made of it."""
        engine = settings.state_engine(settings.company(self.company_key).key)
        with transaction(engine) as session:
            return {
                row.record_key: str(row.number)
                for chunk in in_chunks(sorted(keys))
                for row in session.execute(
                    select(Delivery.record_key, Delivery.number).where(
                        Delivery.entity == leg.target,
                        Delivery.record_key.in_(chunk),
                        Delivery.target_id.is_not(None),
                    )
                )
            }

    def _made_of(self, leg: LegConfig, number: str) -> tuple[str, str] | None:
        """Record key and target's id of the document that was made of this number; of one that ends so it is not."""
        engine = settings.state_engine(settings.company(self.company_key).key)
        ends_so = select(Delivery.record_key, Delivery.target_id).where(
            Delivery.entity == leg.target,
            Delivery.record_key.endswith(f"-{number}", autoescape=True),
            Delivery.target_id.is_not(None),
        )
        with transaction(engine) as session:
            found = {key: str(identity) for key, identity in session.execute(ends_so)}
        return next(((key, found[key]) for key in found if key.rpartition(":")[2].partition("-")[2] == number), None)

    def _tell(self, actor: Actor, action: str, leg: LegConfig, key: str, number: str, content: bytes) -> None:
        of_file = {"number": number, "bytes": len(content), "sha256": sha256(content).hexdigest()}
        told = Change(action, leg.target, key, details=of_file)
        with transaction(settings.state_engine(settings.company(self.company_key).key)) as session:
            append(session, actor, [told])


def build_attachments(flow: str, legs: Sequence[str]) -> DAG:
    """The DAG that carries files of a flow's documents, a task a company; hourly where a folder is named."""
    with DAG(
        "attachments",
        description="Carries files attached to documents, through the folder that attachments_url names.",
        schedule="@hourly" if settings.attachments_url() else None,
        catchup=False,
        max_active_runs=1,
        default_args={"retries": 2, "execution_timeout": timedelta(hours=2)},
        tags=["ledgerbridge"],
    ) as dag:
        for company in company_keys(settings.companies_folder()):
            task = ".".join(filter(None, (settings.in_dag_ids(company), "carry")))
            AttachmentsOperator(task_id=task, flow=flow, legs=legs, company=company)
    return dag


def file_name(name: str) -> str:
    """A name that is one of a file in one folder, whatever somebody called it."""
    kept = _UNFIT.sub("_", PurePosixPath(name).name).strip(". ") or "file"
    if len(kept) <= _LONGEST:
        return kept
    ending = PurePosixPath(kept).suffix[:_LONGEST_ENDING]
    return kept[: _LONGEST - len(ending)] + ending
