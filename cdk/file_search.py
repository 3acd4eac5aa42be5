"""Makes file search: the queue and the function that take files in, and the function that searches."""

from aws_cdk import Duration
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from aws_cdk.aws_s3vectors import CfnVectorBucket
from aws_cdk.aws_sqs import DeadLetterQueue, Queue, QueueEncryption
from constructs import Construct

from cdk.configuration import Configuration
from cdk.embedding import Embedding
from cdk.foundation import Foundation
from cdk.functions import VersionedFunction
from cdk.nag import acknowledge
from cdk.sources import code_of
from cdk.tool import Tool
from layers.tool_folders import ToolFolder

INGESTION = "ingestion"
"""The folder of the half that reads files."""
INGESTION_SECONDS = 900
MAX_DELIVERIES = 4
MAX_CONCURRENCY = 5
"""Files that are read at once: each ends in a transaction on its store's one item."""

VECTOR_STORES = "vs_"
FILES = "file-"


class FileSearch(Construct):
    """The functions `<prefix>-ingestion` and `<prefix>-tool-file_search`, and where large stores' vectors are.

    Attributes:
        ingestion: reads attached files; it parses what strangers made, so it reaches vector stores and files only.
        search: the tool `file_search`, and the API's search.
    """

    def __init__(
        self, scope: Construct, id: str, foundation: Foundation, tool: ToolFolder, *, embedding: Embedding
    ) -> None:
        super().__init__(scope, id)
        configuration, tables, storage = foundation.configuration, foundation.tables, foundation.storage
        self._embedding = embedding
        self._storage = storage
        dead_letters = self._queue("DeadLetters", f"{configuration.prefix}-ingestion-dead-letters")
        self.queue = self._queue("Queue", f"{configuration.prefix}-ingestion", dead_letters)
        self._vector_bucket = self._make_vector_bucket(configuration)
        shared = {
            "MESSAGES_TABLE": tables.messages.table_name,
            **storage.environment,
            **embedding.environment,
            **({"VECTOR_BUCKET": self._vector_bucket.vector_bucket_name or ""} if self._vector_bucket else {}),
        }

        self.ingestion = VersionedFunction(
            self,
            "ingestion",
            configuration,
            "Reads the files that are attached to vector stores.",
            code=code_of(tool.path / INGESTION),
            layers=foundation.layers.get("engine", "openai", "parsers"),
            environment={
                **shared,
                "INGESTION_QUEUE_URL": self.queue.queue_url,
                "DEAD_LETTER_QUEUE_ARN": dead_letters.queue_arn,
            },
            timeout=INGESTION_SECONDS,
            memory=2048,
            max_errors=3,
        )
        for queue in (self.queue, dead_letters):
            # One file for each invocation: what a broken one does to the function, it does to itself alone.
            self.ingestion.alias.add_event_source(SqsEventSource(queue, batch_size=1, max_concurrency=MAX_CONCURRENCY))
        acknowledge(dead_letters, "Serverless-SQSRedrivePolicy", "It is where the other queue's messages end.")
        acknowledge(
            self.ingestion.alias,
            "Serverless-LambdaEventSourceMappingDestination",
            "A queue's mapping has none: the queue's own dead-letter queue takes what fails.",
        )
        tables.grant_partitions(
            self.ingestion, ["GetItem", "Query", "UpdateItem", "BatchWriteItem"], tables.messages, VECTOR_STORES, FILES
        )
        storage.grant(self.ingestion, ["GetObject"], "files/")
        storage.grant(self.ingestion, ["GetObject", "PutObject", "DeleteObject"], "vectors/")
        embedding.grant_invoke(self.ingestion)
        self._grant_vectors(self.ingestion, "CreateIndex", "DeleteIndex", "PutVectors", "DeleteVectors")

        self.search = Tool(self, foundation, tool, environment=shared, without=[INGESTION])
        tables.grant_partitions(self.search, ["GetItem", "Query", "UpdateItem"], tables.messages, VECTOR_STORES)
        storage.grant(self.search, ["GetObject"], "vectors/")
        embedding.grant_invoke(self.search)
        # With a filter, a query asks for the right to read vectors as well.
        self._grant_vectors(self.search, "QueryVectors", "GetVectors")

    def grant_search(self, function: VersionedFunction) -> None:
        """Let the API function attach files, read what came of them, and search."""
        self.grant_attach(function)
        function.function.add_environment("SEARCH_FUNCTION_ARN", self.search.alias_arn)
        function.function.node.add_dependency(self.search.alias)
        self._storage.grant(function, ["GetObject"], "vectors/")
        self.search.grant_invoke(function)

    def grant_attach(self, function: VersionedFunction) -> None:
        """Let a function that makes threads and runs make vector stores and hand files to the ingestion."""
        for name, value in self._embedding.settings.items():
            function.function.add_environment(name, value)
        self.grant_enqueue(function)

    def grant_enqueue(self, function: VersionedFunction) -> None:
        """Let a function hand files to the ingestion."""
        function.function.add_environment("INGESTION_QUEUE_URL", self.queue.queue_url)
        function.add_to_role_policy(["sqs:SendMessage"], [self.queue.queue_arn])

    def _queue(self, id: str, name: str, dead_letters: Queue | None = None) -> Queue:
        return Queue(
            self,
            id,
            queue_name=name,
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            # As AWS advises: six times what one delivery may take. A delivery that fails shortens its own.
            visibility_timeout=Duration.seconds(6 * INGESTION_SECONDS),
            dead_letter_queue=(
                DeadLetterQueue(queue=dead_letters, max_receive_count=MAX_DELIVERIES) if dead_letters else None
            ),
        )

    def _make_vector_bucket(self, configuration: Configuration) -> CfnVectorBucket | None:
        if not configuration.uses_s3_vectors:
            return None
        bucket = CfnVectorBucket(self, "Vectors", vector_bucket_name=f"{configuration.prefix}-vectors")
        bucket.apply_removal_policy(configuration.removal_policy)
        return bucket

    def _grant_vectors(self, function: VersionedFunction, *actions: str) -> None:
        if self._vector_bucket:
            function.add_to_role_policy(
                [f"s3vectors:{action}" for action in actions],
                [f"{self._vector_bucket.attr_vector_bucket_arn}/index/vs-*"],
                because="A vector store's index is made when its first file is attached.",
            )
