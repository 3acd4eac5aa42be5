"""The dashboard, the alarms and the topic that they go to; what each means stands in docs/operations.md."""

from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk.aws_apigatewayv2 import HttpApi
from aws_cdk.aws_cloudwatch import ComparisonOperator, Metric, Stats, TreatMissingData
from aws_cdk.aws_iam import PolicyStatement, ServicePrincipal
from aws_cdk.aws_sns import Topic
from aws_cdk.aws_sns_subscriptions import EmailSubscription
from cdk_monitoring_constructs import (
    AlarmFactoryDefaults,
    CustomMetricGroup,
    CustomMetricWithAlarm,
    CustomThreshold,
    DefaultDashboardFactory,
    ErrorCountThreshold,
    LatencyType,
    MonitoringFacade,
    SnsAlarmActionStrategy,
)
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import VersionedFunction
from cdk.review import acknowledge
from cdk.state_machine import RunStateMachine
from cdk.tables import Tables

NAMESPACE = "AssistantsAPI"
"""Of the metrics in `layers/engine/assistant_engine/runtime/metrics.py`."""

QUARTER = Duration.minutes(15)
MOST_ERRORS = {"sweeper": 3, "ingestion": 3, "export": 0}
"""How often these functions may die within a quarter of an hour: a busy AWS service may end the first two."""

STATUSES = ("completed", "incomplete", "failed", "expired", "cancelled")


