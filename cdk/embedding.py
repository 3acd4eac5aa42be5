"""Access to the embedding model's provider."""

from aws_cdk import Aws
from constructs import Construct

from cdk.configuration import EMBEDDING_MODELS, Configuration
from cdk.functions import VersionedFunction
from cdk.model import Model, warn_of_end
from cdk.storage import EmptySecret


class Embedding(Construct):
    """The embedding model's settings and, if it has an endpoint of its own, the secret with that one's key.

    Attributes:
        own_secret: its value is the key as plain text; None where the model's own key serves, or none is needed.
    """

    def __init__(self, scope: Construct, id: str, configuration: Configuration, *, model: Model) -> None:
        super().__init__(scope, id)
        self._configuration = configuration
        provider = configuration.embedding_provider or configuration.model_provider
        self._provider = "bedrock" if provider == "bedrock" else "openai"
        needs_own = self._provider == "openai" and (configuration.embedding_base_url or model.secret is None)
        self.own_secret = (
            EmptySecret(
                self,
                "Key",
                "embedding-key",
                description="The key of the embedding model's provider, as plain text.",
                configuration=configuration,
            )
            if needs_own
            else None
        )
        warn_of_end(self, "embedding_model", self.settings["EMBEDDING_MODEL"])
        self._secret = None if self._provider == "bedrock" else self.own_secret or model.secret

    @property
    def settings(self) -> dict[str, str]:
        """The environment variables that say what new vector stores are embedded with; no secret is among them."""
        return {
            "EMBEDDING_MODEL": self._configuration.embedding_model or EMBEDDING_MODELS[self._provider],
            "EMBEDDING_DIMENSIONS": str(self._configuration.embedding_dimensions),
        }

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a function that calls the embedding model."""
        configuration = self._configuration
        own = configuration.embedding_provider in ("", configuration.model_provider)
        base_url = configuration.embedding_base_url or (configuration.model_base_url if own else "")
        return {
            "EMBEDDING_PROVIDER": self._provider,
            "EMBEDDING_BASE_URL": base_url,
            **({"EMBEDDING_SECRET_ARN": self._secret.secret_arn} if self._secret else {}),
        }

    def allow(self, function: VersionedFunction) -> None:
        """Let the function call the embedding model."""
        if self._secret:
            function.allow(["secretsmanager:GetSecretValue"], [self._secret.secret_arn])
            return
        function.allow(
            ["bedrock:InvokeModel"],
            [f"arn:{Aws.PARTITION}:bedrock:{Aws.REGION}::foundation-model/*"],
            because="A vector store keeps the embedding model that it was created with, whatever is configured later.",
        )
