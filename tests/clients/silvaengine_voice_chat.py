"""The voice chatbot of openai_assistant_engine, with files in place of microphone and loudspeaker.

It has speech made into text, and text into speech, by `client.audio` of the `openai` package; what it asks is text.
Each line of its input names a WAV file to take for what was said; what it would play is written next to that file.
"""

import io
import sys
from pathlib import Path

from openai import OpenAI
from silvaengine_chat import answered

client = OpenAI()


def heard(recording: Path) -> str:
    """Return what was said in a recording."""
    audio = io.BytesIO(recording.read_bytes())
    audio.name = recording.name
    return client.audio.transcriptions.create(model="whisper-1", file=audio).text


def spoken(text: str) -> bytes:
    """Return a text as speech."""
    return client.audio.speech.create(model="tts-1", voice="alloy", input=text).read()


def main() -> None:
    """Talk as long as there are recordings."""
    spoken("Hello! I am an AI assistant. How can I help you today?")
    thread_id = None
    for line in sys.stdin:
        recording = Path(line.strip())
        thread_id, answer = answered(heard(recording), thread_id, named=True)
        print("AI:", answer)
        recording.with_suffix(".answer").write_bytes(spoken(answer))


if __name__ == "__main__":
    main()
