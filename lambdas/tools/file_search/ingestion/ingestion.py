"""Reads the files that are attached to vector stores: text out of them, chunks, vectors, parts.

A message of the queue may come twice or late: what is done is decided from the file's item, parts that are there
already are not made again, and the item is settled once. A message that fails comes again, in the end in the
dead-letter queue, which has this same function mark the file `failed`.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import boto3

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.payloads import IngestionMessage, ReadFile, RemoveFile, RemoveStore
from assistant_engine.runtime import children, startup
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import Ingestion, configured
from assistant_engine.search.chunking import Chunk, chunks_of, tokens_of
from assistant_engine.search.embeddings import EmbeddingBusy, EmbeddingError, embed
from assistant_engine.search.indexes import BucketIndex, Index, VectorsIndex
from assistant_engine.search.parts import PART_CHUNKS, pack
from assistant_engine.store import objects
from assistant_engine.store.files import Files
from assistant_engine.store.shared import store

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

MAX_FILE_BYTES = 256 * 1024**2
MAX_TOKENS = 5_000_000
PARSE_SECONDS = 120
PARSE_MEMORY = 1024**3

_TRY_AGAIN_SECONDS = 30


class Unusable(Exception):
    """The file can't be used; `code` and `message` become its `last_error`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


def handler(event: Json, context: Any) -> None:
    """Do what one message (`IngestionMessage`) of the queue, or of its dead-letter queue, says.

    Raises:
        RuntimeError: to be tried again.
    """
    [record] = event["Records"]
    message: IngestionMessage = json.loads(record["body"])
    try:
        if "file" not in message:
            _remove(message)
        elif record["eventSourceARN"] == configured(Ingestion).dead_letter_queue_arn:
            _give_up(message)
        else:
            _ingest(message)
    except Exception as error:
        # The error's own words may hold what is in a file.
        logger.error("ingestion of %s: %s", message.get("file", message["store"]), fault_of(error).where)
        _soon_again(record)
        raise RuntimeError("to be tried again") from None


