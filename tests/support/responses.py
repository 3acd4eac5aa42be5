"""Builds responses of the Responses API, as a model's server gives them."""

import re
from collections.abc import Iterator
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


def events(whole: Json) -> list[Json]:
    """The events that a response is streamed with, a word at a time, as the Responses API sends them."""
    return list(_events(whole))


def _events(whole: Json) -> Iterator[Json]:
    yield {"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}}
    for index, item in enumerate(whole["output"]):
        at = {"output_index": index, "item_id": item.get("id", f"item_{index}")}
        empty: Json = {"content": [], "arguments": "", "code": "", "outputs": None}
        yield {
            "type": "response.output_item.added",
            **at,
            "item": {**item, **{n: empty[n] for n in empty if n in item}},
        }
        for number, part in enumerate(item.get("content", [])):
            name = "refusal" if part["type"] == "refusal" else "text"
            for word in _words(part[name]):
                kind = "refusal" if name == "refusal" else "output_text"
                yield {"type": f"response.{kind}.delta", **at, "content_index": number, "delta": word}
        for name, kind in (("arguments", "function_call_arguments"), ("code", "code_interpreter_call_code")):
            for word in _words(item.get(name) or ""):
                yield {"type": f"response.{kind}.delta", **at, "delta": word}
        yield {"type": "response.output_item.done", **at, "item": item}
    yield {"type": f"response.{whole['status']}", "response": whole}


def _words(text: str) -> list[str]:
    return re.findall(r"\S*\s*", text)[:-1]
