"""Archives that documents are made of: parts, what they refer to, and their XML.

Elements are told apart by their local names: the strict and the transitional variant of the Office formats, and what
other programs write, differ in the namespaces.
"""

import lzma
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

from lxml import etree

from parsers.reading import Unreadable, Warn

MAX_UNPACKED_BYTES = 512 * 1024**2
MAX_ENTRIES = 20_000

Element = Any
"""An `lxml` element; the library has no types."""

BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError, ValueError,
    etree.XMLSyntaxError,
)  # fmt: skip
"""What reading a broken part raises."""


class Archive:
    """A ZIP archive that is read part by part; a part that is broken is reported and counts as absent.

    Raises:
        Unreadable: it is broken, protected by a password, or unpacks to more than `MAX_UNPACKED_BYTES`.
    """

    def __init__(self, path: Path, warn: Warn) -> None:
        self._warn = warn
        try:
            self._zip = zipfile.ZipFile(path)
            entries = self._zip.infolist()
        except BROKEN:
            raise Unreadable("invalid_file", "The file is a broken archive.") from None
        if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
            raise Unreadable("invalid_file", "The file unpacks to far more than its own size.")
        if any(entry.flag_bits & 1 for entry in entries):
            raise Unreadable("invalid_file", "The file is protected by a password.")
        # Some programs write backslashes or a leading slash, and part names are the same in any case of letters.
        self._names = {self._key(entry.filename): entry.filename for entry in entries}

    def __contains__(self, name: str) -> bool:
        return self._key(name) in self._names

    def names(self, start: str = "") -> list[str]:
        """Return the names of the parts that begin with `start`, in the archive's order."""
        key = self._key(start)
        return [name for folded, name in self._names.items() if folded.startswith(key)]

    def open(self, name: str) -> BinaryIO:
        """Open a part.

        Raises:
            KeyError: there is none.
        """
        return self._zip.open(self._names[self._key(name)])  # type: ignore[return-value]

    def bytes(self, name: str) -> bytes:
        """Return a part's bytes; empty if it is absent or broken, which is reported."""
        if name not in self:
            return b""
        try:
            return self.open(name).read()
        except BROKEN:
            self.broken(name)
            return b""

    def xml(self, name: str) -> Element | None:
        """Return the root of a part; None if it is absent or broken, which is reported.

        XML that breaks off is read up to there.
        """
        data = self.bytes(name)
        if not data:
            if name in self:
                self.broken(name)
            return None
        try:
            return etree.fromstring(data, parser=_parser(recover=False))
        except etree.XMLSyntaxError:
            self.broken(name)
        try:
            return etree.fromstring(data, parser=_parser(recover=True))
        except etree.XMLSyntaxError:
            return None

    def broken(self, name: str) -> None:
        """Report a part that could not be read as a whole."""
        self._warn(f"The part {name[:100]} of the file is broken and was not read as a whole.")

    def relations(self, name: str) -> "Relations":
        """Return what an Office part refers to."""
        folder, _, base = name.rpartition("/")
        relations = Relations()
        root = self.xml(f"{folder}/_rels/{base}.rels" if folder else f"_rels/{base}.rels")
        for relation in children(root, "Relationship"):
            if relation.get("TargetMode") == "External":
                continue
            target = unquote(relation.get("Target", "").replace("\\", "/"))
            target = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            relations.add(relation.get("Id", ""), relation.get("Type", "").rpartition("/")[2], target)
        return relations

    @staticmethod
    def _key(name: str) -> str:
        return name.replace("\\", "/").lstrip("/").lower()


class Relations:
    """The parts that a part refers to, by id and by type (the last word of the type's address)."""

    def __init__(self) -> None:
        self._all: dict[str, tuple[str, str]] = {}

    def add(self, id: str, type: str, target: str) -> None:
        """Add one."""
        self._all[id] = (type, target)

    def target(self, id: str | None) -> str:
        """Return the name of the part with this id, or the empty string."""
        return self._all.get(id or "", ("", ""))[1]

    def type(self, id: str | None) -> str:
        """Return the type of the part with this id, or the empty string."""
        return self._all.get(id or "", ("", ""))[0]

    def of_type(self, *types: str) -> list[str]:
        """Return the names of the parts of these types."""
        return list(dict.fromkeys(target for type, target in self._all.values() if type in types))


def _parser(*, recover: bool) -> Any:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True, remove_pis=True, recover=recover
    )


def local(element: Element) -> str:
    """Return an element's name without its namespace; the empty string for an entity."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(element: Element | None, *names: str) -> Iterator[Element]:
    """Yield the children with one of these local names; none of None."""
    for child in element if element is not None else ():
        if local(child) in names:
            yield child


def child(element: Element | None, *path: str) -> Element | None:
    """Return the first descendant along a path of local names, or None."""
    for name in path:
        element = next(children(element, name), None)
        if element is None:
            return None
    return element


def descendants(element: Element | None, *names: str) -> Iterator[Element]:
    """Yield the descendants with one of these local names, in the document's order; none of None."""
    if element is not None:
        yield from element.iter(*(f"{{*}}{name}" for name in names))


def attribute(element: Element | None, name: str) -> str | None:
    """Return an attribute by its local name, whatever its namespace, or None."""
    if element is None:
        return None
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return None


def reference(element: Element, name: str = "id") -> str:
    """Return the id of the relation that an element refers to, which is an attribute with a namespace."""
    return next((str(value) for key, value in element.attrib.items() if key.endswith(f"}}{name}")), "")
