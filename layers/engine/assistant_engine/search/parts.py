"""Parts: up to `PART_CHUNKS` chunks of a file in one object of the bucket, with their vectors and their words.

An object is a line of JSON and three arrays after it, little-endian: the vectors (float32, one row for each chunk, of
length 1; no rows where they are yet to be made), and for every different word of every chunk the chunk (uint32), a hash
of the word (uint32) and how often it occurs (uint32). So a search reads no text but that of its results, and needs only
arithmetic.
"""

import json
import math
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assistant_engine.domain.json_data import Json
from assistant_engine.search.chunking import Chunk
from assistant_engine.search.words import words_of

PART_CHUNKS = 500


def prefix_of(store_id: str, file_id: str = "", ingestion: str = "") -> str:
    """Return what the keys of a store's, a file's or an ingestion's parts start with."""
    return "/".join(name for name in ("vectors", store_id, file_id, ingestion) if name) + "/"


def key_of(member: Json, part: int) -> str:
    """The key of one part of a file. What is under it never changes: an ingestion has its own name."""
    return f"{prefix_of(member['thread_id'], member['file_id'], member['ingestion'])}{part:04d}"


def words_prefix_of(member: Json) -> str:
    """Return what the keys of the parts start with that have no vectors yet."""
    return f"{prefix_of(member['thread_id'], member['file_id'], member['ingestion'])}words/"


def words_key_of(member: Json, part: int) -> str:
    """Return the key of a part without its vectors, which is there while these are made."""
    return f"{words_prefix_of(member)}{part:04d}"


def pack(chunks: Sequence[Chunk], vectors: Sequence[Sequence[float]], following: int | None) -> bytes:
    """A part as the bytes of its object.

    Args:
        vectors: of the chunks; empty where they are yet to be made.
        following: where the chunk after the last one begins; None if there is none.
    """
    flat = array("f")
    for vector in vectors:
        length = math.sqrt(sum(value * value for value in vector)) or 1.0
        flat.extend(value / length for value in vector)
    owners, words, counts = array("I"), array("I"), array("I")
    lengths = []
    for index, chunk in enumerate(chunks):
        found = words_of(chunk.text)
        lengths.append(found.total())
        owners.extend([index] * len(found))
        words.extend(found.keys())
        counts.extend(found.values())
    header = {
        "chunks": [[chunk.start, chunk.text, chunk.after] for chunk in chunks],
        "lengths": lengths,
        "following": following,
        "dimensions": len(vectors[0]) if vectors else 0,
        "words": len(words),
    }
    body = _bytes(flat) + _bytes(owners) + _bytes(words) + _bytes(counts)
    return json.dumps(header, ensure_ascii=False).encode() + b"\n" + body


def _bytes(column: Any) -> bytes:
    if sys.byteorder == "big":
        column.byteswap()
    data: bytes = column.tobytes()
    return data


@dataclass(frozen=True, slots=True)
class Part:
    """A part as it was read; the arrays are numpy's."""

    texts: list[str]
    vectors: Any
    chunk: Any
    word: Any
    count: Any
    lengths: Any
    size: int


def unpack(data: bytes) -> Part:
    """The part in the bytes of an object."""
    import numpy as np  # only searching needs it

    line = data.index(b"\n")
    header = json.loads(data[:line])
    count, dimensions, words = len(header["chunks"]), header["dimensions"], header["words"]
    vectors = np.frombuffer(data, "<f4", count * dimensions, line + 1).reshape(count, dimensions)
    at = line + 1 + 4 * count * dimensions
    owners, hashes, counts = (np.frombuffer(data, "<u4", words, at + 4 * words * column) for column in range(3))
    texts = [text for _, text, _ in header["chunks"]]
    return Part(texts, vectors, owners, hashes, counts, np.array(header["lengths"], "f4"), len(data))


def text_of(data: bytes) -> str:
    """The text that a part's chunks were cut from, letter by letter, without what they share."""
    header = json.loads(data[: data.index(b"\n")])
    chunks = header["chunks"]
    starts = [start for start, _, _ in chunks[1:]] + [header["following"]]
    return "".join(
        (text if following is None else text[: following - start]) + after
        for (start, text, after), following in zip(chunks, starts, strict=True)
    )


def vectors_of(data: bytes) -> list[list[float]]:
    """The vectors of a part, of length 1."""
    line = data.index(b"\n")
    header = json.loads(data[:line])
    flat = array("f")
    flat.frombytes(data[line + 1 : line + 1 + 4 * len(header["chunks"]) * header["dimensions"]])
    if sys.byteorder == "big":
        flat.byteswap()
    width = header["dimensions"]
    return [flat[start : start + width].tolist() for start in range(0, len(flat), width)]
