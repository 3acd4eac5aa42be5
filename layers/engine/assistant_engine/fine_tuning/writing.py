"""Writes the files of an export and its manifest. Done again, it writes the same bytes."""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import IO, Literal

from assistant_engine.domain import fine_tuning
from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.errors import ApiError, InvalidRequest
from assistant_engine.domain.file import new_file
from assistant_engine.domain.fine_tuning import Example, LeftOut
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import ThreadId
from assistant_engine.fine_tuning import conversation
from assistant_engine.fine_tuning.conversation import Conversation, Window
from assistant_engine.fine_tuning.exports import days_of, expires_at, file_id
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import Store

Kind = Literal["training", "validation"]
KINDS: tuple[Kind, Kind] = ("training", "validation")

BROKEN = {"code": "server_error", "message": "The export broke off. It is tried again; the same request does so, too."}

MAX_RUNS = 100_000
"""Runs of one export: what one invocation has time and memory for."""

READERS = 16
"""Threads that are read side by side."""


@dataclass(slots=True)
class _File:
    """A file as it is written.

    Attributes:
        lines: which thread and which runs are in each line.
    """

    body: IO[bytes]
    lines: list[Json] = field(default_factory=list)
    sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def write(self, line: bytes, thread_id: str, run_ids: list[str]) -> None:
        """Add a line."""
        self.body.write(line)
        self.sha256.update(line)
        self.lines.append({"thread_id": thread_id, "run_ids": run_ids})


def write(store: Store, export_id: str, export_days: int) -> Json:
    """Write an export's files and its manifest.

    Args:
        export_days: how long the files are kept.

    Returns:
        The export (`FineTuningExport`), succeeded or, if it asks for too much, failed.

    Raises:
        NotFound: there is none with this id.
    """
    export = store.fine_tuning.get(export_id)
    store.fine_tuning.set({**export, "status": "running"})
    try:
        made = _written(store, export, export_days)
    except ApiError as error:
        told = {"code": error.code or "invalid_request", "message": error.message}
        made = {"status": "failed", "error": told}
    except Exception:
        store.fine_tuning.set({**export, "status": "failed", "error": BROKEN})
        raise
    finished = {**export, **made, "finished_at": seconds_of(now_ms())}
    store.fine_tuning.set(finished)
    return finished


def _written(store: Store, export: Json, export_days: int) -> Json:
    before = _exported_before(store, export)
    threads = _threads(store, export)
    runs = 0
    left_out: Counter[str] = Counter()
    with ExitStack() as stack:
        files = {kind: _File(stack.enter_context(tempfile.TemporaryFile())) for kind in KINDS}
        for found in _read(store, export, threads):
            runs += found.number
            left_out.update(found.left_out.values())
            is_training = fine_tuning.is_for_training(export["seed"], found.thread_id, export["training_percentage"])
            file = files["training" if is_training else "validation"]
            for example, line in _lines(found, export, before, left_out):
                file.write(line, found.thread_id, example.run_ids)
        told = {kind: _kept(store, export, kind, file, export_days) for kind, file in files.items()}
    lines: dict[str, int] = {kind: len(file.lines) for kind, file in files.items()}
    shown: Json = {"runs": runs, "examples": sum(lines.values()), **lines, "left_out": dict(sorted(left_out.items()))}
    manifest = None
    if shown["examples"]:
        asked = {name: export[name] for name in _ASKED}
        manifest = store.fine_tuning.put_manifest(
            export["assistant_id"], export["id"], {"id": export["id"], **asked, "counts": shown, "files": told}
        )
    warnings = []
    if lines["training"] < fine_tuning.FEWEST_EXAMPLES:
        warnings.append(
            f"{lines['training']} examples for training: OpenAI asks for at least {fine_tuning.FEWEST_EXAMPLES}."
        )
    return {
        "status": "succeeded",
        "error": None,
        **{f"{kind}_file": file and file["id"] for kind, file in told.items()},
        "manifest": manifest,
        "counts": shown,
        "warnings": warnings,
    }


