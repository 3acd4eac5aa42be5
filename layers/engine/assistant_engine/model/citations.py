"""Turns what the model's provider cites in a text into the Assistants API's annotations. Pure functions.

The Responses API gives a place where a citation belongs; the Assistants API gives a stretch of the text, which clients
replace. So a mark is put into the text there.
"""

from collections.abc import Mapping
from typing import Any

from assistant_engine.domain.json_data import Json, dicts_of

MAX_FILES = 20
"""Files that one response may bring out of the provider's container."""


def container_files(output: list[Any]) -> list[Json]:
    """The files in the provider's containers that a response refers to: `container_file_citation`, each file once.

    Args:
        output: items of the Responses API, whatever is in them.
    """
    messages = [item for item in dicts_of(output) if item.get("type") == "message"]
    parts = [part for message in messages for part in dicts_of(message.get("content"))]
    given = [each for part in parts for each in dicts_of(part.get("annotations"))]
    made = {each["file_id"]: each for each in given if _is_made(each)}
    return list(made.values())[:MAX_FILES]


def parts_of(text: str, annotations: Any, files: Mapping[str, Json]) -> list[Json]:
    """A text of the model as parts of a message: the images that it shows, and the text with its annotations.

    Args:
        annotations: of `output_text`, whatever is in them.
        files: what was carried over, `{"file_id", "filename", "image": bool}` by the provider's id of the file.
    """
    marks: list[tuple[int, str, Json]] = []
    links: list[tuple[int, int, Json]] = []
    images: dict[str, Json] = {}
    for each in dicts_of(annotations):
        if each.get("type") == "file_citation" and isinstance(each.get("file_id"), str):
            if isinstance(each.get("index"), int):
                named = {"file_id": each["file_id"], "filename": each.get("filename")}
                marks.append((_within(text, each["index"]), "file_citation", named))
        elif _is_made(each) and (file := files.get(each["file_id"])):
            if file["image"]:
                image = {"file_id": file["file_id"], "detail": "auto"}
                images[file["file_id"]] = {"type": "image_file", "image_file": image}
            start, end = (_within(text, each.get(name)) for name in ("start_index", "end_index"))
            if start < end:
                links.append((start, end, file))
            elif not file["image"]:
                marks.append((len(text), "file_path", file))
    marks.sort(key=lambda mark: mark[0])
    annotated: list[Json] = []
    value, done, lengths = "", 0, []
    for number, (place, kind, file) in enumerate(marks):
        value += text[done:place]
        mark = mark_of(number, file["filename"])
        annotated.append(_annotation(kind, value + mark, len(value), len(value) + len(mark), file))
        value, done = value + mark, place
        lengths.append((place, len(mark)))
    value += text[done:]
    for start, end, file in links:
        shifted = start + sum(length for place, length in lengths if place <= start)
        until = end + sum(length for place, length in lengths if place < end)
        annotated.append(_annotation("file_path", value, shifted, until, file))
    return [*images.values(), {"type": "text", "text": {"value": value, "annotations": annotated}}]


def mark_of(number: int, filename: Any) -> str:
    """Return the mark that is put into a text where it cites a file."""
    return f"【{number}†{filename or 'source'}】"


def _annotation(kind: str, text: str, start: int, end: int, file: Json) -> Json:
    where = {"start_index": start, "end_index": end}
    return {"type": kind, "text": text[start:end], **where, kind: {"file_id": file["file_id"]}}


def _is_made(annotation: Json) -> bool:
    names = ("container_id", "file_id")
    return annotation.get("type") == "container_file_citation" and all(
        isinstance(annotation.get(name), str) for name in names
    )


def _within(text: str, place: Any) -> int:
    return min(max(place, 0), len(text)) if isinstance(place, int) else 0
