"""The function that hears and speaks: what it may do, and who reaches it."""

from tests.support.templates import Template, actions


def test_speech_reaches_its_provider_and_no_records(prod: Template, configured: Template, without: Template) -> None:
    assert actions(prod, "oae-speech") == {
        **{service: actions(prod, "oae-record_failure")[service] for service in ("logs", "xray")},
        "s3": {"GetObject", "ListBucket", "PutObject"},
        "polly": {"SynthesizeSpeech"},
        "transcribe": {"TranscribeAudio"},
    }
    for name in prod.functions():
        if name != "oae-speech":
            assert not {"polly", "transcribe"} & actions(prod, name).keys()
    assert actions(configured, "oae-dev-speech").keys() == {"logs", "xray", "s3", "secretsmanager"}
    assert "SpeechSecret" in configured.body["Outputs"]
    assert "oae-dev-speech" not in without.functions()
    for function in without.functions().values():
        assert "SPEECH_FUNCTION_ARN" not in function.get("Environment", {}).get("Variables", {})
