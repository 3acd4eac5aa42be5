"""The files and vector stores that a request names: in messages, in their attachments, and for the tools."""

from collections.abc import Iterator

from assistant_engine import ids
from assistant_engine.errors import InvalidRequest, NotFound
from assistant_engine.records import Json
from assistant_engine.store import Store


def check(store: Store, request: Json) -> None:
    """Check that the files and vector stores which a valid request names are there, for the store's project.

    Raises:
        InvalidRequest: one is not.
    """
    for param, store_id in _named_stores(request):
        try:
            store.vector_stores.head(store_id)
        except NotFound as missing_store:
            raise InvalidRequest(missing_store.message, param=param, code="invalid_value") from None
    named = list(_named(request))
    missing = store.files.first_missing(file_id for _, file_id in named)
    if missing is not None:
        param = next(param for param, file_id in named if file_id == missing)
        raise InvalidRequest(f"No such File object: {ids.shown(missing)}", param=param, code="invalid_value")


def _named_stores(request: Json, path: str = "") -> Iterator[tuple[str, str]]:
    """Each vector store id in the request, after the path of its parameter."""
    resources = (request.get("tool_resources") or {}).get("file_search") or {}
    for index, store_id in enumerate(resources.get("vector_store_ids") or []):
        yield f"{path}tool_resources.file_search.vector_store_ids[{index}]", store_id
    if request.get("thread"):
        yield from _named_stores(request["thread"], f"{path}thread.")


def _named(request: Json, path: str = "") -> Iterator[tuple[str, str]]:
    """Each file id in the request, after the path of its parameter."""
    resources = request.get("tool_resources") or {}
    for index, file_id in enumerate((resources.get("code_interpreter") or {}).get("file_ids") or []):
        yield f"{path}tool_resources.code_interpreter.file_ids[{index}]", file_id
    for number, made in enumerate((resources.get("file_search") or {}).get("vector_stores") or []):
        for index, file_id in enumerate(made.get("file_ids") or []):
            yield f"{path}tool_resources.file_search.vector_stores[{number}].file_ids[{index}]", file_id
    content = request.get("content")
    for index, part in enumerate(content if isinstance(content, list) else []):
        if part["type"] == "image_file":
            yield f"{path}content[{index}].image_file.file_id", part["image_file"]["file_id"]
    for index, attachment in enumerate(request.get("attachments") or []):
        if attachment.get("file_id"):
            yield f"{path}attachments[{index}].file_id", attachment["file_id"]
    for name in ("messages", "additional_messages"):
        for index, message in enumerate(request.get(name) or []):
            yield from _named(message, f"{path}{name}[{index}].")
    if request.get("thread"):
        yield from _named(request["thread"], f"{path}thread.")