def _ingest(message: ReadFile) -> None:
    files = store().vector_store_files
    member = files.at(message["store"], message["file"])
    if member is None or member["ingestion"] != message["ingestion"]:
        return
    if member["status"] == "completed":
        _leave_one_reading(member)  # The delivery that completed it may have died before it did this.
    if member["status"] != "in_progress":
        return
    try:
        text, warnings = _text(member)
        sizes = member["chunking"]
        chunks = list(chunks_of(text, sizes["max_chunk_size_tokens"], sizes["chunk_overlap_tokens"]))
        if not chunks:
            raise Unusable("invalid_file", "The file holds no text.")
        size = _keep(member, chunks)
    except Unusable as error:
        files.settle(member, "failed", last_error={"code": error.code, "message": error.message})
        return
    except EmbeddingBusy:
        raise
    except EmbeddingError as error:
        files.settle(member, "failed", last_error={"code": "server_error", "message": str(error)})
        return
    parts = -(-len(chunks) // PART_CHUNKS)
    if files.settle(member, "completed", usage_bytes=size, chunks=len(chunks), parts=parts, warnings=warnings):
        _leave_one_reading(member)
        return
    current = files.at(message["store"], message["file"])
    if current and current["status"] == "completed" and current["ingestion"] == member["ingestion"]:
        _leave_one_reading(member)  # Another delivery completed it, before this one wrote its words.
    else:
        # Detached, cancelled, attached anew or deleted meanwhile: nobody refers to these parts.
        _index().remove(message["store"], member["file_id"], member["ingestion"])
    _remove({"store": message["store"]})


def _leave_one_reading(member: Json) -> None:
    """Remove what a completed file's parts took the place of: its words without vectors, and its earlier reading."""
    _index().remove_words(member)
    if "replaces" in member:
        _index().remove(member["thread_id"], member["file_id"], member["replaces"])


def _text(member: Json) -> tuple[str, list[str]]:
    """Return the text of the file and the warnings, read by a program of its own that may fail in any way it likes.

    Raises:
        Unusable: the file holds none, or more than we take.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        _fetch(member["file_id"], path)
        # -S: with its layers on the path, it needs nothing that is installed beside the interpreter.
        suffix = re.fullmatch(r"\.\w{1,16}", PurePath(member["filename"]).suffix, re.ASCII)
        command = [sys.executable, "-S", str(Path(__file__).with_name("parsing.py")), str(path)]
        command.append(suffix.group().lower() if suffix else "")
        try:
            parsed = subprocess.run(
                [*command, str(PARSE_MEMORY), str(PARSE_SECONDS)],
                cwd=folder,
                env=children.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=PARSE_SECONDS + 10,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unusable("invalid_file", "Reading the file took too long.") from None
    if parsed.returncode != 0:
        raise Unusable("invalid_file", "The file could not be read: it is broken, or takes too much memory or time.")
    answer = json.loads(parsed.stdout)
    if "error" in answer:
        raise Unusable(**answer["error"])
    text: str = answer["text"]
    if tokens_of(text) > MAX_TOKENS:
        raise Unusable("invalid_file", f"The file holds more than {MAX_TOKENS:,} tokens of text.")
    return text, answer["warnings"]


def _fetch(file_id: str, path: Path) -> None:
    answer = objects.find(_s3(), configured(Ingestion).bucket, Files.key(file_id))
    if answer is None:
        raise Unusable("invalid_file", "The file was deleted before it could be read.")
    if answer["ContentLength"] > MAX_FILE_BYTES:
        raise Unusable("invalid_file", f"The file is larger than {MAX_FILE_BYTES // 1024**2} MB.")
    with path.open("wb") as file:
        for piece in answer["Body"].iter_chunks(1024**2):
            file.write(piece)


def _keep(member: Json, chunks: Sequence[Chunk]) -> int:
    """Keep the chunks so that words find them, then with their vectors; how many bytes text and vectors take.

    A large file is found by its words long before a small machine has made its vectors.
    """
    settings, files = store().vector_stores.embedding(member["thread_id"]), store().vector_store_files
    starts = range(0, len(chunks), PART_CHUNKS)
    parts = [(start, chunks[start : start + PART_CHUNKS]) for start in starts]
    following = [*(chunks[start].start for start in starts[1:]), None]
    for part, (_, own) in enumerate(parts):
        _index().put_words(member, part, pack(own, [], following[part]))
    files.note(member, chunks=len(chunks), parts=len(parts), embedded=0)
    size = 0
    for part, (start, own) in enumerate(parts):
        kept = _index().kept(member, part)
        if kept is None:
            vectors = embed(
                [chunk.text for chunk in own],
                settings,
                "document",
                partial(_note_embedded, member, start),
            )
            data = pack(own, vectors, following[part])
            _index().put(member, part, data)
            kept = len(data)
        files.note(member, embedded=start + len(own))
        size += kept
    return size


def _note_embedded(member: Json, before: int, count: int) -> None:
    store().vector_store_files.note(member, embedded=before + count)


def _give_up(message: ReadFile) -> None:
    member = store().vector_store_files.at(message["store"], message["file"])
    if member is not None and member["ingestion"] == message["ingestion"]:
        error = {"code": "server_error", "message": "The file could not be processed. Please attach it again."}
        store().vector_store_files.settle(member, "failed", last_error=error)


def _remove(message: RemoveFile | RemoveStore) -> None:
    """Remove what a file that was detached, or a store that was deleted or has expired, left."""
    if "removed" in message:
        _index().remove(message["store"], message["removed"], message["ingestion"])
        return
    why = store().vector_stores.gone(message["store"])
    if why is None:
        return
    _index().drop(message["store"])
    if why == "deleted":
        store().vector_stores.bury(message["store"])
    else:
        store().vector_stores.forget(message["store"])


def _soon_again(record: Json) -> None:
    """The queue's own timeout is as long as the longest ingestion; a failure need not wait for it."""
    queue = configured(Ingestion).ingestion_queue_url
    if record["eventSourceARN"] != configured(Ingestion).dead_letter_queue_arn:
        _sqs().change_message_visibility(
            QueueUrl=queue, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=_TRY_AGAIN_SECONDS
        )


@cache
def _s3() -> "S3Client":
    client: S3Client = boto3.client("s3")
    return client


@cache
def _sqs() -> "SQSClient":
    client: SQSClient = boto3.client("sqs")
    return client


@cache
def _index() -> Index:
    index = BucketIndex(_s3(), configured(Ingestion).bucket)
    if vector_bucket := configured(Ingestion).vector_bucket:
        return VectorsIndex(index, boto3.client("s3vectors"), vector_bucket)
    return index


startup.end(store, _s3)
