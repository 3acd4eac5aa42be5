"""Makes the function that hears and speaks: it alone reaches the provider of speech."""

from constructs import Construct

from cdk.foundation import Foundation
from cdk.functions import VersionedFunction
from cdk.secrets import EmptySecret
from cdk.sources import LAMBDAS, code_of

REQUESTS = "speech/requests/"
"""Below it the bucket has sounds for as long as a request takes."""


class Speech(Construct):
    """The function `<prefix>-speech`, unless speech is off. It reads sounds and writes speech, and knows no records.

    Attributes:
        function: None where speech is off.
    """

    def __init__(self, scope: Construct, id: str, foundation: Foundation) -> None:
        super().__init__(scope, id)
        configuration = self._configuration = foundation.configuration
        self.function: VersionedFunction | None = None
        if configuration.speech_provider == "off":
            return
        storage = foundation.storage
        compatible = configuration.speech_provider == "openai"
        self.function = VersionedFunction(
            self,
            "speech",
            configuration,
            "Transcribes sounds and speaks texts.",
            code=code_of(LAMBDAS / "speech"),
            # The layer `speech` brings a boto3 that has TranscribeAudio: the runtime's need not.
            layers=foundation.layers.get("engine", "speech", *(["openai"] if compatible else [])),
            environment={
                **storage.environment,
                "SPEECH_PROVIDER": configuration.speech_provider,
                "SPEECH_VOICE": configuration.speech_voice,
            },
            timeout=900,
            memory=1024,
        )
        storage.grant(self.function, ["GetObject"], "files/", REQUESTS)
        storage.grant(self.function, ["PutObject"], "speech/")
        if compatible:
            self._grant_server(self.function)
        else:
            self._grant_amazon(self.function)

    def grant_invoke(self, caller: VersionedFunction) -> None:
        """Let a function invoke the speech function. Where speech is off, it gets neither the right nor the ARN."""
        if self.function:
            caller.function.add_environment("SPEECH_FUNCTION_ARN", self.function.alias_arn)
            caller.function.node.add_dependency(self.function.alias)
            self.function.grant_invoke(caller)

    def _grant_amazon(self, function: VersionedFunction) -> None:
        function.add_to_role_policy(
            ["transcribe:TranscribeAudio", "polly:SynthesizeSpeech"],
            ["*"],
            because="Neither action knows a resource but lexicons, of which none is used.",
        )

    def _grant_server(self, function: VersionedFunction) -> None:
        configuration = self._configuration
        secret = EmptySecret(
            self,
            "Key",
            "speech-key",
            output_name="SpeechSecret",
            description="The key of the speech server, as plain text.",
            configuration=configuration,
        )
        secret.grant_read_value(function)
        for name, value in (
            ("SPEECH_BASE_URL", configuration.speech_base_url),
            ("SPEECH_SECRET_ARN", secret.secret_arn),
            ("TRANSCRIPTION_MODEL", configuration.transcription_model),
            ("SPEECH_MODEL", configuration.speech_model),
        ):
            function.function.add_environment(name, value)
