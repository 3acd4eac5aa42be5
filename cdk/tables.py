"""Makes the three tables: assistants, the directory of threads, and everything said in them."""

from collections.abc import Sequence

from aws_cdk import CustomResource
from aws_cdk.aws_dynamodb import (
    Attribute,
    AttributeType,
    BillingMode,
    PointInTimeRecoverySpecification,
    ProjectionType,
    StreamViewType,
    Table,
    TableEncryption,
)
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import VersionedFunction
from cdk.outputs import output
from cdk.sources import LAMBDAS, code_of

TIME_TO_LIVE = "ttl"

RUN_STATUS_ATTRIBUTES = ["thread_id", "message_id", "run_status", "turn", "expires_at", "functions"]
"""What a tool may read of the messages table: whether a run waits for its call, never what was said."""


def _text(name: str) -> Attribute:
    return Attribute(name=name, type=AttributeType.STRING)


class Tables(Construct):
    """The three tables. Indexes serve lists only: nothing locks or authorises through one.

    `Table` and not `TableV2`, whose resource is a global table: one region is all that the engine needs.

    A table whose data outlives the stack is protected against deletion by `protect_tables`, after CloudFormation made
    it: a table that is protected from the start would survive the rollback of the deployment that creates it.
    """

    def __init__(self, scope: Construct, id: str, configuration: Configuration) -> None:
        super().__init__(scope, id)
        self.assistants = self._table("assistants", "assistant_type", "assistant_id", configuration, expires=True)
        self.threads = self._table("threads", "assistant_id", "thread_id", configuration)
        self.messages = self._table(
            "messages",
            "thread_id",
            "message_id",
            configuration,
            expires=True,
            # What runs become is told from here.
            stream=StreamViewType.NEW_AND_OLD_IMAGES,
        )

        self.assistants.add_global_secondary_index(
            index_name="by_project", partition_key=_text("project"), sort_key=_text("created")
        )
        for index, partition_key in (("by_project", "project"), ("by_user", "user_id")):
            self.messages.add_global_secondary_index(
                index_name=index,
                partition_key=_text(partition_key),
                sort_key=_text("created"),
                projection_type=ProjectionType.KEYS_ONLY,
            )
        self.messages.add_global_secondary_index(
            index_name="open_runs",
            partition_key=_text("open_shard"),
            sort_key=Attribute(name="due_at", type=AttributeType.NUMBER),
            projection_type=ProjectionType.INCLUDE,
            # An execution that ended badly is matched to its run by its name; a project lists its own runs.
            non_key_attributes=["execution", "belongs_to"],
        )
        self.messages.add_global_secondary_index(
            index_name="ended_runs",
            partition_key=_text("ended_shard"),
            sort_key=_text("ended_run"),
            projection_type=ProjectionType.KEYS_ONLY,
        )
        if configuration.retains_data:
            self._protect(configuration)
        output(self, "AssistantsTable", self.assistants.table_name)
        output(self, "ThreadsTable", self.threads.table_name)
        output(self, "MessagesTable", self.messages.table_name)

    def _table(
        self,
        name: str,
        partition_key: str,
        sort_key: str,
        configuration: Configuration,
        *,
        expires: bool = False,
        stream: StreamViewType | None = None,
    ) -> Table:
        return Table(
            self,
            name.title(),
            table_name=f"{configuration.prefix}-{name}",
            partition_key=_text(partition_key),
            sort_key=_text(sort_key),
            billing_mode=BillingMode.PAY_PER_REQUEST,
            encryption=TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            removal_policy=configuration.removal_policy,
            time_to_live_attribute=TIME_TO_LIVE if expires else None,
            stream=stream,
        )

    def _protect(self, configuration: Configuration) -> None:
        function = VersionedFunction(
            self,
            "protect_tables",
            configuration,
            "Protects the tables against deletion.",
            code=code_of(LAMBDAS / "deployment"),
            timeout=300,
            memory=256,
        )
        self.grant(function, ["DescribeTable", "UpdateTable"], *self.all)
        protection = CustomResource(
            self,
            "Protection",
            resource_type="Custom::TableProtection",
            service_token=function.function.function_arn,
            properties={"Tables": [table.table_name for table in self.all]},
            # A rollback of the first deployment deletes it, and then the tables; `cdk destroy` leaves both.
            removal_policy=configuration.removal_policy,
        )
        protection.node.add_dependency(function.role)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that name the tables."""
        return {
            "ASSISTANTS_TABLE": self.assistants.table_name,
            "THREADS_TABLE": self.threads.table_name,
            "MESSAGES_TABLE": self.messages.table_name,
        }

    @property
    def all(self) -> tuple[Table, Table, Table]:
        """The three tables."""
        return self.assistants, self.threads, self.messages

    def grant(self, function: VersionedFunction, actions: Sequence[str], *tables: Table) -> None:
        """Let the function do these item actions (`GetItem`, ...) on these tables, not on their indexes."""
        function.add_to_role_policy([f"dynamodb:{action}" for action in actions], [table.table_arn for table in tables])

    def grant_partitions(
        self, function: VersionedFunction, actions: Sequence[str], table: Table, *prefixes: str
    ) -> None:
        """Let the function do these item actions on items whose partition key starts with one of the prefixes."""
        function.add_to_role_policy(
            [f"dynamodb:{action}" for action in actions],
            [table.table_arn],
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{prefix}*" for prefix in prefixes]}},
        )

    def grant_query(self, function: VersionedFunction, table: Table, *indexes: str) -> None:
        """Let the function query these indexes of a table."""
        function.add_to_role_policy(["dynamodb:Query"], [f"{table.table_arn}/index/{index}" for index in indexes])

    def grant_read_run_status(self, tool: VersionedFunction) -> None:
        """Let a tool's function read whether a run waits for its call."""
        tool.add_to_role_policy(
            ["dynamodb:GetItem"],
            [self.messages.table_arn],
            conditions={
                "ForAllValues:StringEquals": {"dynamodb:Attributes": RUN_STATUS_ATTRIBUTES},
                "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
            },
        )
