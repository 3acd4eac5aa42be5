"""Probes of CloudWatch and X-Ray: what the stack reports arrives and can be asked for."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from verify.account import Account, Json
from verify.probe import Seen, Untried, probe
from verify.probes.machine import failed_run

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
NAMESPACE = "AssistantsAPI"
ALARM = "runs-stuck"
MAX_GROUPS = 50
"""Log groups of one query (StartQuery's limit)."""


def queries(page: str) -> list[str]:
    """The queries of CloudWatch Logs Insights that docs/operations.md shows, in its block and in its table."""
    blocks = re.findall(r"<!-- query -->\n```\n(.*?)```", page, flags=re.DOTALL)
    rows = [line.replace(r"\|", "|") for line in page.splitlines() if re.match(r"\| [A-Z] \| `", line)]
    return [*blocks, *(query for row in rows for query in re.findall(r"`((?:filter|fields|stats) [^`]+)`", row))]


@probe(
    does="Runs each query of docs/operations.md over the log groups of the stack's functions.",
    expected="CloudWatch Logs Insights takes them all and completes them.",
)
def insights(account: Account) -> Seen:
    logs, wanted = account.client("logs"), queries(OPERATIONS.read_text())
    groups = account.log_groups()[:MAX_GROUPS]
    now, refused = int(time.time()), []
    for query in wanted:
        try:
            started = logs.start_query(
                logGroupNames=groups, startTime=now - 3600, endTime=now, queryString=query, limit=1
            )
        except (logs.exceptions.MalformedQueryException, logs.exceptions.InvalidParameterException) as error:
            refused.append(f"{query.split('|')[0].strip()}: {error.response['Error']['Code']}")
            continue
        status = account.until(lambda id=started["queryId"]: _final(logs.get_query_results(queryId=id)), 60)  # type: ignore[misc]
        if status != "Complete":
            refused.append(f"{query.split('|')[0].strip()}: {status}")
    return Seen(f"refused: {'; '.join(refused)}" if refused else f"{len(wanted)} queries completed", not refused)


def _final(answer: Json) -> str | None:
    return None if answer["status"] in ("Scheduled", "Running", "Unknown") else str(answer["status"])


@probe(
    does="Looks for a line of the functions' logs that counts a run, and for the metric of it.",
    expected=f"CloudWatch makes the metric RunsEnded in {NAMESPACE} of the line, within 5 minutes.",
)
def metrics(account: Account) -> Seen:
    logs, since = account.client("logs"), int((time.time() - 7200) * 1000)
    lines = [
        event
        for function in ("in_progress", "record_failure", "sweeper", "api")
        for event in logs.filter_log_events(
            logGroupName=f"/aws/lambda/{account.name(function)}", startTime=since, filterPattern='"RunsEnded"'
        )["events"]
    ]
    if not lines:
        raise Untried("no run has ended within two hours: run the tests, too")

    def found() -> list[Json]:
        listed: list[Json] = account.client("cloudwatch").list_metrics(
            Namespace=NAMESPACE,
            MetricName="RunsEnded",
            Dimensions=[{"Name": "Stack", "Value": account.prefix}],
        )["Metrics"]
        return listed

    listed = account.until(found, 300, every=10)
    return Seen(f"{len(listed)} metrics of {len(lines)} lines" if listed else "no metric of the lines", bool(listed))


@probe(
    does=f"Subscribes a queue of its own to the alarms' topic and sets the alarm {ALARM} to ALARM, and back.",
    expected="The alarm's notification arrives; whoever else subscribed gets one, too.",
)
def alarms(account: Account) -> Seen:
    client, sqs, sns = account.client("cloudwatch"), account.client("sqs"), account.client("sns")
    name, queue_name, topic = account.name(ALARM), f"{account.own_prefix}-alarms", account.outputs["AlarmTopicArn"]
    queue = sqs.create_queue(QueueName=queue_name)["QueueUrl"]
    account.later(f"queue {queue_name}", lambda: sqs.delete_queue(QueueUrl=queue))
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    let_in = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [let_in]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    account.later("the queue's subscription", lambda: sns.unsubscribe(SubscriptionArn=subscription))

    def put(state: str) -> None:
        client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="make verify tries the alarm")

    account.later(f"state of the alarm {name}", lambda: put("OK"))
    put("OK")
    put("ALARM")

    def told() -> bool:
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])
        return any(name in message["Body"] and "ALARM" in message["Body"] for message in messages)

    arrived = account.until(told, 60)
    return Seen("the notification arrived" if arrived else "no notification within a minute", bool(arrived))


@probe(
    does="Starts an execution of the deployed machine that fails at once; looks for its lines in the machine's log.",
    expected="They arrive, without the execution's data.",
)
def machine_log(account: Account) -> Seen:
    name, since = failed_run(account).rpartition(":")[2], int((time.time() - 60) * 1000)
    group = f"/aws/vendedlogs/states/{account.name('run')}"

    def lines() -> list[str]:
        answer = account.client("logs").filter_log_events(
            logGroupName=group, startTime=since, filterPattern=f'"{name}"'
        )
        return [event["message"] for event in answer["events"] if name in event["message"]]

    found = account.until(lines, 180, every=5)
    if not found:
        return Seen("no line within three minutes", False)
    bare = not any("asst_verify" in line for line in found)
    return Seen(f"{len(found)} lines, {'without' if bare else 'WITH'} the execution's data", bare)


@probe(
    does="Starts an execution of the deployed machine that fails at once, and asks X-Ray for its trace.",
    expected="X-Ray has traces of the state machine.",
)
def traces(account: Account) -> Seen:
    start = datetime.now(UTC) - timedelta(minutes=5)
    failed_run(account)

    def found() -> int:
        answer = account.client("xray").get_trace_summaries(
            StartTime=start,
            EndTime=datetime.now(UTC),
            FilterExpression=f'service("{account.name("run")}")',
        )
        return len(answer["TraceSummaries"])

    number = account.until(found, 120, every=5) or 0
    return Seen(f"{number} traces", number > 0)
