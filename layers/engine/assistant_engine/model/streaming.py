"""Reads the events of a streamed response of the Responses API as pieces of what the model says. No network.

Whatever else a server sends is passed over. What a server did not send piece by piece comes with the event that ends
the part.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from assistant_engine.domain.builtin_tools import CARRIED_OUT
from assistant_engine.domain.draft import Argued, Called, Piece, PutOut, Said
from assistant_engine.domain.json_data import Json, dicts_of, well_formed
from assistant_engine.model.citations import mark_of
from assistant_engine.model.response import MAX_TURN_CALLS, call_id_of

_ENDS = {"response.completed", "response.incomplete", "response.failed"}


def response_in(event: Json, done: list[Json]) -> Json | None:
    """Return the response that the last event of a stream holds; None for every other event.

    Args:
        event: of the stream, whatever is in it.
        done: the output items that were sent so far; some servers leave them out of the response.
    """
    kind, response = event.get("type"), event.get("response")
    if kind == "error":
        told = event.get("error")
        return {"status": "failed", "error": told if isinstance(told, dict) else event}
    if kind not in _ENDS or not isinstance(response, dict):
        return None
    return response if response.get("output") or not done else {**response, "output": done}


class Listener:
    """Reads one response's events, in their order."""

    def __init__(self) -> None:
        self._texts: dict[tuple[Any, Any], str] = {}
        self._arguments: dict[Any, str] = {}
        self._calls: set[str] = set()
        self._hosted: set[Any] = set()
        self._cited: dict[tuple[Any, Any], dict[int, int]] = {}

    def pieces(self, event: Json) -> Iterator[Piece]:
        """Return what an event adds."""
        kind = event.get("type")
        item = event.get("item") if isinstance(event.get("item"), dict) else {}
        match kind:
            case "response.output_text.delta" | "response.refusal.delta":
                yield from self._said(event, _text(event.get("delta")), refusal=kind == "response.refusal.delta")
            case "response.output_text.annotation.added":
                yield from self._annotated(event, event.get("annotation"))
            case "response.output_text.done":
                yield from self._said(event, self._rest(event, _text(event.get("text"))))
            case "response.refusal.done":
                yield from self._said(event, self._rest(event, _text(event.get("refusal"))), refusal=True)
            case "response.output_item.added":
                yield from self._added(event.get("output_index"), item or {})
            case "response.function_call_arguments.delta" | "response.code_interpreter_call_code.delta":
                yield from self._argued(event.get("output_index"), _text(event.get("delta")))
            case "response.function_call_arguments.done":
                yield from self._rest_argued(event.get("output_index"), _text(event.get("arguments")))
            case "response.code_interpreter_call_code.done":
                yield from self._rest_argued(event.get("output_index"), _text(event.get("code")))
            case "response.output_item.done":
                yield from self._done(event.get("output_index"), item or {})

    def _said(self, event: Json, text: str, *, refusal: bool = False) -> Iterator[Piece]:
        if text:
            part = _part(event)
            self._texts[part] = self._texts.get(part, "") + text
            yield Said(part, text, refusal)

    def _annotated(self, event: Json, annotation: Any) -> Iterator[Piece]:
        """Put the mark of a citation where the text is now; what was said before can't be changed."""
        number = event.get("annotation_index")
        if not isinstance(annotation, dict) or not isinstance(number, int):
            return
        if annotation.get("type") == "file_citation" and isinstance(annotation.get("file_id"), str):
            places = self._cited.setdefault(_part(event), {})
            yield Said(_part(event), _text(mark_of(len(places), annotation.get("filename"))))
            places[number] = len(self._texts.get(_part(event), ""))

    def settled(self, response: Json) -> Json:
        """Return the response with its citations where their marks were put."""
        for (output, content), places in self._cited.items():
            with suppress(LookupError, TypeError):
                annotations = response["output"][output]["content"][content]["annotations"]
                for number, place in places.items():
                    annotations[number]["index"] = place
        return response

    def _rest(self, event: Json, whole: str) -> str:
        before = self._texts.get(_part(event), "")
        return whole[len(before) :] if whole.startswith(before) else ""

    def _added(self, index: Any, item: Json) -> Iterator[Piece]:
        kind = item.get("type")
        if index in self._arguments or len(self._calls) >= MAX_TURN_CALLS:
            return
        if kind == "function_call" and isinstance(item.get("name"), str):
            call_id = call_id_of(item.get("call_id"), self._calls)
            yield Called(index, call_id, item["name"])
        elif kind in CARRIED_OUT:
            call_id = call_id_of(item.get("id"), self._calls)
            self._hosted.add(index)
            yield Called(index, call_id, CARRIED_OUT[kind], hosted=True)
        else:
            return
        self._calls.add(call_id)
        self._arguments[index] = ""

    def _argued(self, index: Any, text: str) -> Iterator[Piece]:
        if text and index in self._arguments:
            self._arguments[index] += text
            yield Argued(index, text)

    def _rest_argued(self, index: Any, whole: str) -> Iterator[Piece]:
        before = self._arguments.get(index, "")
        if whole.startswith(before):
            yield from self._argued(index, whole[len(before) :])

    def _done(self, index: Any, item: Json) -> Iterator[Piece]:
        if item.get("type") == "message":
            parts = item.get("content")
            for number, part in enumerate(parts if isinstance(parts, list) else []):
                told = part if isinstance(part, dict) else {}
                at = {"output_index": index, "content_index": number}
                for name, refusal in (("text", False), ("refusal", True)):
                    yield from self._said(at, self._rest(at, _text(told.get(name))), refusal=refusal)
            return
        yield from self._added(index, item)  # A server may send it whole.
        if index in self._hosted:
            yield from self._rest_argued(index, _text(item.get("code")))
            logs = [each["logs"] for each in dicts_of(item.get("outputs")) if isinstance(each.get("logs"), str)]
            yield PutOut(index, "\n".join(logs))
        else:
            yield from self._rest_argued(index, _text(item.get("arguments")))


def _part(event: Json) -> tuple[Any, Any]:
    return event.get("output_index"), event.get("content_index")


def _text(value: Any) -> str:
    return well_formed(value) if isinstance(value, str) else ""
