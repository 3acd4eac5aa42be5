"""A message in the API's shape (`MessageObject`)."""

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json


def new_message(request: Json, now: Seconds) -> Json:
    """A message as `MessageObject`, its id and thread still missing, from a valid `CreateMessageRequest`.

    Args:
        now: seconds since 1970.
    """
    content = request["content"]
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    return {
        "object": "thread.message",
        "created_at": now,
        "status": "completed",
        "incomplete_details": None,
        "completed_at": now,
        "incomplete_at": None,
        "role": request["role"],
        "content": [_stored_part(part) for part in content],
        "assistant_id": None,
        "run_id": None,
        "attachments": request.get("attachments") or [],
        "metadata": request.get("metadata") or {},
        **({"audio": request["audio"]} if "audio" in request else {}),
    }


def _stored_part(part: Json) -> Json:
    if part["type"] == "text" and isinstance(part["text"], str):
        return {"type": "text", "text": {"value": part["text"], "annotations": []}}
    if part["type"] in ("image_url", "image_file"):
        return {"type": part["type"], part["type"]: {"detail": "auto", **part[part["type"]]}}
    return part


def awaits_transcript(message: Json) -> bool:
    """Return whether a stored message waits for the text of its sound."""
    return bool((message.get("audio") or {}).get("waits"))


def sound_of(request: Json) -> tuple[int, Json] | None:
    """Return the sound in a valid `CreateMessageRequest` and its place in the content, if there is one."""
    content = request["content"] if isinstance(request["content"], list) else []
    sounds = ((index, part["input_audio"]) for index, part in enumerate(content) if part["type"] == "input_audio")
    return next(sounds, None)


def shown(message: Json) -> Json:
    """A message as the API shows it: of its sound what is of use to a client."""
    audio = message.get("audio")
    if not audio:
        return message
    if "file_id" in audio:
        public: Json = {name: audio[name] for name in ("file_id", "seconds", "transcribed_by")}
    else:
        public = {"speech_url": f"/threads/{message['thread_id']}/messages/{message['id']}/speech"}
    return {**message, "audio": public}


def text_of(message: Json) -> str:
    """The text of a message: its text and refusal parts, a line each."""
    parts = (
        part["text"]["value"] if part["type"] == "text" else part.get("refusal", "") for part in message["content"]
    )
    return "\n".join(part for part in parts if part)


def data_size(message: Json) -> int:
    """Return the bytes of the images that a message has in `data:` URLs."""
    urls = (part["image_url"]["url"] for part in message["content"] if part["type"] == "image_url")
    return sum(len(url) for url in urls if url.startswith("data:"))
