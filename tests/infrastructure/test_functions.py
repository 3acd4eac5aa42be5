"""The functions, their versions and their roles."""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant_engine.store.run_item import ENDED_SHARDS
from cdk.configuration import ENVIRONMENTS, UnknownEnvironment, configuration_of
from cdk.events import MEMORY
from cdk.tables import RUN_STATUS_ATTRIBUTES
from layers.tool_folders import tool_folders
from tests.support.project import OUR_TOOLS
from tests.support.templates import Json, Template, actions, as_list, resources, role_of, synthesise

UNTRACED = ("oae-sandbox", "oae-console")  # Their roles have no rights, not even those that tracing takes.
STEPS = ("queued", "in_progress", "requires_action", "record_failure", "sweeper")


def is_an_author_s(function: str) -> bool:
    """Tell whether a function is of a tool that was added to the project: its `tool.toml` says what it may do."""
    _, is_tool, name = function.partition("-tool-")
    return bool(is_tool) and name not in OUR_TOOLS


UNBOUNDED = {
    # AWS knows no resources for these.
    "ec2:DescribeManagedPrefixLists",
    "dynamodb:ListStreams",
    "states:SendTaskSuccess",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    "polly:SynthesizeSpeech",  # but lexicons
    "transcribe:TranscribeAudio",
}

BOUNDED = {
    # Objects below a prefix of the bucket, by the role's owner.
    "oae-queued": {"/text/*", "/files/*"},
    "oae-in_progress": {"/text/*", "/outputs/*", "/files/*", ":v*"},
    "oae-requires_action": {"/text/*"},
    "oae-record_failure": {"/text/*"},
    "oae-sweeper": {"/text/*", "/outputs/*", "/sandbox/*", "/speech/*", "/files/*", ":*"},
    "oae-tool-finance": {"/outputs/finance/*", "/outbox/*"},
    "oae-tool-registers": {"/outputs/registers/*"},
    "oae-tool-code_interpreter": {"/outputs/code_interpreter/*", "/files/*", "/sandbox/*", "/libraries/*", ":v*"},
    "oae-copy_libraries": {"/libraries/*"},
    "oae-ingestion": {"/files/*", "/vectors/*", "/index/vs-*"},
    "oae-tool-file_search": {"/vectors/*", "/outputs/file_search/*", "/index/vs-*"},
    "oae-export": {"/text/*", "/export/*"},
    "oae-fine_tuning": {"/text/*", "/outputs/*", "/fine_tuning/*", "/files/*"},
    "oae-speech": {"/files/*", "/speech/*", "/speech/requests/*"},
    "oae-graphql": {"/text/*", "/files/*", "/outputs/*", "/speech/*", "/fine_tuning/*", ":v*"},
    "oae-poll": {"/text/*"},
    "oae-stream": {
        *("/text/*", "/text/files/*", "/files/*", "/outputs/*"),
        *("/speech/*", "/speech/requests/*", ":v*"),
    },
    "oae-api": {"/text/*", "/files/*", "/uploads/*", "/outputs/*", "/vectors/*", "/speech/*", ":v*"},
}


def test_there_is_one_for_each_step_and_each_tool(prod: Template) -> None:
    tools = [tool.name for tool in tool_folders()]
    others = (
        *("api", "stream", "poll", "console", "graphql", "export", "fine_tuning", "ingestion", "sandbox", "speech"),
        *("copy_libraries", "prefix_list", "protect_tables", "publish_run_events"),
    )
    expected = {f"oae-{name}" for name in (*STEPS, *others, *(f"tool-{tool}" for tool in tools))}
    assert set(prod.functions()) == expected


def test_every_folder_of_a_tool_has_the_same_form() -> None:
    tools = tool_folders()
    assert {"code_interpreter", "file_search", "finance", "registers"} <= {tool.name for tool in tools}
    for tool in tools:
        assert re.search(r"^(def |@.*\n)?handler\b", tool.module.read_text(), re.MULTILINE), tool.name


def test_all_are_made_alike(prod: Template) -> None:
    for name, function in prod.functions().items():
        assert function["Architectures"] == ["arm64"]
        assert function["Runtime"] == "python3.14"
        assert function.get("TracingConfig") == (None if name in UNTRACED else {"Mode": "Active"})
        assert function["LoggingConfig"]["LogFormat"] == "JSON"
        assert 0 < function["Timeout"] <= 900
        group = function["LoggingConfig"]["LogGroup"]["Ref"]
        assert prod.body["Resources"][group]["Properties"]["LogGroupName"] == f"/aws/lambda/{name}"


def test_each_has_its_own_role(prod: Template) -> None:
    roles = [role_of(function) for function in prod.functions().values()]
    assert len(set(roles)) == len(roles)
    assert not any("ManagedPolicyArns" in role for role in prod.properties("AWS::IAM::Role"))


