"""Makes the dashboard, the alarms and the topic that they go to; docs/operations.md says what each means."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, Stack
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
    LatencyType,
    MonitoringFacade,
    SnsAlarmActionStrategy,
)
from constructs import Construct

from cdk.alarms import Alarm
from cdk.api import Api
from cdk.configuration import Configuration
from cdk.events import Events
from cdk.foundation import Foundation
from cdk.functions import VersionedFunction
from cdk.nag import acknowledge
from cdk.outputs import output
from cdk.state_machine import RunStateMachine

NAMESPACE = "AssistantsAPI"
"""Of the metrics in `layers/engine/assistant_engine/runtime/metrics.py`."""

QUARTER = Duration.minutes(15)


class Monitoring(Construct):
    """The dashboard `<prefix>`, alarms named `<prefix>-...` and the topic `<prefix>-alarms`.

    A construct lists the alarms on its own resources. Those on the engine's metrics, which have no resource, are here.
    """

    def __init__(
        self, scope: Construct, id: str, foundation: Foundation, *, api: Api, runs: RunStateMachine, events: Events
    ) -> None:
        super().__init__(scope, id)
        configuration, tables = foundation.configuration, foundation.tables
        self._prefix = configuration.prefix
        topic = self._topic(configuration)
        output(self, "AlarmTopicArn", topic.topic_arn)
        facade = MonitoringFacade(
            self,
            "Facade",
            alarm_factory_defaults=AlarmFactoryDefaults(
                actions_enabled=True,
                alarm_name_prefix=self._prefix,
                action=SnsAlarmActionStrategy(on_alarm_topic=topic, on_ok_topic=topic),
            ),
            dashboard_factory=DefaultDashboardFactory(
                self, "Dashboards", dashboard_name_prefix=self._prefix, create_summary_dashboard=False
            ),
        )
        self._runs(facade, configuration)
        self._turns(facade)
        self._troubles(facade)
        facade.monitor_api_gateway(
            api=api.gateway.api,
            human_readable_name="API",
            latency_types_to_render=[LatencyType.P50, LatencyType.P99],
        )
        facade.monitor_step_function(state_machine=runs.machine, human_readable_name="State machine")
        self._services(facade, {"API": api.alarms, "State machine": runs.alarms, "Events": events.alarms})
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
                "SNS tries mail for hours by itself; CloudWatch shows the state of each alarm.",
            )
        return topic

    def _runs(self, facade: MonitoringFacade, configuration: Configuration) -> None:
        a_day = self._metric("Cost", period=Duration.days(1), label="US dollars")
        cost = Alarm("cost", a_day, configuration.cost_alarm, "The model cost more today than expected.")
        facade.monitor_custom(
            alarm_friendly_name="Runs",
            human_readable_name="Runs",
            metric_groups=[
                CustomMetricGroup(
                    title="Ended",
                    metrics=[
                        self._ended("completed"),
                        self._ended("incomplete"),
                        self._ended("cancelled"),
                        self._watched(Alarm("runs-failed", self._ended("failed"), 5, "Runs fail.")),
                        self._watched(
                            Alarm("runs-expired", self._ended("expired"), 5, "Runs expire before they are done.")
                        ),
                    ],
                ),
                CustomMetricGroup(title="Cost a day", metrics=[self._watched(cost)]),
                CustomMetricGroup(
                    title="Tokens", metrics=[self._metric("PromptTokens"), self._metric("CompletionTokens")]
                ),
            ],
        )

    def _turns(self, facade: MonitoringFacade) -> None:
        slow = Alarm(
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
                    title="The whole turn (ms)",
                    metrics=[self._metric("TurnMs", Stats.p(50), label="turn, p50"), self._watched(slow)],
                ),
                CustomMetricGroup(title="The model alone (ms)", metrics=self._percentiles("ModelMs", "model")),
                CustomMetricGroup(title="The engine's part (ms)", metrics=self._percentiles("OverheadMs", "engine")),
            ],
        )

    def _troubles(self, facade: MonitoringFacade) -> None:
        troubles = {
            "RunsStuck": ("runs-stuck", 5, "The sweeper finds runs that nobody drives."),
            "ModelThrottled": ("model-throttled", 20, "The model's server asks to slow down."),
            "ModelErrors": ("model-errors", 20, "The model's server fails or refuses requests."),
            "Throttled": ("throttled", 5, "An AWS service throttles the steps of runs."),
            "SandboxUnconfined": ("sandbox-unconfined", 0, "The kernel refuses part of the sandbox's confinement."),
        }
        alarms = [
            self._watched(Alarm(name, self._metric(metric), limit, description))
            for metric, (name, limit, description) in troubles.items()
        ]
        facade.monitor_custom(
            alarm_friendly_name="Troubles",
            human_readable_name="Troubles",
            metric_groups=[
                CustomMetricGroup(title="Of runs", metrics=alarms),
                CustomMetricGroup(title="Of tools", metrics=[self._metric("ToolErrors")]),
            ],
        )

    def _services(self, facade: MonitoringFacade, alarms: Mapping[str, Sequence[Alarm]]) -> None:
        facade.monitor_custom(
            alarm_friendly_name="Services",
            human_readable_name="Services",
            metric_groups=[
                CustomMetricGroup(title=service, metrics=[self._watched(alarm) for alarm in its_alarms])
                for service, its_alarms in alarms.items()
            ],
        )

    def _functions(self, facade: MonitoringFacade) -> None:
        """Show every function that was made before; those whose answer nobody waits for have an alarm."""
        functions = [each for each in Stack.of(self).node.find_all() if isinstance(each, VersionedFunction)]

        def of_each(name: str, statistic: str) -> list[Metric]:
            return [
                each.function.metric(name, statistic=statistic, label=each.node.id, period=QUARTER)
                for each in functions
            ]

        errors = [
            metric
            if each.max_errors is None
            else self._watched(Alarm(f"{each.node.id}-fails", metric, each.max_errors, "The function dies."))
            for each, metric in zip(functions, of_each("Errors", Stats.SUM), strict=True)
        ]
        facade.monitor_custom(
            alarm_friendly_name="Functions",
            human_readable_name="Functions",
            metric_groups=[
                CustomMetricGroup(title="Errors", metrics=errors),
                CustomMetricGroup(title="Throttles", metrics=of_each("Throttles", Stats.SUM)),
                CustomMetricGroup(title="Duration, p99 (ms)", metrics=of_each("Duration", Stats.p(99))),
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

    def _ended(self, status: str) -> Metric:
        return self._metric("RunsEnded", label=status, Status=status)

    def _percentiles(self, name: str, label: str) -> list[Metric]:
        return [self._metric(name, Stats.p(rank), label=f"{label}, p{rank}") for rank in (50, 99)]

    def _watched(self, alarm: Alarm) -> CustomMetricWithAlarm:
        """Return an alarm's metric with the alarm itself."""
        threshold = CustomThreshold(
            threshold=alarm.limit,
            comparison_operator=ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            datapoints_to_alarm=1,
            treat_missing_data_override=TreatMissingData.NOT_BREACHING,
            alarm_name_override=f"{self._prefix}-{alarm.name}",
            alarm_description_override=f"{alarm.description} What to do: docs/operations.md, {alarm.name}.",
        )
        return CustomMetricWithAlarm(metric=alarm.metric, alarm_friendly_name=alarm.name, add_alarm={"Many": threshold})
