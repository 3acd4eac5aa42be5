"""Gives access to the embedding model's provider."""

from aws_cdk import Aws
from constructs import Construct

from cdk.configuration import EMBEDDING_MODELS
from cdk.foundation import Foundation
from cdk.functions import VersionedFunction
from cdk.model import Model, warn_of_end
from cdk.secrets import EmptySecret


class Embedding(Construct):
    """The embedding model's settings and, if it has an endpoint of its own, the secret with that one's key.

    The secret's value is the key as plain text. There is no secret if the model's key serves here too, or on Bedrock.
    """

    def __init__(self, scope: Construct, id: str, foundation: Foundation, *, model: Model) -> None:
        super().__init__(scope, id)
        configuration = self._configuration = foundation.configuration
        provider = configuration.embedding_provider or configuration.model_provider
        self._provider = "bedrock" if provider == "bedrock" else "openai"
        needs_own = self._provider == "openai" and (configuration.embedding_base_url or model.secret is None)
        own_secret = (
            EmptySecret(
                self,
                "Key",
                "embedding-key",
                output_name="EmbeddingSecret",
                description="The key of the embedding model's provider, as plain text.",
                configuration=configuration,
            )
            if needs_own
            else None
        )
        warn_of_end(self, "embedding_model", self.settings["EMBEDDING_MODEL"])
        self._secret = None if self._provider == "bedrock" else own_secret or model.secret

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

    def grant_invoke(self, function: VersionedFunction) -> None:
        """Let the function call the embedding model."""
        if self._secret:
            self._secret.grant_read_value(function)
            return
        function.add_to_role_policy(
            ["bedrock:InvokeModel"],
            [f"arn:{Aws.PARTITION}:bedrock:{Aws.REGION}::foundation-model/*"],
            because="A vector store keeps the embedding model that it was created with, whatever is configured later.",
        )