_ASKED = (
    "assistant_id",
    "start_at",
    "end_at",
    "training_percentage",
    "seed",
    "per",
    "format",
    "retrain",
    "min_weight",
)


def _exported_before(store: Store, export: Json) -> set[str]:
    """Return the runs that another export has, and this one did not have when it was made before."""
    if export["retrain"]:
        return set()
    others: set[str] = set()
    own: set[str] = set()
    for manifest in store.fine_tuning.manifests(export["assistant_id"], Milliseconds(export["start_at"] * 1000)):
        (own if manifest["id"] == export["id"] else others).update(runs_of(manifest))
    return others - own


def runs_of(manifest: Json) -> Iterator[str]:
    """Return the ids of the runs that a manifest lists."""
    for file in manifest["files"].values():
        for line in file["lines"] if file else ():
            yield from line["run_ids"]


def _threads(store: Store, export: Json) -> dict[ThreadId, list[str]]:
    """Return the runs to look at, by thread.

    Raises:
        InvalidRequest: there are too many.
    """
    threads: dict[ThreadId, list[str]] = {}
    found = store.fine_tuning.ended(export["assistant_id"], days_of(export))
    for number, (thread_id, run_id) in enumerate(found):
        if number == MAX_RUNS:
            raise InvalidRequest(
                f"Over {MAX_RUNS:,} runs ended in this time on threads of the assistant: choose a shorter one.",
                param="start_at",
                code="too_many_runs",
            )
        threads.setdefault(thread_id, []).append(run_id)
    return dict(sorted(threads.items()))


def _read(store: Store, export: Json, threads: dict[ThreadId, list[str]]) -> Iterator[Conversation]:
    """Read the threads side by side; give them in their order."""
    start_ms, end_ms = (Milliseconds(1000 * export[name]) for name in ("start_at", "end_at"))
    window = Window(export["assistant_id"], start_ms, end_ms)
    _ = store.blobs.client, store.runs, store.steps, store.messages, store.threads  # made once, not by each reader
    names = iter(threads)
    with ThreadPoolExecutor(READERS) as readers:
        while batch := list(islice(names, 10 * READERS)):
            yield from readers.map(partial(_one, store, threads, window), batch)


def _one(store: Store, threads: dict[ThreadId, list[str]], window: Window, thread_id: ThreadId) -> Conversation:
    return conversation.read(store, thread_id, threads[thread_id], window)


def _lines(
    found: Conversation, export: Json, before: set[str], left_out: Counter[str]
) -> Iterable[tuple[Example, bytes]]:
    """Make the lines of a thread, and count the runs that are in none."""
    runs = [taken for taken in found.runs if taken.run_id not in before]
    left_out.update(["exported_before"] * (len(found.runs) - len(runs)))
    least = export["min_weight"]
    wholes = [runs] if export["per"] == "thread" and runs else [[taken] for taken in runs]
    for together in wholes:
        try:
            if export["per"] == "thread":
                example = fine_tuning.whole(found.said, {taken.run_id: taken for taken in together}, least)
            else:
                example = fine_tuning.single(found.said, together[0], least)
            yield example, fine_tuning.line_of(example, export["format"])
        except LeftOut as why:
            left_out[why.reason] += len(together)


def _kept(store: Store, export: Json, kind: Kind, file: _File, export_days: int) -> Json | None:
    """Keep a file of an export, or remove the one that it had; return what the manifest says of it."""
    name = file_id(export, kind)
    if not file.lines:
        store.fine_tuning.remove_file(name)
        return None
    size = file.body.tell()
    file.body.seek(0)
    document = new_file(
        name, f"{kind}_{export['assistant_id']}-{export['end_at']}.jsonl", size, "fine-tune", export["created_at"]
    )
    document["expires_at"] = expires_at(export, export_days)
    store.fine_tuning.put_file(document, file.body)
    return {
        "id": name,
        "filename": document["filename"],
        "key": store.files.key(name),
        "bytes": size,
        "sha256": file.sha256.hexdigest(),
        "lines": file.lines,
    }
