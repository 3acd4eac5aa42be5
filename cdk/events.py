"""Events: what tells of each change of a run's status on the event bus and, where one is configured, to a webhook."""

from aws_cdk import Duration
from aws_cdk.aws_cloudwatch import Alarm, ComparisonOperator, IMetric, TreatMissingData
from aws_cdk.aws_cloudwatch_actions import SnsAction
from aws_cdk.aws_events import EventBus
from aws_cdk.aws_lambda import Code, FilterCriteria, FilterRule, StartingPosition
from aws_cdk.aws_lambda_event_sources import DynamoEventSource, SqsDlq, SqsEventSource
from aws_cdk.aws_sns import ITopic
from aws_cdk.aws_sqs import (
    DeadLetterQueue,
    DeduplicationScope,
    FifoThroughputLimit,
    Queue,
    QueueEncryption,
)
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import VersionedFunction
from cdk.layers import ROOT, Layers
from cdk.review import acknowledge
from cdk.storage import EmptySecret
from cdk.tables import Tables

TRIED_FOR_HOURS = 12
"""How long an event is tried before its place in the stream, which keeps it for 24 hours, goes to the dead letters."""

MOST_DELIVERIES = 100
"""Of an event to the webhook. With waits of 2, 4, 8 ... and at most 900 s between them that takes 23 hours."""

MOST_AT_ONCE = 20
"""Deliveries to the webhook side by side, each of another run."""

LATE = Duration.minutes(15)


class Events(Construct):
    """The bus `<prefix>`, the function `<prefix>-publish_run_events` and, for a webhook, `<prefix>-deliver_webhook`.

    Attributes:
        bus: where rules find the events.
        webhook_secret: its value signs what goes to the webhook; None without one.
        functions: by their names without the prefix.
    """

    def __init__(
        self, scope: Construct, id: str, configuration: Configuration, *, layers: Layers, tables: Tables
    ) -> None:
        super().__init__(scope, id)
        self._configuration = configuration
        self._layers = layers
        self._alarms: list[Alarm] = []
        self.functions: dict[str, VersionedFunction] = {}
        self.webhook_secret: EmptySecret | None = None
        self.bus = EventBus(
            self, "Bus", event_bus_name=configuration.prefix, description="Tells of each change of a run's status."
        )
        dead_letters = self._queue("DeadLetters", "events-dead-letters")
        acknowledge(
            dead_letters, "AwsSolutions-SQS3", "It takes what the stream's mapping gives up: no queue feeds it."
        )
        self.publisher = self._function("publish_run_events", "Tells of each change of a run's status.", timeout=60)
        self.publisher.function.add_environment("EVENT_BUS", self.bus.event_bus_name)
        self.publisher.function.add_environment("EVENT_SOURCE", f"assistants.{configuration.prefix}")
        self.publisher.allow(["events:PutEvents"], [self.bus.event_bus_arn])
        self.publisher.alias.add_event_source(
            DynamoEventSource(
                tables.messages,
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
                max_record_age=Duration.hours(TRIED_FOR_HOURS),
                on_failure=SqsDlq(dead_letters),
            )
        )
        self._alarm(
            "events-late",
            self.publisher.function.metric("IteratorAge", statistic="Maximum"),
            LATE.to_milliseconds(),
            "Changes of runs' statuses are not published.",
        )
        self._alarm_on_dead_letters("events-dead-letters", dead_letters, "Events were given up.")
        if configuration.webhook_url:
            self._webhook(configuration.webhook_url)

    def raise_alarms_at(self, topic: ITopic) -> None:
        """Have the alarms on what is late, and on what could not be delivered, go to a topic."""
        for alarm in self._alarms:
            alarm.add_alarm_action(SnsAction(topic))
            alarm.add_ok_action(SnsAction(topic))

    def _webhook(self, url: str) -> None:
        dead_letters = self._queue("WebhookDeadLetters", "webhook-dead-letters", fifo=True)
        deliverer = self._function("deliver_webhook", "Delivers events to the webhook.", "standardwebhooks", timeout=30)
        queue = self._queue(
            "WebhookQueue",
            "webhook",
            fifo=True,
            # As AWS advises: six times what one delivery may take. A delivery that fails sets its own.
            visibility_timeout=Duration.seconds(6 * deliverer.timeout),
            dead_letter_queue=DeadLetterQueue(queue=dead_letters, max_receive_count=MOST_DELIVERIES),
        )
        self.publisher.function.add_environment("WEBHOOK_QUEUE_URL", queue.queue_url)
        self.publisher.allow(["sqs:SendMessage"], [queue.queue_arn])

        self.webhook_secret = EmptySecret(
            self,
            "WebhookSecret",
            "webhook-secret",
            description="What signs the events to the webhook: whsec_ and base64.",
            configuration=self._configuration,
        )
        deliverer.function.add_environment("WEBHOOK_URL", url)
        deliverer.function.add_environment("WEBHOOK_QUEUE_URL", queue.queue_url)
        deliverer.function.add_environment("WEBHOOK_SECRET_ARN", self.webhook_secret.secret_arn)
        deliverer.allow(["secretsmanager:GetSecretValue"], [self.webhook_secret.secret_arn])
        # With the rights to receive and to delete comes that to change a message's visibility.
        deliverer.alias.add_event_source(
            SqsEventSource(queue, batch_size=1, max_concurrency=MOST_AT_ONCE, report_batch_item_failures=True)
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
        function = VersionedFunction(
            self,
            name,
            configuration=self._configuration,
            description=description,
            code=Code.from_asset(str(ROOT / "lambdas" / "events"), exclude=["*", f"!{name}.py"]),
            handler=f"{name}.handler",
            layers=self._layers.get("engine", *layers),
            environment={},
            timeout=timeout,
        )
        self.functions[name] = function
        return function

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

    def _alarm(self, name: str, metric: IMetric, threshold: float, description: str) -> None:
        """An alarm while the metric is above a threshold."""
        alarm = Alarm(
            self,
            f"{name}-alarm",
            alarm_name=f"{self._configuration.prefix}-{name}",
            alarm_description=f"{description} What to do: docs/operations.md, {name}.",
            metric=metric,
            threshold=threshold,
            comparison_operator=ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=TreatMissingData.NOT_BREACHING,
        )
        self._alarms.append(alarm)