def test_each_may_write_its_own_log_group_only(prod: Template) -> None:
    for function in prod.functions().values():
        (statement,) = [s for s in prod.statements(role_of(function)) if "logs:PutLogEvents" in as_list(s["Action"])]
        assert resources(statement) == [{"Fn::GetAtt": [function["LoggingConfig"]["LogGroup"]["Ref"], "Arn"]}]


def test_no_action_is_a_wildcard_and_no_unjustified_resource_is(prod: Template) -> None:
    owners = {role_of(function): name for name, function in prod.functions().items()}
    for role in prod.resources("AWS::IAM::Role"):
        for statement in prod.statements(role):
            if owners.get(role) == "oae-sandbox" or is_an_author_s(owners.get(role, "")):
                continue  # tests/infrastructure/test_sandbox.py
            assert statement["Effect"] == "Allow"
            assert not any("*" in action for action in as_list(statement["Action"]))
            for resource in resources(statement):
                if resource == "*":
                    assert set(as_list(statement["Action"])) <= UNBOUNDED
                elif "*" in json.dumps(resource):
                    assert isinstance(resource, dict)
                    ending = resource["Fn::Join"][1][-1]
                    assert ending in (BOUNDED[owners[role]] if role in owners else {":v*"})


@pytest.mark.parametrize(
    ("function", "allowed"),
    [
        ("oae-queued", {"GetItem", "PutItem", "UpdateItem", "Query", "BatchGetItem"}),
        ("oae-in_progress", {"GetItem", "PutItem", "UpdateItem", "Query", "BatchGetItem"}),
        ("oae-requires_action", {"GetItem", "PutItem", "UpdateItem", "Query"}),
        ("oae-record_failure", {"GetItem", "PutItem", "UpdateItem", "Query"}),
        ("oae-sweeper", {"GetItem", "PutItem", "UpdateItem", "Query", "BatchGetItem", "BatchWriteItem", "DeleteItem"}),
        ("oae-tool-finance", {"GetItem"}),
        ("oae-tool-code_interpreter", {"GetItem", "PutItem"}),
        ("oae-ingestion", {"GetItem", "UpdateItem", "Query", "BatchWriteItem"}),
        ("oae-tool-file_search", {"GetItem", "UpdateItem", "Query"}),
        ("oae-export", {"GetItem", "Query"}),
        ("oae-fine_tuning", {"GetItem", "Query", "UpdateItem", "PutItem", "BatchGetItem", "BatchWriteItem"}),
    ],
)
def test_item_actions(prod: Template, function: str, allowed: set[str]) -> None:
    assert actions(prod, function)["dynamodb"] == allowed


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_who_reads_objects_below_a_prefix_may_list_it(template_of: Callable[[str], Template], environment: str) -> None:
    """To others, S3 answers 403 for an object that is not there, which looks like a grant that is missing."""
    template = template_of(environment)
    readers = set()
    for name, function in template.functions().items():
        if is_an_author_s(name):
            continue
        statements = template.statements(role_of(function))
        reading = {
            resource["Fn::Join"][1][-1]
            for statement in statements
            if "s3:GetObject" in as_list(statement["Action"])
            for resource in resources(statement)
            if isinstance(resource, dict) and resource["Fn::Join"][1][-1].endswith("*")
        }
        listing = {
            f"/{prefix}"
            for statement in statements
            if "s3:ListBucket" in as_list(statement["Action"])
            for prefix in as_list(statement["Condition"]["StringLike"]["s3:prefix"])
        }
        assert reading <= listing, name
        readers |= {name} if reading else set()
    assert len(readers) >= 9


def test_only_who_calls_a_model_reads_the_models_key(prod: Template) -> None:
    def readers(secret_name: str) -> list[str]:
        (secret,) = [
            logical_id
            for logical_id, body in prod.resources("AWS::SecretsManager::Secret").items()
            if body["Properties"]["Name"] == secret_name
        ]
        return [
            name
            for name, function in prod.functions().items()
            for statement in prod.statements(role_of(function))
            if {"Ref": secret} in resources(statement)
        ]

    assert sorted(readers("oae/model-key")) == ["oae-in_progress", "oae-ingestion", "oae-tool-file_search"]
    assert sorted(readers("oae/api-keys")) == ["oae-api", "oae-graphql", "oae-poll", "oae-stream"]


def test_a_tool_reads_no_conversation_and_no_output(prod: Template) -> None:
    allowed = actions(prod, "oae-tool-finance")
    assert allowed["s3"] == {"PutObject"}
    (read,) = [
        statement
        for statement in prod.statements(role_of(prod.functions()["oae-tool-finance"]))
        if statement["Action"] == "dynamodb:GetItem"
    ]
    assert read["Condition"] == {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": RUN_STATUS_ATTRIBUTES},
        "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
    }


