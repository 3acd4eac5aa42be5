"""An assistant in the API's shape (`AssistantObject`), with the extensions `functions` and `configuration`."""

import json

from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json

CONFIGURATION_BYTES = 64 * 1024
"""All configurations of an assistant's functions: a run's item holds them (DynamoDB limit: 400 KB)."""


def configured_functions(assistant: Json) -> list[Json]:
    """Return the `functions` as runs have them: the assistant's `configuration`, and each one's own over it."""
    shared = assistant["configuration"]
    return [{**entry, "configuration": {**shared, **entry["configuration"]}} for entry in assistant["functions"]]


def check_configurations(assistant: Json) -> None:
    """Check the size of the configurations that a run of the assistant has.

    Raises:
        InvalidRequest: they are too large together.
    """
    size = len(
        json.dumps([assistant["configuration"], *(each["configuration"] for each in configured_functions(assistant))])
    )
    if size > CONFIGURATION_BYTES:
        raise InvalidRequest(
            f"Invalid 'configuration': too large. Expected at most {CONFIGURATION_BYTES} bytes of JSON in the "
            f"configurations of all functions, each with the assistant's, but got {size} instead.",
            param="configuration",
            code="value_too_large",
        )
