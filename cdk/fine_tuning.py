"""Makes the function that writes exports for fine-tuning."""

from constructs import Construct

from cdk.foundation import Foundation
from cdk.functions import VersionedFunction
from cdk.sources import LAMBDAS, code_of


class FineTuning(Construct):
    """The function `<prefix>-fine_tuning`, a sibling of the export: it reads what was said, and writes files of it."""

    def __init__(self, scope: Construct, id: str, foundation: Foundation) -> None:
        super().__init__(scope, id)
        tables, storage = foundation.tables, foundation.storage
        self._storage = storage
        self.function = foundation.function(
            self,
            "fine_tuning",
            "Writes what an assistant's runs said as examples for a model.",
            code=code_of(LAMBDAS / "fine_tuning"),
            environment={"EXPORT_DAYS": str(foundation.configuration.export_days)},
            timeout=900,
            # A whole vCPU: most of the time goes into reading JSON.
            memory=1769,
        )
        function = self.function
        tables.grant_query(function, tables.messages, "ended_runs")
        tables.grant_partitions(function, ["GetItem", "Query"], tables.messages, "thread_")
        tables.grant_partitions(function, ["GetItem", "UpdateItem"], tables.messages, "fine_tuning#")
        tables.grant(function, ["BatchGetItem"], tables.threads)
        tables.grant_partitions(function, ["PutItem", "BatchWriteItem"], tables.assistants, "file-")
        storage.grant(function, ["GetObject"], "text/", "outputs/")
        storage.grant(function, ["GetObject", "PutObject"], "fine_tuning/")
        storage.grant(function, ["PutObject", "PutObjectTagging", "DeleteObject"], "files/")

    def grant_request(self, function: VersionedFunction) -> None:
        """Let a function ask for exports."""
        function.function.add_environment("FINE_TUNING_FUNCTION_ARN", self.function.alias_arn)
        function.function.node.add_dependency(self.function.alias)
        self.function.grant_invoke(function)

    def grant_mark(self, function: VersionedFunction) -> None:
        """Let a function read which runs are in an export, and mark others as if they were."""
        self._storage.grant(function, ["GetObject", "PutObject"], "fine_tuning/")
