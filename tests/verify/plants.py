"""For each probe, an AWS that differs from what is documented, and one that does as documented.

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

from tests.verify.wire import Ask, Plant, Request, Response, Wire, answered, failed_with, rewritten

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class World:
    """What a plant may change.

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


@dataclass(frozen=True, slots=True)
class Case:
    """A probe, what makes AWS differ for it and by which words it is told, and what makes AWS do as documented.

    A change that is missing is none: the embedded AWS is like that by itself.
    """

    differs: Change
    words: str
    agrees: Change


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
FAILED = {"X_Amz_Function_Error": "Unhandled"}


def sandbox_said(output: str) -> Plant:
    """The sandbox's answer to a direct invocation."""
    return answered(SANDBOX, {"output": output, "reason": "status 3", "notes": [], "files": [], "session": False})


def sandbox_failed(message: str) -> Plant:
    """A direct invocation of the sandbox that fails."""
    return answered(SANDBOX, {"errorType": "URLError", "errorMessage": message}, **FAILED)


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


def denied_for_threads(request: Request, ask: Ask) -> Response | None:
    """DynamoDB denies the partitions of threads."""
    if request.operation == "GetItem" and "thread_verify" in request.text:
        return Response(400, b'{"__type": "AccessDeniedException"}', {"Content-Type": "application/x-amz-json-1.0"})
    return None


def missing(key: str, code: str) -> Plant:
    """S3's answer for a key."""
    body = f"<Error><Code>{code}</Code><Message>planted</Message></Error>".encode()
    status = 404 if code == "NoSuchKey" else 403
    return answered(f"^GET .*{key}", body, status=status, Content_Type="application/xml")


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
    return Response(answer.status, json.dumps({**told, "compiled": told["loaded"]}).encode(), answer.headers)


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
    report = {"type": "platform.report", "record": {"metrics": {"initDurationMs": milliseconds}}}
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


