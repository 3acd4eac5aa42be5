"""Amazon Transcribe and Amazon Polly, each request and answer held against AWS's own model by botocore's Stubber."""

import io
import wave
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

import amazon
from assistant_engine.domain.speech import wav
from assistant_engine.domain.speech_payloads import SpeakEvent, TranscribeEvent
from layers.build import CACHE, build
from providers import Busy, Sound, Unfit

WAV = wav(b"\1\0" * 8_000, 8_000)
HEARD = Sound(WAV, "wav", 1.0)
TRANSCRIPT = {
    "TranscriptResponse": {
        "Metadata": {"LanguageCode": "en-US", "MediaFormat": "wav"},
        "Results": {
            "Transcript": "Hello there.",
            "Items": [
                {"Id": 0, "Content": "Hello", "StartTime": 0.1, "EndTime": 0.4},
                {"Id": 1, "Content": "there", "StartTime": 0.5, "EndTime": 0.9},
                {"Id": 2, "Content": "."},
            ],
        },
    }
}


@pytest.fixture(scope="module")
def made() -> Callable[[str], Any]:
    """Make clients as the function has them: with the boto3 of its layer, whose models know TranscribeAudio."""
    build("host")
    session = botocore.session.Session()
    session.get_component("data_loader").search_paths.insert(0, str(CACHE / "host/speech/python/botocore/data"))
    ours = boto3.Session("a", "b", region_name="us-east-1", botocore_session=session)
    client: Callable[[str], Any] = ours.client
    return client


