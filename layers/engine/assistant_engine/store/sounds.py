"""Sounds: what was heard in files, and speech that was made of messages.

    partition of    sort key                      holds
    a file          transcript                    its transcript; the text of a long one is in the bucket
    a thread        speech#<message>#<digest>     that a message was spoken so: the sound is in the bucket

The first who wants one claims it for a while, so that nobody pays for it twice at once; what came of it is written
once, in one transaction with its usage. The bucket has sounds under `speech/<thread>/<message>/<digest>`; while one is
made, its pieces are below that.
"""

from collections.abc import Iterator
from dataclasses import asdict
from urllib.parse import unquote

from boto3.dynamodb.conditions import Attr

from assistant_engine.domain import ids
from assistant_engine.domain.clock import EPOCH, Seconds, seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.speech import Transcript
from assistant_engine.domain.speech_payloads import piece_key
from assistant_engine.domain.thread import ThreadId
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import objects
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.dynamodb import ConditionFailed, Database
from assistant_engine.store.expressions import put
from assistant_engine.store.partition import below, key_of

PREFIX = "speech/"
REQUESTS = "speech/requests/"
"""Where sounds are for as long as a request takes; a rule of the bucket removes what one left behind."""

_CHUNK_BYTES = 262_144


class Sounds:
    """Transcripts of files, and speech of messages."""

    def __init__(self, database: Database, blobs: Blobs, table: str) -> None:
        self._db = database
        self._blobs = blobs
        self._table = table

    # Transcripts

    def transcript(self, file_id: str) -> Transcript | None:
        """The transcript of a file; None while there is none."""
        item = self._db.get(self._table, key_of(file_id, "transcript"))
        if item is None or "lease" in item:
            return None
        return Transcript(**self._blobs.unpack("document", item))

    def claim_transcript(self, file_id: str, now: Seconds, until: Seconds) -> bool:
        """Claim the work on a file's transcript; whether it is the caller's now."""
        return self._claim(key_of(file_id, "transcript"), now, until)

    def hold_transcript(self, file_id: str, until: Seconds) -> None:
        """Hold a claim of the caller's for longer."""
        self._claim(key_of(file_id, "transcript"), until, until)

    def release_transcript(self, file_id: str) -> None:
        """Let go of a claim of the caller's."""
        self._claim(key_of(file_id, "transcript"), Seconds(2**40), Seconds(0))

    def keep_transcript(self, file_id: str, transcript: Transcript, usage: list[Json], expires_at: int | None) -> None:
        """Keep the transcript of a file and count its usage; nothing happens if there is one.

        Args:
            usage: the actions that count it.
            expires_at: of the file.
        """
        document = asdict(transcript)
        item = {
            **key_of(file_id, "transcript"),
            "ttl": expires_at,
            **self._blobs.pack("document", document, f"text/files/{file_id}-transcript.json"),
        }
        self._settle(item, usage)

    def forget_transcript(self, file_id: str) -> None:
        """Forget what was heard in a file; nothing happens if that is nothing."""
        item = self._db.delete(self._table, key_of(file_id, "transcript"))
        if item and "document_key" in item:
            self._blobs.delete(item["document_key"])

    # Speech

    @staticmethod
    def key(thread_id: ThreadId, message_id: str, digest: str) -> str:
        """Where the bucket has a message as it was spoken."""
        return f"{PREFIX}{thread_id}/{message_id}/{digest}"

    def made(self, thread_id: ThreadId, message_id: str, digest: str) -> bool:
        """Return whether a message was spoken so, and that counted."""
        item = self._db.get(self._table, _speech_key(thread_id, message_id, digest))
        return item is not None and "lease" not in item

    def claim(self, thread_id: ThreadId, message_id: str, digest: str, now: Seconds, until: Seconds) -> bool:
        """Claim the work of speaking; whether it is the caller's now."""
        return self._claim(_speech_key(thread_id, message_id, digest), now, until)

    def release(self, thread_id: ThreadId, message_id: str, digest: str) -> None:
        """Let go of a claim of the caller's."""
        self._claim(_speech_key(thread_id, message_id, digest), Seconds(2**40), Seconds(0))

    def settle(self, thread_id: ThreadId, message_id: str, digest: str, usage: list[Json]) -> None:
        """Record that a message was spoken, and count it; nothing happens if that is done."""
        self._settle(_speech_key(thread_id, message_id, digest), usage)

    def of_object(self, key: str) -> Json | None:
        """What the bucket tells of a sound, `{"bytes", "media_type", "characters", "model"}`; None without a sound."""
        found = objects.head(self._blobs.client, self._blobs.bucket, key)
        if found is None:
            return None
        told = found["Metadata"]
        return {
            "bytes": found["ContentLength"],
            "media_type": found["ContentType"],
            "characters": int(told.get("characters", 0)),
            "model": unquote(told.get("model", "")),
        }

    def piece(self, key: str, number: int) -> tuple[str, bytes] | None:
        """The media type and the bytes of a piece of a sound that is being made; None while it isn't there."""
        found = objects.find(self._blobs.client, self._blobs.bucket, piece_key(key, number))
        return (found["ContentType"], found["Body"].read()) if found else None

    def chunks(self, key: str, skip: int = 0) -> Iterator[bytes]:
        """The bytes of a sound after the first `skip`, chunk by chunk; none if it was deleted."""
        found = objects.find(self._blobs.client, self._blobs.bucket, key)
        if found:
            found["Body"].read(skip)
            yield from found["Body"].iter_chunks(_CHUNK_BYTES)

    def delete_pieces(self, key: str) -> None:
        """Delete the pieces of a sound, once the whole is there."""
        self._blobs.delete_below(f"{key}/")

    def forget(self, thread_id: ThreadId, message_id: str) -> None:
        """Forget how a message sounds."""
        items = self._db.query_all(below(self._table, thread_id, f"speech#{message_id}#"))
        if keys := [key_of(thread_id, item["message_id"]) for item in items]:
            self._db.delete_all(self._table, keys)
            self._blobs.delete_below(f"{PREFIX}{thread_id}/{message_id}/")

    # Requests

    def put_request(self, data: bytes) -> str:
        """Keep a sound for a request; where it is."""
        key = self.request_key()
        self._blobs.client.put_object(Bucket=self._blobs.bucket, Key=key, Body=data)
        return key

    @staticmethod
    def request_key() -> str:
        """Return a new place for a sound of a request."""
        return ids.new_id(f"{REQUESTS}sound_", EPOCH)

    def delete_request(self, key: str) -> None:
        """Delete a sound of a request, and its pieces."""
        self._blobs.delete_below(key)

    def count(self, usage: list[Json]) -> None:
        """Count usage that nothing else is written with."""
        if usage:
            self._db.transact(usage)

    def _claim(self, key: Json, now: Seconds, until: Seconds) -> bool:
        free = Attr("message_id").not_exists() | Attr("lease").lte(now)
        try:
            # Whoever dies leaves nothing behind but this.
            forgotten = max(until, seconds_of(now_ms())) + 24 * 3600
            self._db.put(put(self._table, {**key, "lease": until, "ttl": forgotten}, free))
        except ConditionFailed:
            return False
        return True

    def _settle(self, item: Json, usage: list[Json]) -> None:
        open_ = Attr("message_id").not_exists() | Attr("lease").exists()
        try:
            self._db.transact([put(self._table, item, open_), *usage])
        except ConditionFailed:
            return


def _speech_key(thread_id: ThreadId, message_id: str, digest: str) -> Json:
    return key_of(thread_id, f"speech#{message_id}#{digest}")
