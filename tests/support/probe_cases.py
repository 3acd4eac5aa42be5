"""For each probe, an AWS that differs from what is documented, and one that does as documented."""

from dataclasses import dataclass

from tests.support.plants import (
    ACTOR,
    CODE,
    SANDBOX,
    Change,
    all_compiled,
    asked,
    definition,
    expiring,
    function_failed,
    initialised_in,
    loaded,
    machine_lines,
    missing,
    natural,
    on_the_way,
    protected,
    recoverable,
    redriven,
    sandbox_failed,
    sandbox_said,
    shared_tenant,
    silent_alarms,
    slow_history,
    throttled_streams,
    unsplit,
    used,
    vectors,
    with_metric,
    with_rules,
    without_conditions,
)
from tests.support.wire import answered, failed_with, rewritten


@dataclass(frozen=True, slots=True)
class Case:
    """A probe, what makes AWS differ for it and by which words it is told, and what makes AWS do as documented.

    A change that is missing is none: the embedded AWS is like that by itself.
    """

    differs: Change
    words: str
    agrees: Change


CASES = {
    "speech": Case(
        on_the_way(answered("functions/[^/]+-speech/invocations", {"error": {"message": "there is no such voice"}})),
        "there is no such voice",
        natural,
    ),
    "streaming": Case(throttled_streams, "the API answered 500", natural),
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
        on_the_way(missing("verify/closed/")),
        "NoSuchKey where it may not",
        natural,
    ),
    "leading-keys": Case(without_conditions("ingestion"), "thread: allowed", natural),
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
    "runtime-sdk": Case(
        on_the_way(answered(ACTOR, {"version": "1.38.0", "vectors": False})), "1.38.0, S3 Vectors unknown", natural
    ),
    "layers": Case(on_the_way(loaded), "'numpy': 'ImportError'", natural),
    "byte-code": Case(on_the_way(loaded), "4 of 10", on_the_way(all_compiled)),
    "child-libraries": Case(on_the_way(rewritten(ACTOR, '"with": 0', '"with": 127')), "status 127", natural),
    "memory-limit": Case(
        on_the_way(answered(ACTOR, {"megabytes": 400})),
        "it had 400 MB",
        on_the_way(function_failed(ACTOR, "Runtime.OutOfMemory", "killed")),
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
    "memory-used": Case(used(120), "publish_run_events 120 of", used(90)),
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
