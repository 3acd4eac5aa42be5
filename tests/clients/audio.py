"""Transcribes a file and speaks a text in every format, with the `openai` package of this environment.

Each answer is a line of JSON: what the package made of a transcript, or a sound.
"""

import asyncio
import base64
import json
import sys
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI, OpenAI

WRITTEN = ("json", "text", "verbose_json", "srt", "vtt")
SPOKEN = ("mp3", "opus", "aac", "flac", "wav", "pcm")

client = OpenAI(max_retries=0)


def transcribed(file: Path, kind: Any) -> Any:
    with file.open("rb") as opened:
        answer: Any = client.audio.transcriptions.create(model="whisper-1", file=opened, response_format=kind)
    return answer if isinstance(answer, str) else answer.model_dump()


def spoken(text: str, kind: Any) -> list[bytes]:
    """Return speech as it is read whole, and as it is read while it comes."""
    asked: Any = {"model": "tts-1", "voice": "alloy", "input": text, "response_format": kind}
    whole = client.audio.speech.create(**asked).read()
    with client.audio.speech.with_streaming_response.create(**asked) as answer:
        return [whole, b"".join(answer.iter_bytes())]


async def spoken_to_waiting_code(text: str) -> bytes:
    async with AsyncOpenAI(max_retries=0) as waiting:
        asked: Any = {"model": "tts-1", "voice": "alloy", "input": text}
        async with waiting.audio.speech.with_streaming_response.create(**asked) as answer:
            return b"".join([chunk async for chunk in answer.iter_bytes()])


def main() -> None:
    file, text = Path(sys.argv[1]), sys.argv[2]
    for kind in WRITTEN:
        print(json.dumps({"written": kind, "answer": transcribed(file, kind)}))
    sounds = [(kind, sound) for kind in SPOKEN for sound in spoken(text, kind)]
    sounds.append(("mp3", asyncio.run(spoken_to_waiting_code(text))))
    for kind, sound in sounds:
        print(json.dumps({"spoken": kind, "answer": base64.b64encode(sound).decode()}))


if __name__ == "__main__":
    main()
