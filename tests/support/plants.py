"""Makes the differences that may be planted: in the embedded AWS, in a probe's requests, and in their answers.

A difference is planted in the embedded AWS itself where it can show the behaviour: a role, a table or a state machine
is changed, or what the probe asks for. Where it can't (X-Ray, the kernel, the network), its answer is changed on the
way.
"""

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from tests.support.wire import Ask, Plant, Request, Response, Wire, answered

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class World:
    """Holds what a plant may change.

    Attributes:
        client: makes clients of the embedded AWS that nothing is planted in.
        outputs: the stack's.
        wire: between the probe and the embedded AWS.
        hooks: what botocore is to do to the probe's own requests before it signs them: (event, function).
    """

    client: Callable[[str], Any]
    outputs: Mapping[str, str]
    wire: Wire
    hooks: list[tuple[str, Callable[..., None]]]


Change = Callable[[World], AbstractContextManager[None]]


def natural(world: World) -> AbstractContextManager[None]:
    """Change nothing."""
    return nullcontext()


def on_the_way(*plants: Plant) -> Change:
    """Change what is answered."""

    @contextmanager
    def change(world: World) -> Iterator[None]:
        world.wire.plants += plants
        yield

    return change


def asked(event: str, change_request: Callable[[Json], None]) -> Change:
    """Change what the probe asks for, as if AWS ignored a part of it."""

    @contextmanager
    def change(world: World) -> Iterator[None]:
        world.hooks.append((event, lambda params, **_: change_request(params)))
        yield

    return change


def definition(old: str, new: str) -> Change:
    """Change the state machine that a probe makes."""

    def change(params: Json) -> None:
        params["definition"] = re.sub(old, new, params["definition"])

    return asked("provide-client-params.stepfunctions.CreateStateMachine", change)


CODE = "functions/[^/]+-tool-code_interpreter/"
SANDBOX = "functions/[^/]+-sandbox/"
ACTOR = "functions/[^/]+-verify-[^/]+/invocations"


def function_failed(operation: str, name: str, message: str) -> Plant:
    """An invocation that fails."""
    told = {"errorType": name, "errorMessage": message}
    return answered(operation, told, X_Amz_Function_Error="Unhandled")


def sandbox_said(output: str) -> Plant:
    """The sandbox's answer to a direct invocation."""
    return answered(SANDBOX, {"output": output, "reason": "status 3", "notes": [], "files": [], "session": False})


def sandbox_failed(message: str) -> Plant:
    """A direct invocation of the sandbox that fails."""
    return function_failed(SANDBOX, "URLError", message)


@contextmanager
def shared_tenant(world: World) -> Iterator[None]:
    """All tenants are one to Lambda."""

    def share(params: Json, **_: Any) -> None:
        params["headers"]["X-Amz-Tenant-Id"] = "everyone"

    world.hooks.append(("before-call.lambda.Invoke", share))
    yield


def without_conditions(function: str) -> Change:
    """A deployed role whose statements have lost their conditions."""

    @contextmanager
    def change(world: World) -> Iterator[None]:
        iam, name = world.client("iam"), world.outputs["AssistantsTable"].removesuffix("assistants") + function
        arn = world.client("lambda").get_function_configuration(FunctionName=name)["Role"]
        role = arn.rpartition("/")[2]
        [policy, *_] = iam.list_role_policies(RoleName=role)["PolicyNames"]
        before = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        without = [{k: v for k, v in one.items() if k != "Condition"} for one in before["Statement"]]
        document = json.dumps({**before, "Statement": without})
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=document)
        yield
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(before))

    return change


def missing(key: str) -> Plant:
    """S3 answers 404 for a key, whoever asks."""
    body = b"<Error><Code>NoSuchKey</Code><Message>planted</Message></Error>"
    return answered(f"^GET .*{key}", body, status=404, Content_Type="application/xml")


def tables(world: World) -> list[str]:
    return [world.outputs[name] for name in ("AssistantsTable", "MessagesTable", "ThreadsTable")]