def test_the_samples_tools_are_left_out_of_prod(layers: Path, tmp_path: Path, prod: Template) -> None:
    plain = synthesise(tmp_path, layers, env="prod")
    samples = {"finance", "registers"}
    assert prod.functions().keys() - plain.functions().keys() == {f"oae-tool-{name}" for name in samples}
    for name in ("api", "queued", "in_progress"):
        variables = plain.functions()[f"oae-{name}"]["Environment"]["Variables"]
        assert set(variables["LEFT_OUT_TOOLS"].split(",")) == samples
    assert configuration_of({"env": "dev"}.get).sample_tools == "on"
    with pytest.raises(UnknownEnvironment, match="'some' is not one of on, off"):
        configuration_of({"env": "prod", "sample_tools": "some"}.get)


def test_the_samples_ask_an_api_by_a_url_that_names_what_they_ask_for() -> None:
    good = {"env": "dev", "stock_price_url": "https://api.example/v1/{symbol}#/price"}
    assert configuration_of(good.get).stock_price_url == good["stock_price_url"]
    for url in ("http://api.example/{symbol}", "https://api.example/price#/{symbol}", "https://{symbol}.example/a"):
        with pytest.raises(UnknownEnvironment, match="is no URL of an API"):
            configuration_of({"env": "dev", "stock_price_url": url}.get)


def test_mail_is_sent_by_the_tool_from_the_named_sender_only(prod: Template, on_bedrock: Template) -> None:
    assert "ses" not in actions(prod, "oae-tool-finance")
    senders = {name: actions(on_bedrock, name).get("ses") for name in on_bedrock.functions()}
    assert senders.pop("oae-dev-tool-finance") == {"SendEmail", "SendRawEmail"}
    assert set(senders.values()) == {None}
    finance = role_of(on_bedrock.functions()["oae-dev-tool-finance"])
    (send,) = [statement for statement in on_bedrock.statements(finance) if "ses:" in str(statement["Action"])]
    assert json.dumps(send["Resource"]).endswith(':identity/reports@example.com"]]}')


@pytest.mark.parametrize(
    ("function", "partitions"), [("oae-ingestion", ["vs_*", "file-*"]), ("oae-tool-file_search", ["vs_*"])]
)
def test_file_search_reaches_no_conversation(prod: Template, function: str, partitions: list[str]) -> None:
    statements = prod.statements(role_of(prod.functions()[function]))
    reading = [statement for statement in statements if "dynamodb:GetItem" in as_list(statement["Action"])]
    condition = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": partitions}}
    assert [statement["Condition"] for statement in reading] == [condition]
    read = [json.dumps(statement) for statement in statements if "s3:GetObject" in as_list(statement["Action"])]
    assert not any("/text/" in statement or "/outputs/" in statement for statement in read)


def test_a_file_is_delivered_alone_and_a_few_times_at_most(prod: Template) -> None:
    queues = {queue["QueueName"]: queue for queue in prod.properties("AWS::SQS::Queue")}
    ingestion = prod.functions()["oae-ingestion"]
    for queue in (queues["oae-ingestion"], queues["oae-ingestion-dead-letters"]):
        assert queue["VisibilityTimeout"] == 6 * ingestion["Timeout"]
        assert queue["SqsManagedSseEnabled"]
    assert queues["oae-ingestion"]["RedrivePolicy"]["maxReceiveCount"] == 4
    assert "RedrivePolicy" not in queues["oae-ingestion-dead-letters"]
    mappings = [m for m in prod.properties("AWS::Lambda::EventSourceMapping") if "ScalingConfig" in m]
    assert [(m["BatchSize"], m["ScalingConfig"]) for m in mappings] == [(1, {"MaximumConcurrency": 5})] * 2


def test_nobody_may_stop_an_execution(prod: Template) -> None:
    assert "states:StopExecution" not in json.dumps(prod.body)
    assert actions(prod, "oae-sweeper")["states"] == {"StartExecution", "SendTaskSuccess", "DescribeExecution"}
    for function in ("oae-api", "oae-stream", "oae-graphql"):
        assert actions(prod, function)["states"] == {"StartExecution", "SendTaskSuccess"}
    assert "states" not in actions(prod, "oae-queued")


def test_environment_variables_name_secrets_and_hold_none(prod: Template) -> None:
    for function in prod.functions().values():
        for name, value in function["Environment"]["Variables"].items():
            if "SECRET" in name or "KEY" in name:
                assert name.endswith("_ARN")
                assert "Ref" in value


