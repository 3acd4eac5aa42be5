"""Gives access to the model's provider."""

import json
import re
from datetime import date, timedelta

from aws_cdk import Annotations, Aws
from constructs import Construct

from cdk.foundation import Foundation
from cdk.functions import VersionedFunction
from cdk.secrets import EmptySecret
from cdk.sources import ROOT
from cdk.tool import left_out

MODELS = ROOT / "layers" / "engine" / "assistant_engine" / "domain" / "models.json"
"""The table of models, which the functions have in the engine's layer."""

NEAR_END = timedelta(days=90)
"""How long before a model ends synth begins to warn: time to try another one, and to deploy it."""


class Model(Construct):
    """The model's settings and, unless the provider is Bedrock, the secret with the provider's key.

    Attributes:
        secret: its value is the key as plain text; None on Bedrock, where calls are signed with the function's role.
    """

    def __init__(self, scope: Construct, id: str, foundation: Foundation) -> None:
        super().__init__(scope, id)
        configuration = self._configuration = foundation.configuration
        warn_of_end(self, "model", configuration.model)
        self.secret = (
            None
            if configuration.model_provider == "bedrock"
            else EmptySecret(
                self,
                "Key",
                "model-key",
                output_name="ModelSecret",
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
    def aliases(self) -> dict[str, str]:
        """The environment variable of a function that creates runs: which model answers for which name."""
        return {"MODEL_ALIASES": self._configuration.model_aliases}

    @property
    def hosted(self) -> dict[str, str]:
        """The environment variables of a function that checks requests or calls the model: tools that are not here."""
        tools = {
            "code_interpreter": self._configuration.code_interpreter,
            "file_search": self._configuration.file_search,
        }
        return {
            "HOSTED_TOOLS": ",".join(name for name, host in tools.items() if host == "hosted"),
            "LEFT_OUT_TOOLS": ",".join(left_out(self._configuration)),
        }

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a function that calls the model."""
        return {
            **self.settings,
            **self.hosted,
            "CONTEXT_TOKENS": str(self._configuration.context_tokens),
            "MODEL_BASE_URL": self._configuration.model_base_url,
            **({"MODEL_SECRET_ARN": self.secret.secret_arn} if self.secret else {}),
        }

    def grant_invoke(self, function: VersionedFunction) -> None:
        """Let the function call the model."""
        if self.secret:
            self.secret.grant_read_value(function)
            return
        function.add_to_role_policy(
            ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
            [
                f"arn:{Aws.PARTITION}:bedrock:*::foundation-model/*",
                f"arn:{Aws.PARTITION}:bedrock:{Aws.REGION}:{Aws.ACCOUNT_ID}:inference-profile/*",
            ],
            because="Assistants and runs name their models; a cross-region profile may answer from any region.",
        )


def warn_of_end(scope: Construct, setting: str, model: str) -> None:
    """Let synth and deploy warn when the model that a setting names ends soon, or has ended."""
    if said := near_end(model, date.today()):
        advice = f"Name another one: `-c {setting}=...`, or `{setting}` in cdk/configuration.py."
        Annotations.of(scope).add_warning_v2(f"{setting}-ends", f"{said} {advice}")


def near_end(model: str, today: date) -> str | None:
    """Say when a model ends if that is near or past; None for one that goes on, or that the table doesn't know.

    A dated snapshot ends with its model, as in `assistant_engine.domain.models.known`.
    """
    models = json.loads(MODELS.read_text())
    entry = models.get(model) or models.get(re.sub(r"-\d{4}-\d{2}-\d{2}$", "", model))
    if not entry or not entry["shutdown_date"]:
        return None
    ends = date.fromisoformat(entry["shutdown_date"])
    if ends <= today:
        return f"The model {model} was switched off by its provider on {ends}: calls of it fail."
    if ends - today <= NEAR_END:
        return f"The model {model} is switched off by its provider on {ends}, in {(ends - today).days} days."
    return None
