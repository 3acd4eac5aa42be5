"""Probes of the code interpreter's sandbox: what Lambda's kernel and network let its code do.

They run in the deployed sandbox: through its broker as a call of a model does, or by invoking it directly.
"""

import json
import re
import time
import uuid
from functools import cache

from botocore.config import Config

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.project import DEFAULT_PROJECT
from verify.account import Account, Json
from verify.probe import Seen, Untried, probe
from verify.temporary import told

EXAMINATION = """
import re, socket
status = open("/proc/self/status").read()
def field(name):
    found = re.search(name + r":\\s*(\\d+)", status)
    return found[1] if found else "none"
def attempt(family):
    try:
        socket.socket(family).close()
        return "open"
    except OSError as error:
        return "refused" if error.errno == 1 else f"error-{error.errno}"
score = open("/proc/self/oom_score_adj").read().strip()
print(f"seccomp={field('Seccomp')} privileges={field('NoNewPrivs')} oom={score} socket={attempt(socket.AF_INET)}")
"""

# The code ends the interpreter, so that the sandbox doesn't store a session: its address would have to be signed.
LEAVE = "\nimport os, sys; sys.stdout.flush(); os._exit(3)"

ENVIRONMENT = """
import os, time
parent = os.getppid()
started = open(f"/proc/{parent}/stat").read().rpartition(")")[2].split()[19]
boot = open("/proc/sys/kernel/random/boot_id").read().strip()
print(f"environment={parent}/{started}/{boot}")
"""

LEFT_BEHIND = """
import os, tempfile
print(f"left={sum(name != 'call' for name in os.listdir(tempfile.gettempdir()))}")
"""

GIVEN = "import os; print(f'given={os.path.exists(\"/mnt/data/probe\")}')"


def _called(account: Account, code: str) -> str:
    """Return what code prints that runs as a call of a model on a thread of its own."""
    thread = f"thread_verify{uuid.uuid4().hex}"
    account.later(f"objects of {thread}", lambda: _remove_objects(account, f"sandbox/{thread}/"))
    run_id = ids.new_id("run_", Milliseconds(int(time.time() * 1000)))
    _wait_for_call(account, thread, run_id)
    call = {
        "thread_id": thread,
        "run_id": run_id,
        "turn": 0,
        "tool_call_id": "call_1",
        "function_name": "code_interpreter",
        "arguments": json.dumps({"code": code}),
        "inline_bytes": 100_000,
        "most_bytes": 500_000,
        "file_ids": [],
        "project": DEFAULT_PROJECT,
        "seconds": None,
    }
    answer = told(account, account.name("tool-code_interpreter"), call)
    output = str(answer.get("result", answer).get("output", answer))
    if not output.startswith("{"):
        raise Untried(f"the code interpreter answered {output[:200]}")
    return str(json.loads(output)["logs"])


def _wait_for_call(account: Account, thread: str, run_id: str) -> None:
    """Put what the broker looks at: a run that waits for the first turn's calls. It is no run to anything else."""
    key = {"thread_id": {"S": thread}, "message_id": {"S": run_id}}
    waits = {"run_status": {"S": "in_progress"}, "turn": {"N": "1"}, "expires_at": {"N": str(int(time.time()) + 600)}}
    client, table = account.client("dynamodb"), account.outputs["MessagesTable"]
    account.later(f"item {run_id}", lambda: client.delete_item(TableName=table, Key=key))
    client.put_item(TableName=table, Item={**key, **waits})


def _run_directly(account: Account, code: str, tenant: str, files: list[Json] | None = None) -> str:
    """Return all that the sandbox answers, invoked directly for a tenant; the code must end with LEAVE."""
    return json.dumps(told(account, account.name("sandbox"), event_of(code, files or []), TenantId=tenant))


def event_of(code: str, files: list[Json]) -> Json:
    """Return an event of the sandbox as the code interpreter sends it, without what would have to be signed."""
    return {
        "code": code,
        "seconds": 30,
        "files": files,
        "session": {"get": None, "put": ""},
        "outputs": [],
        "stop": "",
        "libraries": [],
    }


def file_at(url: str) -> Json:
    """Return a file as the code interpreter gives it to the sandbox."""
    return {"id": "file-probe", "name": "probe", "url": url}


def _reached(account: Account, url: str, closed: str) -> tuple[str, bool]:
    """Return what the sandbox says of a file at an address, and whether that matches what a closed network says."""
    answer = _run_directly(account, GIVEN + LEAVE, account.own_prefix, [file_at(url)])
    return answer[:300], bool(re.search(closed, answer))


def _remove_objects(account: Account, prefix: str) -> None:
    s3, bucket = account.client("s3"), account.outputs["Bucket"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=found["Key"])