CASES = {
    "sandbox-filter": Case(on_the_way(rewritten(CODE, r"seccomp=\d", "seccomp=0")), "Seccomp 0", natural),
    "sandbox-oom-score": Case(on_the_way(rewritten(CODE, r"oom=-?\d+", "oom=0")), "oom_score_adj 0", natural),
    "sandbox-socket": Case(on_the_way(rewritten(CODE, "socket=refused", "socket=open")), "socket is open", natural),
    "sandbox-dns": Case(
        on_the_way(sandbox_said("given=True")),
        "the name was resolved",
        on_the_way(sandbox_failed("<urlopen error [Errno -5] No address associated with hostname>")),
    ),
    "sandbox-internet": Case(
        on_the_way(sandbox_failed("<urlopen error [SSL: CERTIFICATE_VERIFY_FAILED]>")),
        "there was a connection",
        on_the_way(sandbox_failed("<urlopen error timed out>")),
    ),
    "endpoint-policy": Case(
        on_the_way(sandbox_said("given=True")), "came through", on_the_way(sandbox_failed("HTTP Error 403: Forbidden"))
    ),
    "tenant-isolation": Case(shared_tenant, "two tenants ran in one environment", natural),
    "tmp-empty": Case(
        on_the_way(rewritten(SANDBOX, r"left=\d+", "left=3")),
        "3 other entries",
        on_the_way(rewritten(SANDBOX, r"left=\d+", "left=0")),
    ),
    "missing-object": Case(
        on_the_way(missing("verify/closed/", "NoSuchKey")),
        "NoSuchKey where it may not",
        on_the_way(missing("verify/closed/", "AccessDenied")),
    ),
    "leading-keys": Case(without_conditions("ingestion"), "thread: allowed", on_the_way(denied_for_threads)),
    "item-attributes": Case(without_conditions("tool-finance"), "instructions: allowed, all: allowed", natural),
    "time-to-live": Case(expiring(False), "off instead of ttl", expiring(True)),
    "point-in-time-recovery": Case(recoverable(False), "off instead of on", recoverable(True)),
    "deletion-protection": Case(protected, "threads: on instead of off", natural),
    "lifecycle-rules": Case(with_rules(False), "missing: abort-multipart", with_rules(True)),
    "object-expiry": Case(
        natural,
        "expiry none",
        on_the_way(
            rewritten(
                "^HEAD .*/files/", "", "", x_amz_expiration='expiry-date="x", rule-id="forget-files-after-1-days"'
            )
        ),
    ),
    "s3-vectors": Case(vectors("near"), r"found \['near'\]", vectors("close")),
    "runtime": Case(
        on_the_way(answered(ACTOR, {"python": [3, 9], "machine": "x86_64"})),
        "python3.9 on x86_64, declared as",
        on_the_way(answered(ACTOR, {"python": [3, 14], "machine": "aarch64"})),
    ),
    "layers": Case(on_the_way(loaded), "'numpy': 'ImportError'", natural),
    "byte-code": Case(on_the_way(loaded), "4 of 10", on_the_way(all_compiled)),
    "child-libraries": Case(on_the_way(rewritten(ACTOR, '"with": 0', '"with": 127')), "status 127", natural),
    "memory-limit": Case(
        on_the_way(answered(ACTOR, {"megabytes": 400})),
        "it had 400 MB",
        on_the_way(answered(ACTOR, {"errorType": "Runtime.OutOfMemory", "errorMessage": "killed"}, **FAILED)),
    ),
    "error-names": Case(
        on_the_way(rewritten("DescribeExecution", "Sandbox.Timedout", "Lambda.Timeout")), "Lambda.Timeout", natural
    ),
    "throttled-function": Case(
        on_the_way(rewritten("DescribeExecution", "Lambda.TooManyRequestsException", "Lambda.Unknown")),
        "Lambda.Unknown",
        natural,
    ),
    "deleted-layer": Case(
        on_the_way(rewritten(ACTOR, '"failed": {}', '"failed": {"x": "ModuleNotFoundError"}')), "not imported", natural
    ),
    "cold-starts": Case(initialised_in(12_000), "longest 12000 ms", initialised_in(900)),
    "transitions": Case(on_the_way(slow_history), r"\d{3,} ms", natural),
    "retry-delays": Case(
        definition('"JitterStrategy": "FULL"', '"JitterStrategy": "NONE"'), "4 more, after 1", natural
    ),
    "machine-timeout": Case(
        definition(r', "TimeoutSeconds": 1\b', ""),
        "SUCCEEDED",
        on_the_way(rewritten("DescribeExecution", '"SUCCEEDED"', '"TIMED_OUT"')),
    ),
    "data-limit": Case(definition("262144", "9"), "States.ALL alone: SUCCEEDED", natural),
    "start-burst": Case(
        on_the_way(failed_with("StartExecution", "ThrottlingException", about="burst-7")), "refused", natural
    ),
    "redrive": Case(
        on_the_way(failed_with("RedriveExecution", "ExecutionNotRedrivable")), "refused", on_the_way(redriven)
    ),
    "stream-batches": Case(
        asked("provide-client-params.lambda.CreateEventSourceMapping", unsplit), "not taken: .*one", natural
    ),
    "rolled-back-alias": Case(
        on_the_way(rewritten("DescribeStacks", ">UPDATE_COMPLETE<", ">UPDATE_ROLLBACK_FAILED<")),
        "UPDATE_ROLLBACK_FAILED",
        natural,
    ),
    "insights": Case(
        on_the_way(failed_with("StartQuery", "MalformedQueryException", about="stats")), "Malformed", natural
    ),
    "metrics": Case(with_metric(False), "no metric", with_metric(True)),
    "alarms": Case(silent_alarms, "no notification", natural),
    "machine-log": Case(machine_lines("asst_verify"), "WITH the execution's data", machine_lines("")),
    "traces": Case(
        on_the_way(answered("/TraceSummaries", {"TraceSummaries": []})),
        "0 traces",
        on_the_way(answered("/TraceSummaries", {"TraceSummaries": [{"Id": "1-0-0"}]})),
    ),
}