def test_a_step_is_deployed_alone(prod: Template) -> None:
    """So a change of one step publishes no version of another."""
    for name, function in prod.functions().items():
        step = name.removeprefix("oae-")
        if step in STEPS:
            asset = prod.path.parent / f"asset.{Path(function['Code']['S3Key']).stem}"
            assert not zipfile.is_zipfile(asset)
            assert [path.name for path in asset.rglob("*")] == [f"{step}.py"]


def test_the_sweeper_is_told_name_and_status_only(prod: Template) -> None:
    rules = {("ScheduleExpression" in rule): rule for rule in rules_of(prod, "Sweepersweeper")}
    assert rules[True]["ScheduleExpression"] == "rate(1 minute)"
    ended = rules[False]
    assert ended["EventPattern"]["detail"]["status"] == ["ABORTED", "TIMED_OUT", "FAILED"]
    (target,) = ended["Targets"]
    assert target["InputTransformer"]["InputPathsMap"] == {
        "detail-name": "$.detail.name",
        "detail-status": "$.detail.status",
    }
    assert all(len(rule["Targets"]) == 1 for rule in rules.values())


def rules_of(template: Template, function: str) -> list[Json]:
    """The rules that invoke an alias of a function."""
    rules = template.properties("AWS::Events::Rule")
    aliases = {name for name in template.resources("AWS::Lambda::Alias") if name.startswith(function)}
    return [rule for rule in rules if all(body["Arn"]["Ref"] in aliases for body in rule["Targets"])]


def test_each_night_every_shard_of_the_day_before_is_exported(prod: Template) -> None:
    [rule] = rules_of(prod, "Exportexport")
    assert rule["ScheduleExpression"] == "cron(0 1 * * ? *)"
    assert [json.loads(target["Input"]) for target in rule["Targets"]] == [{"shard": n} for n in range(ENDED_SHARDS)]


def test_the_export_reads_threads_and_writes_exports_alone(prod: Template) -> None:
    statements = prod.statements(role_of(prod.functions()["oae-export"]))
    [read] = [statement for statement in statements if "dynamodb:GetItem" in as_list(statement["Action"])]
    assert read["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["thread_*"]}}
    [write] = [statement for statement in statements if "s3:PutObject" in as_list(statement["Action"])]
    assert json.dumps(write["Resource"]).endswith('/export/*"]]}')


def test_exports_for_fine_tuning_write_their_own_files_and_records_alone(prod: Template) -> None:
    reached: dict[str, set[str]] = {}
    for statement in prod.statements(role_of(prod.functions()["oae-fine_tuning"])):
        keys = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])
        for action in as_list(statement["Action"]):
            if action.startswith("dynamodb:"):
                reached.setdefault(action.removeprefix("dynamodb:"), set()).update(as_list(keys))
    assert reached == {
        "GetItem": {"thread_*", "fine_tuning#*"},
        "Query": {"thread_*"},
        "UpdateItem": {"fine_tuning#*"},
        "PutItem": {"file-*"},
        "BatchWriteItem": {"file-*"},
        "BatchGetItem": set(),  # of the directory of threads
    }


def test_the_limits_of_a_run_are_those_of_the_configuration(prod: Template) -> None:
    limits = ENVIRONMENTS["prod"]
    variables = prod.functions()["oae-in_progress"]["Environment"]["Variables"]
    assert {name: int(variables[name]) for name in ("MAX_TURNS", "MAX_CALLS", "MAX_RETRIES")} == {
        "MAX_TURNS": limits.max_turns,
        "MAX_CALLS": limits.max_calls,
        "MAX_RETRIES": limits.max_retries,
    }


def test_functions_that_wait_are_small_and_those_that_compute_are_not(prod: Template) -> None:
    sizes = {name: function["MemorySize"] for name, function in prod.functions().items()}
    settings = ENVIRONMENTS["prod"]
    assert sizes["oae-in_progress"] == settings.waiting_memory
    assert sizes["oae-stream"] == settings.streaming_memory
    assert sizes["oae-publish_run_events"] == MEMORY
    assert {sizes[f"oae-{name}"] for name in ("queued", "api", "record_failure")} == {settings.memory}
    assert sizes["oae-poll"] == settings.holding_memory
    assert settings.holding_memory < settings.waiting_memory < settings.streaming_memory < settings.memory


def test_the_function_that_holds_polls_reads_messages_alone(prod: Template) -> None:
    allowed = actions(prod, "oae-poll")
    assert (allowed["dynamodb"], allowed["s3"]) == ({"GetItem", "Query"}, {"GetObject", "ListBucket"})
    assert "states" not in allowed
    tables = [s["Resource"] for s in prod.statements(role_of(prod.functions()["oae-poll"])) if "dynamodb" in str(s)]
    assert len(tables) == 1
    assert "messages" in json.dumps(tables).lower()
