"""Prepares `ToolResources`, what tools work on, to be stored with an assistant or a thread."""

from assistant_engine.domain.json_data import Json

MAX_CODE_FILES = 20
"""Files that `code_interpreter` of `ToolResources` names, as the API has it."""


def stored(requested: Json | None) -> Json:
    """`ToolResources` from a valid `CreateToolResources`, without the vector stores that are still to be made."""
    resources = dict(requested or {})
    if "file_search" in resources:
        named = resources["file_search"].items()
        resources["file_search"] = {name: value for name, value in named if name != "vector_stores"}
    return resources


def named(resources: list[Json], tool: str, member: str) -> list[str]:
    """The ids that several `ToolResources` name for a tool, each once: `named(..., "code_interpreter", "file_ids")`."""
    return list(dict.fromkeys(name for each in resources for name in (each.get(tool) or {}).get(member) or []))


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


def shown(resources: Json) -> Json:
    """Return a thread's resources as the API shows them: of the files for the code interpreter, the 20 newest.

    Attachments may bring more than these. Code can read those, too.
    """
    files = (resources.get("code_interpreter") or {}).get("file_ids") or []
    return {**resources, "code_interpreter": {"file_ids": files[-MAX_CODE_FILES:]}} if files else resources


def sent_back(requested: Json, stored: Json) -> Json:
    """A thread's resources after a valid `ToolResources` replaced them; what it repeats as it was shown stays whole."""
    seen = shown(stored)
    return {name: stored[name] if value == seen.get(name) else value for name, value in requested.items()}
