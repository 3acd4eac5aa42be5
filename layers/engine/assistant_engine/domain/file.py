"""A file, in the API's own shape."""

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json


def new_file(file_id: str, filename: str, size: int, purpose: str, created_at: Seconds) -> Json:
    """Make a file as `OpenAIFile`.

    Args:
        size: in bytes.
    """
    return {
        "id": file_id,
        "object": "file",
        "bytes": size,
        "created_at": created_at,
        "filename": filename,
        "purpose": purpose,
        "status": "processed",
    }
