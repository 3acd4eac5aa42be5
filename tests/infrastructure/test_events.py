"""Checks the functions that publish events and deliver them to a webhook: roles, queues, limits and alarms."""

import json

import pytest

from cdk.configuration import UnknownEnvironment, configuration_of
from cdk.events import MAX_DELIVERIES
from tests.support.templates import WEBHOOK_URL, Json, Template, actions, resources, role_of


def queues(template: Template) -> dict[str, Json]:
    return {queue["QueueName"]: queue for queue in template.properties("AWS::SQS::Queue")}


def test_the_stream_of_the_messages_table_alone_holds_images_before_and_after(prod: Template) -> None:
    streams = {t["TableName"]: t.get("StreamSpecification") for t in prod.properties("AWS::DynamoDB::Table")}
    both = {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert streams == {"oae-assistants": None, "oae-threads": None, "oae-messages": both}


def test_runs_alone_reach_the_publisher_and_what_fails_is_kept(prod: Template) -> None:
    (mapping,) = [m for m in prod.properties("AWS::Lambda::EventSourceMapping") if "StartingPosition" in m]
    (pattern,) = mapping["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"]) == {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {"Keys": {"message_id": {"S": [{"prefix": "run_"}]}}},
    }
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BisectBatchOnFunctionError"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["MaximumRecordAgeInSeconds"] == 12 * 3600
    target = mapping["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
    assert prod.resources("AWS::SQS::Queue")[target]["Properties"]["QueueName"] == "oae-events-dead-letters"


def test_the_publisher_reads_the_stream_and_puts_on_the_bus_and_does_no_more(prod: Template, options: Template) -> None:
    reading = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}
    for template in (prod, options):
        allowed = actions(template, "oae-publish_run_events")
        assert set(allowed) == {"dynamodb", "events", "sqs", "logs", "xray"}
        assert (allowed["dynamodb"], allowed["events"]) == (reading, {"PutEvents"})
        assert allowed["sqs"] == {"SendMessage", "GetQueueAttributes", "GetQueueUrl"}
    statements = prod.statements(role_of(prod.functions()["oae-publish_run_events"]))
    (put,) = [statement for statement in statements if statement["Action"] == "events:PutEvents"]
    (bus,) = prod.resources("AWS::Events::EventBus")
    assert resources(put) == [{"Fn::GetAtt": [bus, "Arn"]}]


def test_without_a_url_there_is_no_webhook(prod: Template) -> None:
    assert "oae-deliver_webhook" not in prod.functions()
    assert not [name for name in queues(prod) if "webhook" in name]
    assert "WebhookSecret" not in prod.body["Outputs"]
    assert "WEBHOOK_QUEUE_URL" not in prod.functions()["oae-publish_run_events"]["Environment"]["Variables"]


def test_the_webhooks_function_reads_its_queue_and_its_secret_alone(options: Template) -> None:
    allowed = actions(options, "oae-deliver_webhook")
    assert set(allowed) == {"sqs", "secretsmanager", "logs", "xray"}
    assert allowed["secretsmanager"] == {"GetSecretValue"}
    assert "SendMessage" not in allowed["sqs"]
    assert options.functions()["oae-deliver_webhook"]["Environment"]["Variables"]["WEBHOOK_URL"] == WEBHOOK_URL
    assert options.body["Outputs"]["WebhookSecret"]["Value"] == "oae/webhook-secret"


def test_the_webhook_is_tried_for_a_day(options: Template) -> None:
    found = queues(options)
    queue, dead_letters = found["oae-webhook.fifo"], found["oae-webhook-dead-letters.fifo"]
    assert queue["FifoQueue"]
    assert dead_letters["FifoQueue"]
    assert queue["VisibilityTimeout"] == 6 * options.functions()["oae-deliver_webhook"]["Timeout"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == MAX_DELIVERIES
    assert dead_letters["MessageRetentionPeriod"] == 14 * 86_400


def test_what_is_late_or_given_up_raises_an_alarm(prod: Template, options: Template) -> None:
    names = ["oae-events-late", "oae-events-dead-letters", "oae-webhook-late", "oae-webhook-dead-letters"]
    alarms = {alarm["AlarmName"]: alarm for alarm in options.properties("AWS::CloudWatch::Alarm")}
    assert set(names) <= set(alarms)
    assert not [alarm for alarm in prod.properties("AWS::CloudWatch::Alarm") if "webhook" in alarm["AlarmName"]]
    for name in names:
        assert alarms[name]["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize("url", ["http://hooks.example.com/", "hooks.example.com", "https:///x", "ftp://127.0.0.1/"])
def test_a_webhook_is_https(url: str) -> None:
    with pytest.raises(UnknownEnvironment, match="does not begin with https://"):
        configuration_of({"env": "dev", "webhook_url": url}.get)
    for fine in (WEBHOOK_URL, "http://127.0.0.1:8080/"):
        assert configuration_of({"env": "dev", "webhook_url": fine}.get).webhook_url == fine
