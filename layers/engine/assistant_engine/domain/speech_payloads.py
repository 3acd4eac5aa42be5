"""The payloads of the function `speech`. The bucket has the sounds; a payload has their keys."""

from typing import Literal, NotRequired, TypedDict

from assistant_engine.domain.json_data import Json


class TranscribeEvent(TypedDict):
    """Asks the function `speech` to transcribe a sound.

    Attributes:
        key: where the bucket has it.
        language, prompt, temperature, keywords: as a client of OpenAI's transcriptions gives them.
        timestamps: whether the times of words are wanted, too.
        most_seconds: a longer sound is not transcribed.
    """

    key: str
    language: NotRequired[str]
    prompt: NotRequired[str]
    temperature: NotRequired[float]
    keywords: NotRequired[list[str]]
    timestamps: NotRequired[bool]
    most_seconds: NotRequired[int]


class SpeakEvent(TypedDict):
    """Asks the function `speech` to speak a text.

    Attributes:
        key: where the sound is put into the bucket; its pieces are at `piece_key` before, if there are several.
        format: of `speech.FORMATS`.
        voice, language, instructions, speed: how it is to sound.
    """

    text: str
    key: str
    format: str
    voice: NotRequired[str]
    language: NotRequired[str]
    instructions: NotRequired[str]
    speed: NotRequired[float]


class SpeechError(TypedDict):
    """Why the function `speech` did nothing.

    Attributes:
        kind: `unfit`, what nobody will ever serve; `busy`, what may be served later.
    """

    kind: Literal["unfit", "busy"]
    message: str
    code: str


class MadeSpeech(TypedDict):
    """Speech that is in the bucket."""

    characters: int
    model: str
    media_type: str


class SpeechResult(TypedDict, total=False):
    """The result of the function `speech`: one of these.

    Attributes:
        transcript: the fields of `speech.Transcript`.
        longer: the seconds of a sound that is longer than was wanted.
    """

    transcript: Json
    longer: float
    made: MadeSpeech
    error: SpeechError


def piece_key(key: str, number: int) -> str:
    """Return where the bucket has a piece of a sound, counted from 0, before it has the whole."""
    return f"{key}/{number}"
