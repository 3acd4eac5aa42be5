"""Describes alarms: each construct lists its own, and `cdk.monitoring` makes them all."""

from dataclasses import dataclass

from aws_cdk.aws_cloudwatch import Metric


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that is raised when a metric exceeds a limit within the metric's period.

    Attributes:
        name: the alarm is `<prefix>-<name>`; docs/operations.md says under this name what to do.
        limit: in the metric's unit.
        description: a sentence that says what is wrong.
    """

    name: str
    metric: Metric
    limit: float
    description: str
