"""Puts together what the deltas of a log said: of a message or a step that came to nothing, nothing else is kept."""

from collections.abc import Iterable

from assistant_engine.domain.json_data import Json


def content_of(deltas: Iterable[Json]) -> list[Json]:
    """Return the content of a message (`MessageContent`) whose `thread.message.delta` events these are."""
    parts: dict[int, Json] = {}
    for delta in deltas:
        for piece in delta["content"]:
            kind = piece["type"]
            part = parts.setdefault(piece["index"], {"type": kind})
            if kind == "text":
                text = part.setdefault("text", {"value": "", "annotations": []})
                text["value"] += piece["text"].get("value", "")
            elif kind == "refusal":
                part["refusal"] = part.get("refusal", "") + piece["refusal"]
            else:
                part[kind] = piece[kind]
    return [parts[index] for index in sorted(parts)]


def calls_of(deltas: Iterable[Json]) -> list[Json]:
    """Return the tool calls of a step whose `thread.run.step.delta` events these are."""
    calls: dict[int, Json] = {}
    for delta in deltas:
        for piece in delta["step_details"]["tool_calls"]:
            kind = piece["type"]
            call = calls.setdefault(piece["index"], {"id": piece.get("id", ""), "type": kind, kind: {}})
            for name, value in piece[kind].items():
                if name == "outputs":
                    shown = [{key: each[key] for key in each if key != "index"} for each in value]
                    call[kind].setdefault(name, []).extend(shown)
                elif isinstance(value, str) and isinstance(call[kind].get(name), str):
                    call[kind][name] += value
                else:
                    call[kind][name] = value
    return [calls[index] for index in sorted(calls)]
