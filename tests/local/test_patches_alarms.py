"""The patch of the emulator's alarms, seen from outside."""

import json
from collections.abc import Callable
from typing import Any

from tests.support.functions import OFTEN

ALARM = {
    "Type": "AWS::CloudWatch::Alarm",
    "Properties": {
        "AlarmName": "slow",
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Threshold": 10,
        "Metrics": [
            {
                "Id": "m1",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "Scratch",
                        "MetricName": "Ms",
                        "Dimensions": [{"Name": "Stack", "Value": "s"}],
                    },
                    "Period": 900,
                    "Stat": "p99",
                },
                "ReturnData": True,
            }
        ],
    },
}


def test_an_alarm_may_list_its_one_metric(client: Callable[[str], Any]) -> None:
    cloudformation = client("cloudformation")
    template = json.dumps({"Resources": {"Slow": ALARM}})
    cloudformation.create_stack(StackName="alarms", TemplateBody=template)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="alarms", WaiterConfig=OFTEN)
    [alarm] = client("cloudwatch").describe_alarms(AlarmNames=["slow"])["MetricAlarms"]
    assert (alarm["MetricName"], alarm["ExtendedStatistic"], alarm["Period"]) == ("Ms", "p99", 900)
