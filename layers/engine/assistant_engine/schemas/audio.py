"""`/audio`: what is asked, and what is answered."""

from typing import Annotated, Literal

from pydantic import Field, Tag

from assistant_engine.schemas.common import ABSENT, Schema, by_shape
from assistant_engine.schemas.parameters import SpeechFormat

TranscriptFormat = Literal["json", "text", "srt", "verbose_json", "vtt"]
Language = Annotated[str, Field(pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Words = Annotated[list[Annotated[str, Field(min_length=1, max_length=256)]], Field(max_length=100)]

_IGNORED = "Taken for compatibility, and ignored."


class CreateTranscriptionRequest(Schema):
    """The fields of POST /audio/transcriptions beside `file`, which is multipart/form-data."""

    model: str = Field(default=ABSENT, max_length=256, description="Any name: the deployment's own model answers.")
    language: Language = Field(default=ABSENT, description="Of the speech; else it is identified.")
    languages: list[Language] = Field(
        default=ABSENT, alias="languages[]", max_length=20, description="A single one is taken as `language`."
    )
    prompt: str = Field(default=ABSENT, max_length=4096, description="Words that may be said.")
    keywords: Words = Field(default=ABSENT, alias="keywords[]", description="Words that are likely to be said.")
    response_format: TranscriptFormat = "json"
    temperature: str = Field(default=ABSENT, pattern=r"^(0|1|0?\.\d{1,9}|[01]\.\d{1,9})$")
    timestamp_granularities: list[Literal["word", "segment"]] = Field(
        default=ABSENT, alias="timestamp_granularities[]", description="With `verbose_json`."
    )
    stream: Literal["true", "false", "True", "False"] = Field(
        default=ABSENT, description="Answer with one event for the text, and one for the end."
    )
    include: list[Literal["logprobs"]] = Field(default=ABSENT, alias="include[]", description=_IGNORED)
    chunking_strategy: Literal["auto"] = Field(default=ABSENT, description=_IGNORED)


class CreateSpeechRequest(Schema):
    """POST /audio/speech."""

    input: str = Field(min_length=1, max_length=4096, description="The text.")
    model: str = Field(default=ABSENT, max_length=256, description="Any name: the deployment's own model answers.")
    voice: Annotated[
        Annotated[str, Field(min_length=1, max_length=64), Tag("<string>")]
        | Annotated["VoiceReference", Tag("<object>")],
        by_shape(string=str, object=dict),
    ] = Field(default=ABSENT, description="A voice of the speech provider, or one of OpenAI's names.")
    instructions: str = Field(default=ABSENT, max_length=4096)
    response_format: SpeechFormat = "mp3"
    speed: float = Field(default=1, ge=0.25, le=4)
    stream_format: Literal["sse", "audio"] = "audio"


class VoiceReference(Schema):
    """A voice by its id."""

    id: str = Field(min_length=1, max_length=64)


class TranscriptionUsage(Schema):
    """How much was transcribed."""

    type: Literal["duration"]
    seconds: int = Field(ge=0)


class TranscriptionWord(Schema):
    """A word with its times in seconds."""

    word: str
    start: float
    end: float


class TranscriptionSegment(Schema):
    """A part of the transcript with its times in seconds."""

    id: int
    text: str
    start: float
    end: float
    # What is told of the model of Whisper alone is none here.
    seek: int
    tokens: list[int]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float


class Transcription(Schema):
    """A transcript; the later members are those of `verbose_json`."""

    text: str
    usage: TranscriptionUsage
    task: Literal["transcribe"] = Field(default=ABSENT)
    language: str = Field(default=ABSENT)
    duration: float = Field(default=ABSENT)
    words: list[TranscriptionWord] = Field(default=ABSENT)
    segments: list[TranscriptionSegment] = Field(default=ABSENT)
