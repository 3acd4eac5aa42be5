"""Publishes each change of a run's status on the event bus and, where one is configured, to a webhook."""

from aws_cdk import Duration
from aws_cdk.aws_cloudwatch import Metric
from aws_cdk.aws_events import EventBus
from aws_cdk.aws_lambda import FilterCriteria, FilterRule, StartingPosition
from aws_cdk.aws_lambda_event_sources import DynamoEventSource, SqsDlq, SqsEventSource
from aws_cdk.aws_sqs import (
    DeadLetterQueue,
    DeduplicationScope,
    FifoThroughputLimit,
    Queue,
    QueueEncryption,
)
from constructs import Construct

from cdk.alarms import Alarm
from cdk.foundation import Foundation
from cdk.functions import VersionedFunction
from cdk.nag import acknowledge
from cdk.outputs import output
from cdk.secrets import EmptySecret
from cdk.sources import LAMBDAS, code_of

MEMORY = 512
"""MB of functions that wait for the bus, or for the webhook's receiver, and that nobody waits for."""

MAX_AGE_HOURS = 12
"""How long an event is tried before its place in the stream, which keeps it for 24 hours, goes to the dead letters."""

MAX_DELIVERIES = 100
"""Of an event to the webhook. With waits of 2, 4, 8 ... and at most 900 s between them that takes 23 hours."""

MAX_CONCURRENCY = 20
"""Deliveries to the webhook side by side, each of another run."""

LATE = Duration.minutes(15)


class Events(Construct):
    """The bus `<prefix>`, the function `<prefix>-publish_run_events` and, for a webhook, `<prefix>-deliver_webhook`.

    Attributes:
        alarms: on what is late, and on what could not be delivered.
    """

    def __init__(self, scope: Construct, id: str, foundation: Foundation) -> None:
        super().__init__(scope, id)
        configuration = self._configuration = foundation.configuration
        self._layers = foundation.layers
        self.alarms: list[Alarm] = []
        bus = EventBus(
            self, "Bus", event_bus_name=configuration.prefix, description="Tells of each change of a run's status."
        )
        output(self, "EventBus", bus.event_bus_name)
        dead_letters = self._queue("DeadLetters", "events-dead-letters")
        acknowledge(
            dead_letters, "AwsSolutions-SQS3", "It takes what the stream's mapping gives up: no queue feeds it."
        )
        self._publisher = self._function("publish_run_events", "Tells of each change of a run's status.", timeout=60)
        self._publisher.function.add_environment("EVENT_BUS", bus.event_bus_name)
        self._publisher.function.add_environment("EVENT_SOURCE", f"assistants.{configuration.prefix}")
        self._publisher.add_to_role_policy(["events:PutEvents"], [bus.event_bus_arn])
        self._publisher.alias.add_event_source(
            DynamoEventSource(
                foundation.tables.messages,
                # Of a new stream, from its first record on.
                starting_position=StartingPosition.TRIM_HORIZON,
                filters=[
                    FilterCriteria.filter(
                        {
                            "eventName": FilterRule.or_("INSERT", "MODIFY"),
                            "dynamodb": {"Keys": {"message_id": {"S": FilterRule.begins_with("run_")}}},
                        }
                    )
                ],
                batch_size=100,
                report_batch_item_failures=True,
                bisect_batch_on_error=True,
                max_record_age=Duration.hours(MAX_AGE_HOURS),
                on_failure=SqsDlq(dead_letters),
            )
        )
        self._alarm(
            "events-late",
            self._publisher.function.metric("IteratorAge", statistic="Maximum"),
            LATE.to_milliseconds(),
            "Changes of runs' statuses are not published.",
        )
        self._alarm_on_dead_letters("events-dead-letters", dead_letters, "Events were given up.")
        if configuration.webhook_url:
            self._webhook(configuration.webhook_url)

    def _webhook(self, url: str) -> None:
        dead_letters = self._queue("WebhookDeadLetters", "webhook-dead-letters", fifo=True)
        deliverer = self._function("deliver_webhook", "Delivers events to the webhook.", "standardwebhooks", timeout=30)
        queue = self._queue(
            "WebhookQueue",
            "webhook",
            fifo=True,
            # As AWS advises: six times what one delivery may take. A delivery that fails sets its own.
            visibility_timeout=Duration.seconds(6 * deliverer.timeout),
            dead_letter_queue=DeadLetterQueue(queue=dead_letters, max_receive_count=MAX_DELIVERIES),
        )
        self._publisher.function.add_environment("WEBHOOK_QUEUE_URL", queue.queue_url)
        self._publisher.add_to_role_policy(["sqs:SendMessage"], [queue.queue_arn])

        secret = EmptySecret(
            self,
            "WebhookSecret",
            "webhook-secret",
            output_name="WebhookSecret",
            description="What signs the events to the webhook: whsec_ and base64.",
            configuration=self._configuration,
        )
        deliverer.function.add_environment("WEBHOOK_URL", url)
        deliverer.function.add_environment("WEBHOOK_QUEUE_URL", queue.queue_url)
        deliverer.function.add_environment("WEBHOOK_SECRET_ARN", secret.secret_arn)
        secret.grant_read_value(deliverer)
        # With the rights to receive and to delete comes that to change a message's visibility.
        deliverer.alias.add_event_source(
            SqsEventSource(queue, batch_size=1, max_concurrency=MAX_CONCURRENCY, report_batch_item_failures=True)
        )
        acknowledge(
            deliverer.alias,
            "Serverless-LambdaEventSourceMappingDestination",
            "A queue's mapping has none: the queue's own dead-letter queue takes what fails.",
        )
        self._alarm(
            "webhook-late",
            queue.metric_approximate_age_of_oldest_message(),
            LATE.to_seconds(),
            "The webhook's receiver takes no events.",
        )
        self._alarm_on_dead_letters("webhook-dead-letters", dead_letters, "Events to the webhook were given up.")

    def _function(self, name: str, description: str, *layers: str, timeout: int) -> VersionedFunction:
        return VersionedFunction(
            self,
            name,
            self._configuration,
            description,
            code=code_of(LAMBDAS / "events", module=name),
            memory=MEMORY,
            layers=self._layers.get("engine", *layers),
            timeout=timeout,
        )

    def _queue(
        self,
        id: str,
        name: str,
        *,
        fifo: bool = False,
        visibility_timeout: Duration | None = None,
        dead_letter_queue: DeadLetterQueue | None = None,
    ) -> Queue:
        queue = Queue(
            self,
            id,
            queue_name=f"{self._configuration.prefix}-{name}{'.fifo' if fifo else ''}",
            fifo=fifo or None,
            # Each run is a group of its own, and has its own limit.
            fifo_throughput_limit=FifoThroughputLimit.PER_MESSAGE_GROUP_ID if fifo else None,
            deduplication_scope=DeduplicationScope.MESSAGE_GROUP if fifo else None,
            encryption=QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            visibility_timeout=visibility_timeout,
            dead_letter_queue=dead_letter_queue,
        )
        if not dead_letter_queue:
            acknowledge(queue, "Serverless-SQSRedrivePolicy", "It is where what could not be delivered ends.")
        return queue

    def _alarm_on_dead_letters(self, name: str, queue: Queue, description: str) -> None:
        self._alarm(name, queue.metric_approximate_number_of_messages_visible(), 0, description)

    def _alarm(self, name: str, metric: Metric, limit: float, description: str) -> None:
        self.alarms.append(Alarm(name, metric, limit, description))
