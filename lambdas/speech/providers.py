"""What the providers of speech have in common."""

from dataclasses import dataclass
from typing import Protocol

from assistant_engine.domain.speech import Transcript
from assistant_engine.domain.speech_payloads import SpeakEvent, TranscribeEvent


class Unfit(Exception):
    """The provider will never serve this request; the message may be shown to the caller.

    Attributes:
        code: a word that programs match on.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Busy(Exception):
    """The provider can't serve the request now; the message may be shown to the caller."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound to be transcribed.

    Attributes:
        kind: its container, of `audio_types.AUDIO_TYPES`.
        seconds: how long it is; None where it does not tell.
    """

    data: bytes
    kind: str
    seconds: float | None


class Provider(Protocol):
    """A provider of speech.

    Attributes:
        most_characters: of one call that speaks.
    """

    most_characters: int

    def transcribe(self, sound: Sound, asked: TranscribeEvent) -> Transcript:
        """Return what is said.

        Raises:
            Unfit, Busy
        """

    def check(self, asked: SpeakEvent) -> None:
        """Check what can be checked before anything is spoken.

        Raises:
            Unfit: the provider has no such format or speed.
        """

    def speak(self, text: str, asked: SpeakEvent) -> bytes:
        """Return a text of at most `most_characters` as sound.

        Raises:
            Unfit, Busy
        """

    def speech_model(self, asked: SpeakEvent) -> str:
        """Return the name that its speech is priced by."""