@pytest.fixture
def transcribe(made: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = made("transcribe")
    monkeypatch.setattr(amazon, "_transcribe", lambda: client)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def polly(made: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = made("polly")
    monkeypatch.setattr(amazon, "_polly", lambda: client)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def asked(**more: Any) -> TranscribeEvent:
    event: Any = {"key": "files/file-1", **more}
    return dict(event)  # type: ignore[return-value]


def wanted(**more: Any) -> SpeakEvent:
    event: Any = {"key": "speech/requests/1", "text": "Hi", "format": "mp3", **more}
    return dict(event)  # type: ignore[return-value]


def audio(data: bytes) -> dict[str, Any]:
    return {"AudioStream": StreamingBody(io.BytesIO(data), len(data)), "ContentType": "audio/mpeg"}


def test_the_layer_has_the_call_that_the_runtime_may_lack(made: Callable[[str], Any]) -> None:
    assert hasattr(made("transcribe"), "transcribe_audio")


@pytest.mark.parametrize(
    ("given", "language"),
    [
        ({}, {"LanguageDetectionMode": "IDENTIFY_LANGUAGE"}),
        ({"language": "de-AT"}, {"Language": "de"}),
        ({"language": "zh"}, {"Language": "zh-CN"}),
        ({"language": "ZH-tw"}, {"Language": "zh-TW"}),
        ({"language": "xx"}, {"LanguageDetectionMode": "IDENTIFY_LANGUAGE"}),
    ],
)
def test_a_sound_is_transcribed(transcribe: Stubber, given: Any, language: Any) -> None:
    transcribe.add_response("transcribe_audio", TRANSCRIPT, {"Media": {"MediaBytes": WAV}, **language})
    found = amazon.Amazon("").transcribe(HEARD, asked(**given))
    assert (found.text, found.seconds, found.model, found.language) == (
        "Hello there.",
        1.0,
        "amazon-transcribe",
        "en-US",
    )
    assert found.words[1] == {"word": "there", "start": 0.5, "end": 0.9}


def test_keywords_are_a_vocabulary(transcribe: Stubber) -> None:
    vocabulary = [{"Language": "en", "Phrases": [{"Text": "Ada"}]}]
    sent = {"Media": ANY, "Language": "en", "VocabularySettings": vocabulary}
    transcribe.add_response("transcribe_audio", TRANSCRIPT, sent)
    amazon.Amazon("").transcribe(HEARD, asked(language="en", keywords=["Ada"]))


def test_silence_is_an_empty_text(transcribe: Stubber) -> None:
    transcribe.add_response("transcribe_audio", {"TranscriptResponse": {"Results": {"Transcript": "", "Items": []}}})
    assert amazon.Amazon("").transcribe(HEARD, asked()).text == ""


@pytest.mark.parametrize(("reason", "code"), [*amazon._PROBLEMS.items(), ("", "invalid_audio")])
def test_a_sound_that_is_refused_is_the_caller_s_mistake(transcribe: Stubber, reason: str, code: str) -> None:
    modeled = {"Reason": reason} if reason else {}
    transcribe.add_client_error(
        "transcribe_audio", "BadRequestException", "words", http_status_code=400, modeled_fields=modeled
    )
    with pytest.raises(Unfit) as raised:
        amazon.Amazon("").transcribe(HEARD, asked())
    assert raised.value.code == code
    assert "words" not in str(raised.value)


@pytest.mark.parametrize(
    ("code", "status"),
    [("LimitExceededException", 429), ("InternalFailureException", 500), ("AccessDeniedException", 400)],
)
def test_a_service_that_does_not_serve_is_busy(transcribe: Stubber, polly: Stubber, code: str, status: int) -> None:
    transcribe.add_client_error("transcribe_audio", code, "words", http_status_code=status)
    with pytest.raises(Busy):
        amazon.Amazon("").transcribe(HEARD, asked())
    if status == 500:
        polly.add_client_error("synthesize_speech", "ServiceFailureException", "words", http_status_code=500)
        with pytest.raises(Busy):
            amazon.Amazon("").speak("Hi", wanted())


@pytest.mark.parametrize(
    ("given", "voice"),
    [
        ({}, "Joanna"),
        ({"voice": "alloy"}, "Joanna"),
        ({"voice": "Matthew"}, "Matthew"),
        ({"language": "de-AT"}, "Vicki"),
        ({"language": "xx"}, "Joanna"),
    ],
)
def test_a_text_is_spoken_in_the_voice_that_is_asked_for(polly: Stubber, given: Any, voice: str) -> None:
    sent = {"OutputFormat": "mp3", "VoiceId": voice, "Engine": "neural", "Text": "Hi"}
    polly.add_response("synthesize_speech", audio(b"ID3..."), sent)
    provider = amazon.Amazon("")
    assert provider.speak("Hi", wanted(**given)) == b"ID3..."
    assert provider.speech_model(wanted(**given)) == "amazon-polly-neural"


def test_a_voice_without_a_neural_engine_speaks_as_a_standard_one(polly: Stubber) -> None:
    polly.add_client_error("synthesize_speech", "EngineNotSupportedException", http_status_code=400)
    for _ in range(2):
        sent = {"OutputFormat": "mp3", "VoiceId": "Carla", "Engine": "standard", "Text": "Hi"}
        polly.add_response("synthesize_speech", audio(b"..."), sent)
    provider = amazon.Amazon("")
    for _ in range(2):
        provider.speak("Hi", wanted(voice="Carla"))
    assert provider.speech_model(wanted(voice="Carla")) == "amazon-polly-standard"
    assert provider.speech_model(wanted()) == "amazon-polly-neural"


def test_a_speed_is_prosody_and_the_text_stays_text(polly: Stubber) -> None:
    text = '<speak><prosody rate="150%">a &lt;b&gt; &amp; c</prosody></speak>'
    sent = {"OutputFormat": "mp3", "VoiceId": ANY, "Engine": ANY, "TextType": "ssml", "Text": text}
    polly.add_response("synthesize_speech", audio(b"..."), sent)
    amazon.Amazon("").speak("a <b> & c", wanted(speed=1.5))


def test_wav_is_pcm_with_a_header(polly: Stubber) -> None:
    sent = {"OutputFormat": "pcm", "SampleRate": "16000", "VoiceId": ANY, "Engine": ANY, "Text": "Hi"}
    polly.add_response("synthesize_speech", audio(b"\1\0" * 16_000), sent)
    with wave.open(io.BytesIO(amazon.Amazon("").speak("Hi", wanted(format="wav")))) as found:
        assert (found.getnframes(), found.getframerate()) == (16_000, 16_000)


@pytest.mark.parametrize("given", [{"format": "flac"}, {"format": "aac"}, {"speed": 3}])
def test_what_polly_has_not_is_the_caller_s_mistake(given: Any) -> None:
    with pytest.raises(Unfit):
        amazon.Amazon("").check(wanted(**given))


@pytest.mark.parametrize(
    ("code", "said"), [("ValidationException", "invalid_voice"), ("InvalidSsmlException", "invalid_text")]
)
def test_an_unknown_voice_is_the_caller_s_mistake(polly: Stubber, code: str, said: str) -> None:
    polly.add_client_error("synthesize_speech", code, "words", http_status_code=400)
    with pytest.raises(Unfit) as raised:
        amazon.Amazon("").speak("Hi", wanted(voice="Nobody"))
    assert raised.value.code == said