def expiring(on: bool) -> Change:
    """Tables whose items expire, or don't."""

    @contextmanager
    def change(world: World) -> Iterator[None]:
        client = world.client("dynamodb")

        def switch(name: str, wanted: bool) -> bool:
            status = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"]
            was = bool(status == "ENABLED")
            if was != wanted:
                told = {"Enabled": wanted, "AttributeName": "ttl"}
                client.update_time_to_live(TableName=name, TimeToLiveSpecification=told)
            return was

        before = {name: switch(name, on) for name in tables(world)[:2]}
        yield
        for name, was in before.items():
            switch(name, was)

    return change


def recoverable(on: bool) -> Change:
    """Tables with point-in-time recovery, or without."""

    @contextmanager
    def change(world: World) -> Iterator[None]:
        client = world.client("dynamodb")

        def switch(name: str, wanted: bool) -> bool:
            told = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
            was = told["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
            specification = {"PointInTimeRecoveryEnabled": wanted}
            client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=specification)
            return bool(was)

        before = {name: switch(name, on) for name in tables(world)}
        yield
        for name, was in before.items():
            switch(name, was)

    return change


@contextmanager
def protected(world: World) -> Iterator[None]:
    """A table that can't be deleted though it is to be."""
    client, name = world.client("dynamodb"), world.outputs["ThreadsTable"]
    client.update_table(TableName=name, DeletionProtectionEnabled=True)
    yield
    client.update_table(TableName=name, DeletionProtectionEnabled=False)


def with_rules(wanted: bool) -> Change:
    """The bucket with the lifecycle rules of the template, or all but one."""

    @contextmanager
    def change(world: World) -> Iterator[None]:
        s3, bucket = world.client("s3"), world.outputs["Bucket"]
        stack = world.outputs["AssistantsTable"].removesuffix("-assistants")
        template = world.client("cloudformation").get_template(StackName=stack)["TemplateBody"]
        resources = (json.loads(template) if isinstance(template, str) else template)["Resources"].values()
        [asked_for] = [one["Properties"] for one in resources if one["Type"] == "AWS::S3::Bucket"]
        ids = [rule["Id"] for rule in asked_for["LifecycleConfiguration"]["Rules"]]
        rules = [
            {"ID": id, "Status": "Enabled", "Filter": {"Prefix": "none/"}, "Expiration": {"Days": 1}}
            for id in (ids if wanted else ids[1:])
        ]
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
        yield
        s3.delete_bucket_lifecycle(Bucket=bucket)

    return change


def vectors(nearest: str) -> Change:
    """A stack with a vector bucket, and S3 Vectors, which finds this vector."""
    resource = '"Vectors": {"Type": "AWS::S3Vectors::VectorBucket", "Properties": {}}, '
    listed = (
        b"<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries><member>"
        b"<ResourceType>AWS::S3Vectors::VectorBucket</ResourceType><LogicalResourceId>Vectors</LogicalResourceId>"
        b"<PhysicalResourceId>arn:aws:s3vectors:us-east-1:000000000000:bucket/vectors</PhysicalResourceId>"
        b"</member></StackResourceSummaries></ListStackResourcesResult></ListStackResourcesResponse>"
    )
    return on_the_way(
        _template_with(resource),
        answered("ListStackResources", listed, Content_Type="text/xml"),
        answered("/(CreateIndex|PutVectors|DeleteIndex)$", {}),
        answered("/QueryVectors$", {"vectors": [{"key": nearest, "distance": 0.1}], "distanceMetric": "cosine"}),
    )


def _template_with(resource: str) -> Plant:
    """A template that has one resource more."""
    quoted = resource.replace('"', "&quot;")

    def add(found: re.Match[str]) -> str:
        return found[0] + (quoted if "&" in found[0] else resource)

    def plant(request: Request, ask: Ask) -> Response | None:
        if request.operation != "GetTemplate":
            return None
        answer = ask(request)
        body = re.sub(r'("|&quot;)Resources("|&quot;): ?\{', add, answer.body.decode())
        return Response(answer.status, body.encode(), answer.headers)

    return plant


loaded = answered(ACTOR, {"failed": {"numpy": "ImportError"}, "loaded": 5, "compiled": 2})


def all_compiled(request: Request, ask: Ask) -> Response | None:
    """Every module has byte code."""
    if not re.search(ACTOR, request.operation):
        return None
    answer = ask(request)
    told = json.loads(answer.body)
    return Response(answer.status, json.dumps({**told, "loaded": 9, "compiled": 9}).encode(), answer.headers)


