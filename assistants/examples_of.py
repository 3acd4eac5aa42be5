"""Takes the lines of threads out of the files of exports for fine-tuning, and out of their manifests."""

import hashlib
import io
from collections.abc import Collection, Iterator

from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.store import Store
from assistant_engine.store.fine_tuning import FOLDER


def erase(store: Store, thread_ids: Collection[str]) -> int:
    """Take the lines of these threads out of every export of the project; return how many they were.

    Each file goes before its manifest, which says what is in it, so erasing that was cut short can be done again.
    """
    erased = 0
    for assistant in store.blobs.folders(FOLDER):
        assistant_id = assistant.removeprefix(FOLDER).rstrip("/")
        for manifest in store.fine_tuning.manifests(assistant_id):
            changed = False
            for kind, file in manifest["files"].items():
                if file and any(line["thread_id"] in thread_ids for line in file["lines"]):
                    erased += sum(line["thread_id"] in thread_ids for line in file["lines"])
                    manifest["files"][kind] = _without(store, file, thread_ids)
                    changed = True
            if changed:
                store.fine_tuning.put_manifest(assistant_id, manifest["id"], manifest)
    return erased


def _without(store: Store, file: Json, thread_ids: Collection[str]) -> Json | None:
    """Write a file without the lines of these threads; return what the manifest says of it then."""
    kept = [line for line in file["lines"] if line["thread_id"] not in thread_ids]
    left = {**file, "lines": kept}
    if "id" not in file:
        return left if kept else None  # Marked as exported: there is no file.
    try:
        document, data = store.files.get(file["id"]), store.files.read(file["id"])
    except NotFound:
        return left if kept else None  # It was deleted, or has expired.
    text = b"".join(_kept(file, data, thread_ids))
    if not text:
        store.fine_tuning.remove_file(file["id"])
        return None
    store.fine_tuning.put_file({**document, "bytes": len(text)}, io.BytesIO(text))
    return {**left, "bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}


def _kept(file: Json, data: bytes, thread_ids: Collection[str]) -> Iterator[bytes]:
    """Return the lines that stay: none of a file that is not what its manifest says."""
    lines = data.splitlines(keepends=True)
    stay = [line["thread_id"] not in thread_ids for line in file["lines"]]
    if len(lines) == sum(stay):
        yield from lines  # They were taken out before, and only the manifest was not written.
    elif hashlib.sha256(data).hexdigest() == file["sha256"]:
        yield from (line for line, stays in zip(lines, stay, strict=True) if stays)
