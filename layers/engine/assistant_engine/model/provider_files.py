"""Copies files that the code interpreter of the model's provider made out of its container, which soon expires."""

import time
from tempfile import TemporaryFile

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.file import new_file
from assistant_engine.domain.json_data import Json
from assistant_engine.model import citations, client
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import HostedTools, configured
from assistant_engine.store.files import PREFIX, Files, media_type_of

SECONDS = 20
"""Time for all files of a response: the step has 30 s beside the time for the model."""

_IMAGES = ("image/gif", "image/jpeg", "image/png", "image/webp")


def import_files(files: Files, response: Json) -> dict[str, Json]:
    """Files of the API, one for each file that a response refers to, as `{"file_id", "filename", "image": bool}` by the
    provider's id.

    One that can't be had, is too large or comes too late is left out. A step that dies before its turn is stored leaves
    files that no message names.
    """
    if "code_interpreter" not in configured(HostedTools).hosted_tools:
        return {}
    deadline = time.monotonic() + SECONDS
    carried: dict[str, Json] = {}
    for made in citations.container_files(response["output"]):
        if not ids.is_id(made["container_id"]) or not ids.is_id(made["file_id"]):
            continue
        filename = str(made.get("filename") or "").rpartition("/")[2][-255:] or made["file_id"]
        media_type = media_type_of(filename, None)
        with TemporaryFile() as data:  # It may be larger than all memory that the function has.
            size = client.container_file(made["container_id"], made["file_id"], deadline, data)
            if size is None:
                logger.warning("a file of the provider's container is not carried over")
                continue
            data.seek(0)
            now_ms = Milliseconds(int(time.time() * 1000))
            file = new_file(ids.new_id(PREFIX, now_ms), filename, size, "assistants_output", seconds_of(now_ms))
            files.create(file, media_type, data)
        carried[made["file_id"]] = {"file_id": file["id"], "filename": filename, "image": media_type in _IMAGES}
    return carried
