"""Shows transcripts in the formats of OpenAI's transcriptions."""

import math

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.speech import Transcript

_PAUSE_SECONDS = 1.0
_SEGMENT_WORDS = 14


def segments_of(transcript: Transcript) -> list[Json]:
    """Return the segments of a transcript: the provider's, or those that its words make, or all of it as one."""
    if transcript.segments:
        return transcript.segments
    segments: list[Json] = []
    for word in transcript.words:
        last = segments[-1] if segments else None
        if last and word["start"] - last["end"] < _PAUSE_SECONDS and not _is_full(last["text"]):
            last["text"] += f" {word['word']}"
            last["end"] = word["end"]
        else:
            segments.append({"text": word["word"], "start": word["start"], "end": word["end"]})
    return segments or [{"text": transcript.text, "start": 0.0, "end": round(transcript.seconds, 2)}]


def _is_full(text: str) -> bool:
    return text.endswith((".", "?", "!")) or text.count(" ") + 1 >= _SEGMENT_WORDS


def json_of(transcript: Transcript) -> Json:
    """Return a transcript as `Transcription`."""
    return {
        "text": transcript.text,
        "usage": {"type": "duration", "seconds": math.ceil(transcript.seconds)},
    }


def verbose_of(transcript: Transcript, granularities: list[str]) -> Json:
    """Return a transcript as `Transcription` with `TranscriptionVerbose`'s members.

    Args:
        granularities: of times; words only if they are asked for.
    """
    shown = {
        **json_of(transcript),
        "task": "transcribe",
        "language": transcript.language or "unknown",
        "duration": round(transcript.seconds, 2),
    }
    if "word" in granularities:
        shown["words"] = transcript.words
    if "segment" in granularities or not granularities:
        shown["segments"] = [
            {"id": number, **segment, **_OF_WHISPER} for number, segment in enumerate(segments_of(transcript))
        ]
    return shown


_OF_WHISPER: Json = {
    "seek": 0,
    "tokens": [],
    "temperature": 0.0,
    "avg_logprob": 0.0,
    "compression_ratio": 0.0,
    "no_speech_prob": 0.0,
}
"""What a segment tells of the model that heard it, in clients' types; other models have none of it."""


def srt_of(transcript: Transcript) -> str:
    """Return a transcript as SubRip."""
    return "\n".join(
        f"{number}\n{_time(each['start'], ',')} --> {_time(each['end'], ',')}\n{each['text'].strip()}\n"
        for number, each in enumerate(segments_of(transcript), 1)
    )


def vtt_of(transcript: Transcript) -> str:
    """Return a transcript as WebVTT."""
    cues = "\n".join(
        f"{_time(each['start'], '.')} --> {_time(each['end'], '.')}\n{each['text'].strip()}\n"
        for each in segments_of(transcript)
    )
    return f"WEBVTT\n\n{cues}"


def _time(seconds: float, point: str) -> str:
    milliseconds = round(1000 * seconds)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}{point}{milliseconds % 1000:03d}"
