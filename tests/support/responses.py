"""Builds responses of the Responses API, as a model's server gives them."""

from typing import Any

from assistant_engine.domain.json_data import Json


def response(*output: Any, **more: Any) -> Json:
    """A response of the Responses API."""
    usage = {"input_tokens": 70, "output_tokens": 30, "total_tokens": 100}
    whole = {"id": "resp_1", "object": "response", "status": "completed", "output": list(output), "usage": usage}
    return {**whole, **more}


def calls(name: Any, arguments: Any = "{}", call_id: Any = "call_a") -> Json:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def text(value: str) -> Json:
    return {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": value, "annotations": []}],
    }


def call(call_id: str, name: str = "f") -> Json:
    return {"type": "function_call", "id": "fc_1", "call_id": call_id, "name": name, "arguments": "{}"}


RAN = {
    "type": "code_interpreter_call",
    "id": "ci_1",
    "status": "completed",
    "code": "print(6 * 7)",
    "container_id": "cntr_1",
    "outputs": [{"type": "logs", "logs": "42"}, {"type": "image", "url": "https://provider.example/chart.png"}],
}
FOUND = {
    "type": "file_search_call",
    "id": "fs_1",
    "status": "completed",
    "queries": ["lamp"],
    "results": [{"file_id": "file-g", "filename": "guide.pdf", "score": 0.75, "text": "At dusk.", "attributes": {}}],
}
