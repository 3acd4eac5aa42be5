"""Access to the model's provider."""

from aws_cdk import Aws
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import VersionedFunction
from cdk.storage import EmptySecret


class Model(Construct):
    """The model's settings and, unless the provider is Bedrock, the secret with the provider's key.

    Attributes:
        secret: its value is the key as plain text; None on Bedrock, where calls are signed with the function's role.
    """

    def __init__(self, scope: Construct, id: str, configuration: Configuration) -> None:
        super().__init__(scope, id)
        self._configuration = configuration
        self.secret = (
            None
            if configuration.model_provider == "bedrock"
            else EmptySecret(
                self,
                "Key",
                "model-key",
                description="The key of the model's provider, as plain text.",
                configuration=configuration,
            )
        )

    @property
    def settings(self) -> dict[str, str]:
        """The environment variables that say which models there are; no secret is among them."""
        configuration = self._configuration
        return {
            "MODEL": configuration.model,
            "MODEL_PROVIDER": configuration.model_provider,
        }

    @property
    def hosted(self) -> dict[str, str]:
        """The environment variable of a function that checks requests or calls the model: the provider's tools."""
        tools = {
            "code_interpreter": self._configuration.code_interpreter,
            "file_search": self._configuration.file_search,
        }
        return {"HOSTED_TOOLS": ",".join(name for name, host in tools.items() if host == "hosted")}

    @property
    def prices(self) -> dict[str, str]:
        """The environment variable of a function that ends runs, and says what they cost."""
        return {"MODEL_PRICES": self._configuration.prices_json}

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a function that calls the model."""
        return {
            **self.settings,
            **self.prices,
            **self.hosted,
            "CONTEXT_TOKENS": str(self._configuration.context_tokens),
            "MODEL_BASE_URL": self._configuration.model_base_url,
            **({"MODEL_SECRET_ARN": self.secret.secret_arn} if self.secret else {}),
        }

    def allow(self, function: VersionedFunction) -> None:
        """Let the function call the model."""
        if self.secret:
            function.allow(["secretsmanager:GetSecretValue"], [self.secret.secret_arn])
            return
        function.allow(
            ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
            [
                f"arn:{Aws.PARTITION}:bedrock:*::foundation-model/*",
                f"arn:{Aws.PARTITION}:bedrock:{Aws.REGION}:{Aws.ACCOUNT_ID}:inference-profile/*",
            ],
            because="Assistants and runs name their models; a cross-region profile may answer from any region.",
        )