@cache
def _examined(account: Account) -> dict[str, str]:
    """Return what the sandbox's code finds of its own confinement."""
    printed = _called(account, EXAMINATION)
    found = dict(re.findall(r"(\w+)=([\w-]+)", printed))
    if "seccomp" not in found:
        raise Untried(f"the code printed {printed[:200]}")
    return found


@probe(
    does="Code in the deployed sandbox reads /proc/self/status.",
    expected="Seccomp 2: the kernel took the filter of system calls.",
)
def sandbox_filter(account: Account) -> Seen:
    found = _examined(account)
    text = f"Seccomp {found['seccomp']}, NoNewPrivs {found['privileges']}"
    return Seen(text, found["seccomp"] == "2" and found["privileges"] == "1")


@probe(
    does="Code in the deployed sandbox reads /proc/self/oom_score_adj.",
    expected="1000: the kernel ends the code first when memory runs out.",
)
def sandbox_oom_score(account: Account) -> Seen:
    score = _examined(account)["oom"]
    return Seen(f"oom_score_adj {score}", score == "1000")


@probe(
    does="Code in the deployed sandbox makes a socket of the family AF_INET.",
    expected="EPERM.",
)
def sandbox_socket(account: Account) -> Seen:
    found = _examined(account)["socket"]
    return Seen(f"the socket is {found}", found == "refused")


@probe(
    does="The sandbox itself, invoked directly and without a filter on its own calls, is given https://example.com/.",
    expected="The name is not resolved: DNS answers for the bucket alone.",
)
def sandbox_dns(account: Account) -> Seen:
    answer, closed = _reached(account, "https://example.com/", r"\[Errno -\d+\]|not known|[Nn]o address")
    return Seen("no address for the name" if closed else f"the name was resolved: {answer}", closed)


@probe(
    does="The sandbox itself, invoked directly, is given https://1.1.1.1/. Takes a minute.",
    expected="No connection: the subnets have no route, and the security group lets out to S3 alone.",
)
def sandbox_internet(account: Account) -> Seen:
    answer, closed = _reached(account, "https://1.1.1.1/", "timed out|unreachable|No route|refused")
    return Seen("no connection" if closed else f"there was a connection: {answer}", closed)


@probe(
    does="The sandbox, invoked directly, is given an object by an address that this command's caller signed.",
    expected="The gateway endpoint refuses it: it lets through what the broker signed.",
)
def endpoint_policy(account: Account) -> Seen:
    bucket, key = account.outputs["Bucket"], f"sandbox/{account.own_prefix}/probe"
    account.later(f"object {key}", lambda: account.client("s3").delete_object(Bucket=bucket, Key=key))
    account.client("s3").put_object(Bucket=bucket, Key=key, Body=b"probe")
    # The regional host: the only one that the sandbox resolves.
    config = Config(
        signature_version="s3v4", s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
    )
    url = account.make_client("s3", config=config).generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=300
    )
    answer = _run_directly(account, GIVEN + LEAVE, account.own_prefix, [file_at(url)])
    if "given=True" in answer:
        return Seen("the object came through", False)
    if "given=False" in answer or "403" in answer:
        return Seen("refused with 403", True)
    raise Untried(f"the sandbox answered {answer[:300]}")


@probe(
    does="The deployed sandbox is invoked for two tenants in turn; code tells environments by their runtime's process.",
    expected="The tenants never share an environment.",
)
def tenant_isolation(account: Account) -> Seen:
    one, other = f"{account.own_prefix}-one", f"{account.own_prefix}-other"
    seen = []
    for tenant in (one, other, one, other):
        answer = _run_directly(account, ENVIRONMENT + LEAVE, tenant)
        found = re.search(r"environment=([\w/.-]+)", answer)
        if not found:
            raise Untried(f"the sandbox answered {answer[:200]}")
        seen.append(found[1])
    again = sum(seen[n] == seen[n + 2] for n in (0, 1))
    if {seen[0], seen[2]} & {seen[1], seen[3]}:
        return Seen("two tenants ran in one environment", False)
    text = f"4 calls of 2 tenants in {len(set(seen))} environments; {again} of 2 tenants came back to theirs"
    return Seen(text, True)


@probe(
    does="The first call of a new tenant lists /tmp.",
    expected="Nothing is in it but the folder that the sandbox made for the call.",
)
def tmp_empty(account: Account) -> Seen:
    answer = _run_directly(account, LEFT_BEHIND + LEAVE, f"{account.own_prefix}-new")
    found = re.search(r"left=(\d+)", answer)
    if not found:
        raise Untried(f"the sandbox answered {answer[:200]}")
    return Seen(f"{found[1]} other entries in the temporary folder", found[1] == "0")