def logged(function: str, line: str) -> Change:
    """A line in a function's log."""

    @contextmanager
    def change(world: World) -> Iterator[None]:
        logs, stream = world.client("logs"), f"planted-{uuid.uuid4().hex}"
        name = world.outputs["AssistantsTable"].removesuffix("assistants") + function
        where = {"logGroupName": f"/aws/lambda/{name}", "logStreamName": stream}
        logs.create_log_stream(**where)
        logs.put_log_events(**where, logEvents=[{"timestamp": int(time.time() * 1000), "message": line}])
        yield
        logs.delete_log_stream(**where)

    return change


def initialised_in(milliseconds: int) -> Change:
    """A function that reports how long it took to initialise."""
    return _reported(initDurationMs=milliseconds)


def used(megabytes: int) -> Change:
    """A function of 128 MB that reports how much of it was used."""
    return _reported(maxMemoryUsedMB=megabytes, memorySizeMB=128, durationMs=5)


def _reported(**metrics: int) -> Change:
    report = {"type": "platform.report", "record": {"metrics": metrics}}
    return logged("publish_run_events", json.dumps(report))


def with_metric(wanted: bool) -> Change:
    """A line that counts a run, and the metric of it or none."""

    @contextmanager
    def change(world: World) -> Iterator[None]:
        prefix = world.outputs["AssistantsTable"].removesuffix("-assistants")
        with logged("in_progress", '{"RunsEnded": 1}')(world):
            if wanted:
                dimensions = [{"Name": "Stack", "Value": prefix}]
                data = [{"MetricName": "RunsEnded", "Dimensions": dimensions, "Value": 1}]
                world.client("cloudwatch").put_metric_data(Namespace="AssistantsAPI", MetricData=data)
            yield

    return change


@contextmanager
def throttled_streams(world: World) -> Iterator[None]:
    """Let the function that streams run nothing."""
    functions = world.client("lambda")
    (name,) = [
        one["FunctionName"]
        for page in functions.get_paginator("list_functions").paginate()
        for one in page["Functions"]
        if one["FunctionName"].endswith("-stream")
    ]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        functions.delete_function_concurrency(FunctionName=name)


@contextmanager
def silent_alarms(world: World) -> Iterator[None]:
    """An alarm that tells nobody."""
    name = world.outputs["AssistantsTable"].removesuffix("assistants") + "runs-stuck"
    world.client("cloudwatch").disable_alarm_actions(AlarmNames=[name])
    yield
    world.client("cloudwatch").enable_alarm_actions(AlarmNames=[name])


def machine_lines(data: str) -> Change:
    """The log of the state machine holds lines about the execution that is looked for."""

    def plant(request: Request, ask: Ask) -> Response | None:
        if request.operation != "FilterLogEvents" or "/aws/vendedlogs/states/" not in request.text:
            return None
        name = json.loads(request.body)["filterPattern"].strip('"')
        event = {"message": json.dumps({"execution_arn": name, "details": data}), "timestamp": 1}
        return Response(200, json.dumps({"events": [event]}).encode(), {"Content-Type": "application/x-amz-json-1.1"})

    return on_the_way(plant)


def redriven(request: Request, ask: Ask) -> Response | None:
    """An execution that was redriven once."""
    if request.operation == "RedriveExecution":
        return Response(200, b'{"redriveDate": 1}', {"Content-Type": "application/x-amz-json-1.0"})
    if request.operation != "DescribeExecution":
        return None
    answer = ask(request)
    body = json.dumps({**json.loads(answer.body), "redriveCount": 1}).encode()
    return Response(answer.status, body, {"Content-Type": "application/x-amz-json-1.0"})


def slow_history(request: Request, ask: Ask) -> Response | None:
    """Transitions that take half a second each."""
    if request.operation != "GetExecutionHistory":
        return None
    answer = ask(request)
    told = json.loads(answer.body)
    for number, event in enumerate(told["events"]):
        event["timestamp"] += number / 2
    return Response(answer.status, json.dumps(told).encode(), {"Content-Type": "application/x-amz-json-1.0"})


def unsplit(params: Json) -> None:
    params["BisectBatchOnFunctionError"] = False
