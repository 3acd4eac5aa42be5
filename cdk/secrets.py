"""Makes the secrets, whose values come from outside."""

from aws_cdk.aws_secretsmanager import CfnSecret, Secret
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import VersionedFunction
from cdk.nag import acknowledge
from cdk.outputs import output


class EmptySecret(Secret):
    """A secret that the template creates without a value and never writes: a person or a command puts it there.

    Until then `GetSecretValue` answers `ResourceNotFoundException`.

    Args:
        name: the secret is `<prefix>/<name>`.
        output_name: of the stack's output that tells the secret's name to whoever puts the value there.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        name: str,
        *,
        output_name: str,
        description: str,
        configuration: Configuration,
    ) -> None:
        full_name = f"{configuration.prefix}/{name}"
        super().__init__(
            scope, id, secret_name=full_name, description=description, removal_policy=configuration.removal_policy
        )
        # `Secret` would fill in a random password, which would look like a key and be refused by the provider.
        resource = self.node.default_child
        assert isinstance(resource, CfnSecret)
        resource.generate_secret_string = None
        acknowledge(self, "AwsSolutions-SMG4", "Its value is issued elsewhere, or by a command: no service rotates it.")
        output(self, output_name, full_name)

    def grant_read_value(self, function: VersionedFunction) -> None:
        """Let the function read the value."""
        function.add_to_role_policy(["secretsmanager:GetSecretValue"], [self.secret_arn])
