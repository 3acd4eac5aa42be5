"""Deletes the versions of functions that no run waits on any more, where a snapshot of each is billed."""

from aws_cdk import Duration, Stack
from aws_cdk.aws_events import Rule, RuleTargetInput, Schedule
from aws_cdk.aws_events_targets import LambdaFunction
from constructs import Construct

from cdk.foundation import Foundation
from cdk.functions import EARLIER_ALIASES, VersionedFunction
from cdk.nag import acknowledge
from cdk.sources import LAMBDAS, code_of


class OldVersions(Construct):
    """The function `<prefix>-delete_old_versions`, each day, if functions that were made before have snapshots.

    The event names each function's version of this deployment, so that it is never deleted: a rollback takes the event
    back as well.
    """

    def __init__(self, scope: Construct, id: str, foundation: Foundation) -> None:
        super().__init__(scope, id)
        functions = [each for each in Stack.of(self).node.find_all() if isinstance(each, VersionedFunction)]
        current = {each.name: each.function.current_version.version for each in functions if each.has_snapshots}
        if not current:
            return
        deleter = VersionedFunction(
            self,
            "delete_old_versions",
            foundation.configuration,
            "Deletes versions of functions that no run waits on.",
            code=code_of(LAMBDAS / "deployment"),
            timeout=300,
            memory=256,
            max_errors=0,
        )
        arns = [each.function.function_arn for each in functions if each.has_snapshots]
        versions = [f"{arn}:*" for arn in arns]
        deleter.add_to_role_policy(["lambda:ListVersionsByFunction", "lambda:ListAliases"], arns)
        deleter.add_to_role_policy(["lambda:DeleteAlias"], [*arns, *versions], because=EARLIER_ALIASES)
        # Not on the functions themselves, which DeleteFunction deletes where no version is named.
        deleter.add_to_role_policy(["lambda:DeleteFunction"], versions, because=EARLIER_ALIASES)
        acknowledge(self, "Serverless-EventBusDLQ", "A day that is lost is made good by the next.")
        Rule(
            self,
            "EachDay",
            description="Deletes old versions of functions that have snapshots.",
            schedule=Schedule.rate(Duration.days(1)),
            targets=[LambdaFunction(deleter.alias, event=RuleTargetInput.from_object({"current": current}))],
        )
