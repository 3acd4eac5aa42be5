"""PowerPoint presentations (.pptx and its macro, template and show variants): slides, notes and comments."""

from collections.abc import Iterator

from parsers.archive import Archive, Element, Relations, attribute, child, children, descendants, reference
from parsers.drawing import shapes, text_body
from parsers.reading import Warn


def read(archive: Archive, main: str, warn: Warn) -> Iterator[str]:
    """Yield each slide in the order of the show, then what its layout and master show on it."""
    relations = archive.relations(main)
    root = archive.xml(main)
    listed = [relations.target(reference(entry)) for entry in children(child(root, "sldIdLst"), "sldId")]
    if root is None:
        listed = sorted(archive.names("ppt/slides/slide"), key=lambda name: (len(name), name))
    authors = _authors(archive, relations)
    shown: set[str] = set()
    for number, name in enumerate(listed, 1):
        yield f"Slide {number}"
        slide = archive.xml(name)
        if slide is None:
            warn(f"Slide {number} could not be read.")
            continue
        own = archive.relations(name)
        yield from shapes(child(slide, "cSld", "spTree"), archive, own)
        for notes in own.of_type("notesSlide"):
            yield from _notes(archive, notes)
        for comments in own.of_type("comments"):
            yield from _comments(archive.xml(comments), authors)
        yield from _background(archive, own, shown)


def _notes(archive: Archive, name: str) -> Iterator[str]:
    """Yield the speaker's notes, without the number and the picture of the slide."""
    tree = child(archive.xml(name), "cSld", "spTree")
    for shape in list(children(tree, "sp")):
        if attribute(child(shape, "nvSpPr", "nvPr", "ph"), "type") in ("sldNum", "sldImg"):
            shape.getparent().remove(shape)
    lines = list(shapes(tree, archive, archive.relations(name)))
    if lines:
        yield "Notes: " + "\n".join(lines)


def _comments(root: Element | None, authors: dict[str, str]) -> Iterator[str]:
    """Yield comments of both kinds: one text each, and newer ones with answers."""
    for comment in descendants(root, "cm", "reply"):
        author = authors.get(comment.get("authorId", ""), "someone")
        text = child(comment, "text")
        lines = [text.text or ""] if text is not None else text_body(child(comment, "txBody"))
        yield f"Comment by {author}: " + "\n".join(lines)


def _authors(archive: Archive, relations: Relations) -> dict[str, str]:
    parts = (archive.xml(name) for name in relations.of_type("commentAuthors", "authors"))
    each = (author for root in parts for author in descendants(root, "cmAuthor", "author"))
    return {author.get("id", ""): author.get("name", "") or "someone" for author in each}


def _background(archive: Archive, relations: Relations, shown: set[str]) -> Iterator[str]:
    """Yield what a slide's layout and master show that is no placeholder, each once."""
    for layout in relations.of_type("slideLayout"):
        for name in (layout, *archive.relations(layout).of_type("slideMaster")):
            if name in shown:
                continue
            shown.add(name)
            tree = child(archive.xml(name), "cSld", "spTree")
            for shape in list(children(tree, "sp")):
                if next(descendants(shape, "ph"), None) is not None:
                    shape.getparent().remove(shape)
            yield from shapes(tree, archive, archive.relations(name))