class Monitoring(Construct):
    """The dashboard `<prefix>`, alarms named `<prefix>-...` and the topic `<prefix>-alarms`.

    Attributes:
        topic: where an alarm goes when it is raised and when it is over.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        configuration: Configuration,
        *,
        api: HttpApi,
        runs: RunStateMachine,
        tables: Tables,
    ) -> None:
        super().__init__(scope, id)
        self._prefix = configuration.prefix
        self.topic = self._topic(configuration)
        facade = MonitoringFacade(
            self,
            "Facade",
            alarm_factory_defaults=AlarmFactoryDefaults(
                actions_enabled=True,
                alarm_name_prefix=self._prefix,
                action=SnsAlarmActionStrategy(on_alarm_topic=self.topic, on_ok_topic=self.topic),
            ),
            dashboard_factory=DefaultDashboardFactory(
                self, "Dashboards", dashboard_name_prefix=self._prefix, create_summary_dashboard=False
            ),
        )
        self._runs(facade, configuration)
        self._turns(facade)
        self._troubles(facade)
        facade.monitor_api_gateway_v2_http_api(
            api=api,
            human_readable_name="HTTP API",
            latency_types_to_render=[LatencyType.P50, LatencyType.P99],
            add5xx_count_alarm={"Many": self._errors("http-api-5xx", "The HTTP API answers with errors of its own.")},
        )
        facade.monitor_step_function(
            state_machine=runs.machine,
            human_readable_name="State machine",
            add_throttled_execution_count_alarm={
                "Many": self._errors("executions-throttled", "More executions are started than the account allows.")
            },
        )
        self._functions(facade)
        for table in (tables.messages, tables.threads):
            facade.monitor_dynamo_table(table=table, human_readable_name=f"Table {table.node.id.lower()}")

    def _topic(self, configuration: Configuration) -> Topic:
        topic = Topic(self, "Alarms", topic_name=f"{self._prefix}-alarms", enforce_ssl=True)
        # A topic with a policy of its own lets nobody publish whom that does not name.
        topic.add_to_resource_policy(
            PolicyStatement(
                actions=["sns:Publish"],
                principals=[ServicePrincipal("cloudwatch.amazonaws.com")],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        if configuration.alarm_email:
            mailed = topic.add_subscription(EmailSubscription(configuration.alarm_email))
            acknowledge(
                mailed,
                "Serverless-SNSRedrivePolicy",
                "SNS tries mail for hours by itself; what state an alarm is in stands in CloudWatch.",
            )
        return topic

    def _runs(self, facade: MonitoringFacade, configuration: Configuration) -> None:
        ended = {status: self._metric("RunsEnded", label=status, Status=status) for status in STATUSES}
        a_day = self._metric("Cost", period=Duration.days(1), label="US dollars")
        facade.monitor_custom(
            alarm_friendly_name="Runs",
            human_readable_name="Runs",
            metric_groups=[
                CustomMetricGroup(
                    title="Ended",
                    metrics=[
                        ended["completed"],
                        ended["incomplete"],
                        ended["cancelled"],
                        self._alarm("runs-failed", ended["failed"], 5, "Runs fail."),
                        self._alarm("runs-expired", ended["expired"], 5, "Runs expire before they are done."),
                    ],
                ),
                CustomMetricGroup(
                    title="Cost a day",
                    metrics=[
                        self._alarm("cost", a_day, configuration.cost_alarm, "The model cost more today than expected.")
                    ],
                ),
                CustomMetricGroup(
                    title="Tokens", metrics=[self._metric("PromptTokens"), self._metric("CompletionTokens")]
                ),
            ],
        )

    def _turns(self, facade: MonitoringFacade) -> None:
        slow = self._alarm(
            "turns-slow",
            self._metric("TurnMs", Stats.p(99), label="turn, p99"),
            120_000,
            "One turn in a hundred takes longer than two minutes.",
        )
        facade.monitor_custom(
            alarm_friendly_name="Turns",
            human_readable_name="Turns",
            metric_groups=[
                CustomMetricGroup(
                    title="The whole turn (ms)", metrics=[self._metric("TurnMs", Stats.p(50), label="turn, p50"), slow]
                ),
                CustomMetricGroup(title="The model alone (ms)", metrics=self._percentiles("ModelMs", "model")),
                CustomMetricGroup(title="The engine's part (ms)", metrics=self._percentiles("OverheadMs", "engine")),
            ],
        )

    def _troubles(self, facade: MonitoringFacade) -> None:
        said = {
            "RunsStuck": ("runs-stuck", 5, "The sweeper finds runs that nobody drives."),
            "ModelThrottled": ("model-throttled", 20, "The model's server asks to slow down."),
            "ModelErrors": ("model-errors", 20, "The model's server fails or refuses requests."),
            "Throttled": ("throttled", 5, "An AWS service throttles the steps of runs."),
            "SandboxUnconfined": ("sandbox-unconfined", 0, "The kernel refuses part of the sandbox's confinement."),
        }
        alarms = [self._alarm(name, self._metric(metric), most, why) for metric, (name, most, why) in said.items()]
        facade.monitor_custom(
            alarm_friendly_name="Troubles",
            human_readable_name="Troubles",
            metric_groups=[
                CustomMetricGroup(title="Of runs", metrics=alarms),
                CustomMetricGroup(title="Of tools", metrics=[self._metric("ToolErrors")]),
            ],
        )

    def _functions(self, facade: MonitoringFacade) -> None:
        """Every function that was made before; nobody waits for the answer of those with an alarm."""
        functions = [each for each in Stack.of(self).node.find_all() if isinstance(each, VersionedFunction)]

        def of_each(name: str, statistic: str) -> dict[str, Metric]:
            return {
                each.node.id: each.function.metric(name, statistic=statistic, label=each.node.id, period=QUARTER)
                for each in functions
            }

        errors = [
            self._alarm(f"{name}-fails", metric, MOST_ERRORS[name], "The function dies.")
            if name in MOST_ERRORS
            else metric
            for name, metric in of_each("Errors", Stats.SUM).items()
        ]
        facade.monitor_custom(
            alarm_friendly_name="Functions",
            human_readable_name="Functions",
            metric_groups=[
                CustomMetricGroup(title="Errors", metrics=errors),
                CustomMetricGroup(title="Throttles", metrics=list(of_each("Throttles", Stats.SUM).values())),
                CustomMetricGroup(title="Duration, p99 (ms)", metrics=list(of_each("Duration", Stats.p(99)).values())),
            ],
        )

    def _metric(
        self, name: str, statistic: str = Stats.SUM, *, label: str = "", period: Duration = QUARTER, **dimensions: str
    ) -> Metric:
        return Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={"Stack": self._prefix, **dimensions},
            statistic=statistic,
            period=period,
            label=label or name,
        )

    def _percentiles(self, name: str, label: str) -> list[Metric]:
        return [self._metric(name, Stats.p(rank), label=f"{label}, p{rank}") for rank in (50, 99)]

    def _alarm(self, name: str, metric: Metric, most: float, description: str) -> CustomMetricWithAlarm:
        """The metric, and an alarm that is raised when it exceeds `most` within the metric's period."""
        threshold = CustomThreshold(
            threshold=most,
            comparison_operator=ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            datapoints_to_alarm=1,
            treat_missing_data_override=TreatMissingData.NOT_BREACHING,
            **self._named(name, description),
        )
        return CustomMetricWithAlarm(metric=metric, alarm_friendly_name=name, add_alarm={"Many": threshold})

    def _errors(self, name: str, description: str) -> ErrorCountThreshold:
        """More than 5 errors in 5 minutes."""
        return ErrorCountThreshold(
            max_error_count=5, evaluation_periods=1, datapoints_to_alarm=1, **self._named(name, description)
        )

    def _named(self, name: str, description: str) -> dict[str, Any]:
        return {
            "alarm_name_override": f"{self._prefix}-{name}",
            "alarm_description_override": f"{description} What to do: docs/operations.md, {name}.",
        }
