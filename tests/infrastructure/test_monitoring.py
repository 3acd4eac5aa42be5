"""The dashboard shows every metric that the engine writes, and every alarm reaches a person and is explained."""

import json
import re
from typing import Any

from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.runtime import metrics
from cdk import monitoring
from tests.support.templates import ROOT, Json, Template


def shown(template: Template) -> list[list[Any]]:
    """The metrics on the dashboard, as its body lists them: namespace, name, dimension names and values, options."""
    (dashboard,) = template.properties("AWS::CloudWatch::Dashboard")
    parts = dashboard["DashboardBody"]["Fn::Join"][1]
    body = json.loads("".join(part if isinstance(part, str) else "-" for part in parts))
    return [metric for widget in body["widgets"] for metric in widget["properties"].get("metrics", [])]


def alarms(template: Template) -> dict[str, Json]:
    return {alarm["AlarmName"]: alarm for alarm in template.properties("AWS::CloudWatch::Alarm")}


def test_the_dashboard_shows_every_metric_of_the_engine(prod: Template) -> None:
    own = [metric for metric in shown(prod) if metric[0] == metrics.NAMESPACE]
    assert monitoring.NAMESPACE == metrics.NAMESPACE
    assert {metric[1] for metric in own} == set(metrics.UNITS)
    assert all(metric[2:4] == ["Stack", "oae"] for metric in own if metric[1] != "RunsEnded")
    ended = [metric[2:6] for metric in own if metric[1] == "RunsEnded"]
    assert sorted(ended) == sorted(["Stack", "oae", "Status", status] for status in TERMINAL)


def test_the_dashboard_shows_every_function(prod: Template) -> None:
    for name in ("Errors", "Throttles", "Duration"):
        of_each = [metric[-1]["label"] for metric in shown(prod) if metric[:2] == ["AWS/Lambda", name]]
        assert sorted(f"oae-{label}" for label in of_each) == sorted(prod.functions())


def test_every_alarm_goes_to_the_topic_when_it_is_raised_and_when_it_is_over(prod: Template) -> None:
    (topic,) = prod.resources("AWS::SNS::Topic")
    for alarm in alarms(prod).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]
        assert alarm["TreatMissingData"] == "notBreaching"
    (policy,) = prod.properties("AWS::SNS::TopicPolicy")
    (allowed,) = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_documentation_says_of_every_alarm_what_to_do(prod: Template) -> None:
    rows = re.findall(r"^\| (`.*?`) \|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    explained = [name for row in rows for name in re.findall(r"`([a-z0-9-]+)`", row)]
    for name, alarm in alarms(prod).items():
        short = name.removeprefix("oae-")
        assert short in explained
        assert alarm["AlarmDescription"].endswith(f"docs/operations.md, {short}.")


def test_alarms_are_mailed_where_that_is_configured(prod: Template, configured: Template) -> None:
    assert not prod.resources("AWS::SNS::Subscription")
    (subscription,) = configured.properties("AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")
