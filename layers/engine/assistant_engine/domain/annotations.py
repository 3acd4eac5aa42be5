"""Annotates what the model says: the files that code made, and the passages that a search found. Pure functions."""

from collections.abc import Callable, Iterable, Mapping

from assistant_engine.domain import mentions
from assistant_engine.domain.builtin_tools import Result, fresh_images
from assistant_engine.domain.json_data import Json


def annotated(
    content: list[Json], results: list[Result], since: int, others: Callable[[], Mapping[str, str]] = dict
) -> tuple[list[Json], list[Json]]:
    """A message's content with what the tools found and made, and its attachments.

    Args:
        content: parts of the message, with the provider's annotations alone.
        results: of the run so far, in order.
        since: what was made in this turn or later is given with this message; earlier files are in a message already.
        others: gives the ids of the thread's other files by path; asked if the text names a file that is not the run's.

    Returns:
        The images before the text, the text with `file_path` and `file_citation` annotations; and as `attachments` the
        files that the text links, and those that code made and the text does not link.
    """
    made: dict[str, str] = {}
    fresh: dict[str, str] = {}
    found: dict[tuple[int, int], Json] = {}
    for result in results:
        parsed = result.parsed()
        if result.name == "file_search":
            found |= {(result.number, index): each for index, each in enumerate(parsed["results"])}
            continue
        for file in parsed["files"]:
            made[file["path"]] = file["file_id"]
            if result.turn >= since and not file["image"]:
                fresh[file["path"]] = file["file_id"]
    texts = [part["text"]["value"] for part in content if part["type"] == "text"]
    known: Mapping[str, str] = made
    if any(mentions.anchors(text) > len(mentions.paths(text, made)) for text in texts):
        known = {**others(), **made}
    parts: list[Json] = []
    attached: dict[str, None] = {}
    for part in content:
        if part["type"] == "text":
            value, annotations = part["text"]["value"], part["text"]["annotations"]
            annotations = [*annotations, *_citations(value, found), *_links(value, known, annotations)]
            attached |= {each["file_path"]["file_id"]: None for each in annotations if each["type"] == "file_path"}
            annotations.sort(key=lambda each: each["start_index"])
            part = {"type": "text", "text": {"value": value, "annotations": annotations}}
        parts.append(part)
    attached |= dict.fromkeys(fresh.values())
    attachments = [{"file_id": file_id, "tools": [{"type": "code_interpreter"}]} for file_id in attached]
    images = fresh_images(results, since)
    shown = [{"type": "image_file", "image_file": {"file_id": file_id, "detail": "auto"}} for file_id in images]
    return [*shown, *parts], attachments


def _links(text: str, known: Mapping[str, str], annotations: list[Json]) -> Iterable[Json]:
    """Annotate the files that a text names, where nothing is annotated yet.

    Clients replace the text of an annotation by an address, often wherever it occurs. So where a file has a link
    (`sandbox:...`), its path alone is no second one.
    """
    found = mentions.paths(text, known)
    linked = {mention.path for mention in found if mention.linked}
    for mention in found:
        start, end = mention.span
        taken = any(start < each["end_index"] and each["start_index"] < end for each in annotations)
        if not taken and (mention.linked or mention.path not in linked):
            yield _annotation("file_path", text, mention.span, known[mention.path])


def _citations(text: str, found: Mapping[tuple[int, int], Json]) -> Iterable[Json]:
    filenames = {passage: each["file_name"] for passage, each in found.items()}
    for span, passage in mentions.marks(text, filenames):
        yield _annotation("file_citation", text, span, found[passage]["file_id"])


def _annotation(kind: str, text: str, span: mentions.Span, file_id: str) -> Json:
    where = {"start_index": span.start, "end_index": span.end}
    return {"type": kind, "text": text[span.start : span.end], **where, kind: {"file_id": file_id}}
