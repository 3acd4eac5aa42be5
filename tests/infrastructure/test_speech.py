"""The function that hears and speaks: what it may do, and who reaches it."""

from pathlib import Path

from tests.support.templates import Template, actions, synthesise


def test_speech_reaches_its_provider_and_no_records(prod: Template, layers: Path, tmp_path: Path) -> None:
    assert actions(prod, "oae-speech") == {
        **{service: actions(prod, "oae-record_failure")[service] for service in ("logs", "xray")},
        "s3": {"GetObject", "ListBucket", "PutObject"},
        "polly": {"SynthesizeSpeech"},
        "transcribe": {"TranscribeAudio"},
    }
    for name in prod.functions():
        if name != "oae-speech":
            assert not {"polly", "transcribe"} & actions(prod, name).keys()
    server = synthesise(
        tmp_path / "server", layers, env="dev", speech_provider="openai", speech_base_url="https://x/v1"
    )
    assert actions(server, "oae-dev-speech").keys() == {"logs", "xray", "s3", "secretsmanager"}
    assert "SpeechSecret" in server.body["Outputs"]
    off = synthesise(tmp_path / "off", layers, env="dev", speech_provider="off")
    assert "oae-dev-speech" not in off.functions()
    for function in off.functions().values():
        assert "SPEECH_FUNCTION_ARN" not in function.get("Environment", {}).get("Variables", {})
