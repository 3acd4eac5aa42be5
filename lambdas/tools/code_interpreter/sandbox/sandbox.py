"""The sandbox: runs code that a model wrote, with files by signed addresses, and keeps nothing of it.

This process is trusted. It fetches what the code works on before the code starts, and stores what the code made when
everything that it started is dead; in between, the code runs in a child process that knows none of the addresses.
"""

import json
import mimetypes
import os
import tempfile
from typing import Any

import given_files
import processes
import session_files
import transfer
from libraries import Libraries
from stop import Stop
from template import template
from workspace import Workspace

Json = dict[str, Any]

LIMITS = processes.Limits(**json.loads(os.environ["LIMITS"]))

# While the execution environment initialises, and time costs nothing.
template.ensure()


def handler(event: Json, context: Any) -> Json:
    """Run code.

    Args:
        event: `{"code", "seconds", "files": [{"id", "name", "url"}], "session": {"get": url or None, "put": url},
            "outputs": [url], "stop": url, "libraries": [{"name", "modules", "url"}]}`; `session` holds what the call
            before left, `outputs` are where produced files go, as many as a call may give back, the code is stopped
            once there is an object at `stop`, and `libraries` are archives of modules that the code may import.

    Returns:
        `{"output", "reason", "notes", "files": [{"name", "bytes", "media_type", "figure"}], "session", "refused"}`:
        what was printed; why the code was stopped, or an empty text; what else is to be said; the files, in the order
        of `outputs`; whether the session was stored, or None if the one to start from is not there, and then nothing
        was done; what the kernel refused to confine, which is for operators and not for the model.
    """
    # For each call: an environment may be a copy of one that was initialised, and copies don't inherit either.
    processes.guard_this_process()
    template.ensure()
    # Whatever an earlier call could have left, should its end have been cut short.
    processes.end_descendants()
    with Stop(event["stop"]) as stop, Workspace() as workspace:
        try:
            known, notes = _fetch(event, workspace)
        except transfer.NotThere:
            return {"output": "", "reason": "", "notes": [], "files": [], "session": None, "refused": []}
        workspace.remember()
        libraries = Libraries(event["libraries"], known.libraries)
        ended = processes.run(event["code"], workspace, LIMITS, event["seconds"], stop.is_asked, libraries)
        # Once more before anything is stored: what a stopped call made is of no use to anybody.
        reason = ended.reason or (processes.STOPPED if stop.is_asked_now() else "")
        files: list[Json] = []
        stored = False
        if not reason:
            files = _give_back(event["outputs"], workspace, notes)
            given = given_files.known_after(event["files"], known.given, workspace.is_unchanged)
            stored = _keep(event, workspace, session_files.Known(given, sorted(libraries.used)), notes)
        return {
            "output": ended.output,
            "reason": reason,
            "notes": notes,
            "files": files,
            "session": stored,
            "refused": ended.refused,
        }


def _fetch(event: Json, workspace: Workspace) -> tuple[session_files.Known, list[str]]:
    """Put the session and the given files into place; what is known of the session, and what is to be said of files.

    Raises:
        NotThere: the session is not.
    """
    known = session_files.Known()
    if event["session"]["get"]:
        archive = workspace.folder / "session"
        transfer.fetch(event["session"]["get"], archive, LIMITS.disk_mb << 20)
        known = session_files.unpack(workspace, archive)
        archive.unlink()
    return known, given_files.place(event["files"], known.given, workspace, LIMITS.file_mb << 20)


def _give_back(addresses: list[str], workspace: Workspace, notes: list[str]) -> list[Json]:
    """Store figures and files; what each address got."""
    figures = workspace.take_figures()
    # Figures first: they are what was asked for.
    order = {name: number for number, name in enumerate(figures)}
    found = sorted(workspace.changed(), key=lambda file: order.get(file.name, len(order)))
    left_out = [f"/mnt/data/{file.name}" for file in found[len(addresses) :]]
    if left_out:
        notes.append(f"not given back, more than {len(addresses)} files: {', '.join(left_out[:20])}")
    stored = []
    for address, file in zip(addresses, found):  # noqa: B905 - either may be the longer
        with workspace.open(workspace.data / file.name) as data:
            size = os.fstat(data.fileno()).st_size
            transfer.store(address, data, size)
        media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        stored.append({"name": file.name, "bytes": size, "media_type": media_type, "figure": file.name in order})
    return stored


def _keep(event: Json, workspace: Workspace, known: session_files.Known, notes: list[str]) -> bool:
    """Store what the next call starts from."""
    # A new file without a name, made when the code is dead: none of its links or pipes is in the way.
    with tempfile.TemporaryFile() as archive:
        left_out = session_files.pack(workspace, archive, known, LIMITS.session_mb << 20)
        if left_out:
            notes.append(f"not kept for the next call, no more room: {', '.join(left_out[:20])}")
        size = archive.tell()
        archive.seek(0)
        transfer.store(event["session"]["put"], archive, size)
    return True
