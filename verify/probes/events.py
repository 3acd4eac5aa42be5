"""Probes of how Lambda reads the stream of a table."""

import json
import time

from verify.account import Account
from verify.probe import Seen, Untried, probe
from verify.temporary import function

ITEMS = ["one", "two", "three", "poison", "four", "five"]


@probe(
    does="A table of the probe's own, six items, and a function that fails for each batch with one of them.",
    expected="Batches that fail are split until that item is alone and given up; all others are taken.",
)
def stream_batches(account: Account) -> Seen:
    tables, functions = account.client("dynamodb"), account.client("lambda")
    table, reader = f"{account.own_prefix}-stream", function(account, "reader")
    account.later(f"table {table}", lambda: tables.delete_table(TableName=table))
    tables.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("partition", "id")],
        KeySchema=[{"AttributeName": "partition", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    tables.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    stream = tables.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    for item in ITEMS:
        tables.put_item(TableName=table, Item={"partition": {"S": "all"}, "id": {"S": item}})
    mapping = functions.create_event_source_mapping(
        EventSourceArn=stream,
        FunctionName=reader,
        StartingPosition="TRIM_HORIZON",
        BatchSize=10,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
    )["UUID"]
    account.later("the stream's mapping", lambda: functions.delete_event_source_mapping(UUID=mapping))
    since = int((time.time() - 60) * 1000)

    def batches() -> list[list[str]]:
        logs = account.client("logs")
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{reader}", startTime=since)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        lines = [event["message"] for event in events if '"batch"' in event["message"]]
        return [json.loads(line[line.index("{") : line.rindex("}") + 1])["batch"] for line in lines]

    def complete() -> list[list[str]]:
        found = batches()
        taken = {item for batch in found if "poison" not in batch for item in batch}
        return found if len(taken) == len(ITEMS) - 1 and ["poison"] in found else []

    account.until(complete, 240, every=5)
    seen = batches()
    if not seen:
        raise Untried("no batch was delivered within four minutes")
    taken = {item for batch in seen if "poison" not in batch for item in batch}
    missing = sorted(set(ITEMS) - {"poison"} - taken)
    text = f"{len(seen)} batches of {'/'.join(str(len(batch)) for batch in seen)} items"
    if missing:
        return Seen(f"{text}; not taken: {', '.join(missing)}", False)
    return Seen(f"{text}; the one that fails was {'' if ['poison'] in seen else 'never '}alone", ["poison"] in seen)
