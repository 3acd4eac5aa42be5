"""`/v1/threads/{thread_id}/messages/{message_id}/speech`. The function `stream` answers it: it sends any size."""

from typing import TYPE_CHECKING

from answers import StreamedAnswer
from assistant_engine.domain.thread import Thread
from assistant_engine.schemas.parameters import MessageSpeechParameters
from routes import Request, Routes

if TYPE_CHECKING:
    from assistant_engine.resources.speaking import Sound

routes = Routes("Audio")

SOUNDS = ("audio/aac", "audio/flac", "audio/mpeg", "audio/ogg", "audio/pcm", "audio/wav")
"""The media types of speech in the API's description: those of `speech.FORMATS`, as a test checks."""


@routes.get(
    "/threads/{thread_id}/messages/{message_id}/speech",
    "getMessageSpeech",
    "Hear a message",
    query=MessageSpeechParameters,
    answer=None,
    media=SOUNDS,
    extension=True,
)
def hear(request: Request, thread: Thread, message_id: str) -> StreamedAnswer:
    from assistant_engine.resources import speaking  # Few requests are for it.

    query = request.query
    sound = speaking.of_message(
        request.store, thread, message_id, request.now_ms, format=query["format"], voice=query.get("voice")
    )
    return answer(sound)


def answer(sound: "Sound") -> StreamedAnswer:
    """Answer with sound, as it is made."""
    headers = {"Content-Type": sound.media_type, "X-Content-Type-Options": "nosniff"}
    return StreamedAnswer(200, headers, sound.chunks)
