"""The settings of the function `speech`, which alone knows the provider."""

from assistant_engine.runtime.settings import Bucket, Process, Settings


class SpeechProvider(Settings):
    """The provider of speech.

    Attributes:
        speech_provider: `aws` or `openai` (any compatible server), with a base URL, a key and models of its own.
        speech_voice: speaks where none is named; empty for the provider's usual one.
    """

    speech_provider: str
    speech_base_url: str = ""
    speech_secret_arn: str = ""
    transcription_model: str = ""
    speech_model: str = ""
    speech_voice: str = ""


class Speech(Process, Bucket, SpeechProvider):
    """`speech`."""
