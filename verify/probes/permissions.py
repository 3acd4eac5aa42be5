"""Probes of IAM's condition keys and of what S3 answers for an object that is missing.

A role of the probe's own has a copy of a deployed role's statements, and one more by which the probe sees that AWS
knows the role. AWS judges its calls; nothing is simulated.
"""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from verify.account import Account, Json
from verify.probe import Seen, Untried, probe
from verify.temporary import acting, statements_of

KNOWN_SECONDS = 60
DENIED = ("AccessDenied", "AccessDeniedException", "403")


def _answer(call: Callable[[], Any]) -> str:
    """`allowed`, `denied`, or another error's code."""
    try:
        call()
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        return "denied" if code in DENIED else code
    return "allowed"


def _wait_until_known(account: Account, call: Callable[[], Any]) -> None:
    if not account.until(lambda: _answer(call) == "allowed", KNOWN_SECONDS):
        raise Untried("AWS did not know the probe's own role within a minute")


@probe(
    does="A role that may read two prefixes and list one of them asks for a missing object below each.",
    expected="404 (NoSuchKey) where it may list the prefix, 403 (AccessDenied) where it may not.",
)
def missing_object(account: Account) -> Seen:
    bucket = account.outputs["Bucket"]
    arn = f"arn:{account.partition}:s3:::{bucket}"
    listing = {"StringLike": {"s3:prefix": ["verify/listed/*"]}}
    statements: list[Json] = [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{arn}/verify/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn, "Condition": listing},
    ]
    s3 = acting(account, "reader", statements)("s3")
    _wait_until_known(account, lambda: s3.list_objects_v2(Bucket=bucket, Prefix="verify/listed/x"))
    seen = {
        name: _answer(lambda key=name: s3.get_object(Bucket=bucket, Key=f"verify/{key}/none"))  # type: ignore[misc]
        for name in ("listed", "closed")
    }
    text = f"{seen['listed']} where it may list, {seen['closed']} where it may not"
    return Seen(text, seen == {"listed": "NoSuchKey", "closed": "denied"})


def _acting_as(account: Account, function: str) -> Any:
    """A client of DynamoDB that may do what a deployed function may."""
    table = f"arn:{account.partition}:dynamodb:{account.region}:{account.id}:table/{account.outputs['MessagesTable']}"
    known = {"Effect": "Allow", "Action": "dynamodb:DescribeTable", "Resource": table}
    client = acting(account, f"like-{function}"[:30], [*statements_of(account, function), known])("dynamodb")
    _wait_until_known(account, lambda: client.describe_table(TableName=account.outputs["MessagesTable"]))
    return client


@probe(
    does="A role with a copy of the ingestion's statements reads an item of a vector store, and one of a thread.",
    expected="dynamodb:LeadingKeys allows the first and denies the second.",
)
def leading_keys(account: Account) -> Seen:
    client, table = _acting_as(account, "ingestion"), account.outputs["MessagesTable"]

    def read(partition: str) -> str:
        key = {"thread_id": {"S": partition}, "message_id": {"S": "none"}}
        return _answer(lambda: client.get_item(TableName=table, Key=key))

    store, thread = read("vs_verify"), read("thread_verify")
    return Seen(f"vector store: {store}, thread: {thread}", (store, thread) == ("allowed", "denied"))


@probe(
    does="A role with a copy of the finance tool's statements reads a run's status, its instructions, and all of it.",
    expected="dynamodb:Attributes and dynamodb:Select allow the first and deny the others.",
)
def item_attributes(account: Account) -> Seen:
    client, table = _acting_as(account, "tool-finance"), account.outputs["MessagesTable"]
    key = {"thread_id": {"S": "thread_verify"}, "message_id": {"S": "run_verify"}}

    def read(**more: Any) -> str:
        return _answer(lambda: client.get_item(TableName=table, Key=key, **more))

    seen = {
        "status": read(ProjectionExpression="run_status, turn"),
        "instructions": read(ProjectionExpression="settings"),
        "all": read(),
    }
    text = ", ".join(f"{what}: {answer}" for what, answer in seen.items())
    return Seen(text, seen == {"status": "allowed", "instructions": "denied", "all": "denied"})
