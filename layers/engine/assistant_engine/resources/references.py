"""The files and vector stores that a request names: in messages, in their attachments, and for the tools."""

from collections.abc import Iterator

from assistant_engine.domain import ids
from assistant_engine.domain.errors import InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.settings import HostedTools, configured
from assistant_engine.store import Store

HOSTED_SEARCH = (
    "file search is the model provider's in this deployment. Make the vector store there and name it in "
    "'tool_resources.file_search.vector_store_ids'."
)
"""Why files can't be put into vector stores here."""


def check(store: Store, request: Json) -> None:
    """Check that the files and vector stores which a valid request names are there, for the store's project.

    What a tool that the model's provider runs works on is the provider's, and not looked at.

    Raises:
        InvalidRequest: one is not; or the provider's file search is to be given files, which only the provider takes.
    """
    parts = list(_parts(request))
    if "file_search" in configured(HostedTools).hosted_tools:
        _refuse_new_files(parts)
    for path, part in parts:
        for index, store_id in enumerate(_resources(part, "file_search").get("vector_store_ids") or []):
            try:
                store.vector_stores.head(store_id)
            except NotFound as missing_store:
                param = f"{path}tool_resources.file_search.vector_store_ids[{index}]"
                raise InvalidRequest(missing_store.message, param=param, code="invalid_value") from None
    named = [(f"{path}{param}", file_id) for path, part in parts for param, file_id in _files(part)]
    missing = store.files.first_missing(file_id for _, file_id in named) if named else None
    if missing is not None:
        param = next(param for param, file_id in named if file_id == missing)
        raise InvalidRequest(f"No such File object: {ids.shown(missing)}", param=param, code="invalid_value")


def _parts(request: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """The request, its messages and its thread with those, each after the path of its parameters."""
    yield path, request
    for name in ("messages", "additional_messages"):
        for index, message in enumerate(request.get(name) or []):
            yield f"{path}{name}[{index}].", message
    if request.get("thread"):
        yield from _parts(request["thread"], f"{path}thread.")


def _resources(part: Json, tool: str) -> Json:
    """Return what our own tool is to work on."""
    resources: Json = (part.get("tool_resources") or {}).get(tool) or {}
    return {} if tool in configured(HostedTools).hosted_tools else resources


def _files(part: Json) -> Iterator[tuple[str, str]]:
    """Each id of a file of ours in a part, after its parameter."""
    for index, file_id in enumerate(_resources(part, "code_interpreter").get("file_ids") or []):
        yield f"tool_resources.code_interpreter.file_ids[{index}]", file_id
    for number, made in enumerate(_resources(part, "file_search").get("vector_stores") or []):
        for index, file_id in enumerate(made.get("file_ids") or []):
            yield f"tool_resources.file_search.vector_stores[{number}].file_ids[{index}]", file_id
    content = part.get("content")
    for index, piece in enumerate(content if isinstance(content, list) else []):
        if "file_id" in piece.get("input_audio", {}):
            yield f"content[{index}].input_audio.file_id", piece["input_audio"]["file_id"]
        if piece["type"] == "image_file":
            yield f"content[{index}].image_file.file_id", piece["image_file"]["file_id"]
    for index, attachment in enumerate(part.get("attachments") or []):
        if not _tools_of(attachment) or _tools_of(attachment) - configured(HostedTools).hosted_tools:
            yield f"attachments[{index}].file_id", attachment["file_id"]


def _tools_of(attachment: Json) -> set[str]:
    return {tool["type"] for tool in attachment.get("tools") or []}


def _refuse_new_files(parts: list[tuple[str, Json]]) -> None:
    for path, part in parts:
        refused = []
        if ((part.get("tool_resources") or {}).get("file_search") or {}).get("vector_stores"):
            refused.append(f"{path}tool_resources.file_search.vector_stores")
        for index, attachment in enumerate(part.get("attachments") or []):
            if "file_search" in _tools_of(attachment):
                refused.append(f"{path}attachments[{index}].tools")
        for param in refused:
            raise InvalidRequest(f"Invalid '{param}': {HOSTED_SEARCH}", param=param, code="unsupported_value")
