"""What tools work on (`ToolResources`): as it is stored with an assistant or a thread."""

from assistant_engine.errors import InvalidRequest
from assistant_engine.records import Json


def stored(requested: Json | None) -> Json:
    """`ToolResources` from a valid `CreateToolResources`.

    Raises:
        InvalidRequest: it asks for a new vector store.
    """
    resources = dict(requested or {})
    if "file_search" in resources:
        file_search = dict(resources["file_search"])
        if file_search.pop("vector_stores", None):
            param = "tool_resources.file_search.vector_stores"
            raise InvalidRequest(
                f"Invalid '{param}': vector stores are not served yet.",
                param=param,
                code="unsupported_value",
            )
        resources["file_search"] = file_search
    return resources


def with_attachments(resources: Json, messages: list[Json]) -> Json:
    """A thread's resources after messages came with attachments: their files are there for the code interpreter.

    Args:
        resources: `ToolResources`; the same object comes back when nothing is added.
        messages: as `MessageObject`.
    """
    attached = [
        attachment["file_id"]
        for message in messages
        for attachment in message["attachments"]
        if any(tool["type"] == "code_interpreter" for tool in attachment.get("tools") or [])
    ]
    known = (resources.get("code_interpreter") or {}).get("file_ids") or []
    added = [file_id for file_id in dict.fromkeys(attached) if file_id not in known]
    return {**resources, "code_interpreter": {"file_ids": [*known, *added]}} if added else resources
