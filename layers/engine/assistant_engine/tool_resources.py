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
