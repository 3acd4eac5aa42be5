"""Imports what a source put into the staging: files, vector stores, assistants, then threads side by side."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.store import Store
from assistant_engine.store.transfer import Transfer
from assistants.transfer import assistants, convert
from assistants.transfer.conversation import Conversations
from assistants.transfer.files import Content, FilesAndStores, stage_first_version
from assistants.transfer.models import Models
from assistants.transfer.report import Report
from assistants.transfer.staging import Staging

THREADS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Target:
    """Where an import goes.

    Attributes:
        deployed: the stack's tools, as `registry.deployed` has them.
        embedding: `{"model", "dimensions"}` of the vectors that it makes.
    """

    store: Store
    now: Seconds
    models: Models
    deployed: Json = field(default_factory=dict)
    embedding: Json = field(default_factory=lambda: {"model": "", "dimensions": 0})
    replace: bool = False
    dry_run: bool = False


def write(staging: Staging, target: Target, report: Report, content: Content) -> None:
    """Write everything that is in the staging and not there yet.

    Args:
        content: finds the bytes of files.
    """
    stage_first_version(staging)
    files = FilesAndStores(target.store, staging, report, content, target.embedding, target.now, dry_run=target.dry_run)
    files.write_files()
    files.write_stores()
    for body in staging.all("assistant"):
        try:
            made = convert.assistant(body, target.models, target.deployed, report)
        except convert.Unfit as unfit:
            report.leave_out("assistant", body["id"], str(unfit))
            continue
        assistants.write(target.store, report, made, replace=target.replace, dry_run=target.dry_run)
    transfer = Transfer(target.store)
    threads = Conversations(transfer, target.store, staging, report, dry_run=target.dry_run)
    _ = target.store.blobs.client, target.store.threads  # made here, once, and not by each of the workers
    with ThreadPoolExecutor(THREADS_AT_ONCE) as pool:
        waiting = []
        for name in threads.names():
            waiting.append(pool.submit(partial(threads.write, name)))
            if len(waiting) >= 2 * THREADS_AT_ONCE:
                waiting.pop(0).result()
        for each in waiting:
            each.result()
