"""The tables of openai_assistant_engine, as it wrote them."""

import uuid
from typing import Any

from assistant_engine.domain.json_data import Json
from assistant_engine.store.items import marshal

ASSISTANT, THREAD = "asst_Nb7hCwkqvTV8FZhQxH4xk0aR", "thread_oDPcg5GS6GjD1VzMZ0kQ3Dq1"
GET_STOCK_PRICE = {"module_name": "finance", "class_name": "Finance", "function_name": "get_stock_price"}
KEYS = {
    "assistants": ("assistant_type", "assistant_id"),
    "threads": ("assistant_id", "thread_id"),
    "messages": ("thread_id", "message_id"),
    "tool_calls": ("run_id", "tool_call_id"),
    "fine_tuning_messages": ("assistant_id", "message_uuid"),
}


def at(second: int) -> str:
    """A moment as pynamodb's UTCDateTimeAttribute has it."""
    return f"2024-07-17T08:30:{second:02d}.123456+0000"


def seed() -> dict[str, list[Json]]:
    """What the first version of the engine wrote."""
    return {
        "assistants": [
            {
                "assistant_type": "conversation",
                "assistant_id": ASSISTANT,
                "assistant_name": "Analyst",
                "functions": [{**GET_STOCK_PRICE, "configuration": {"unit": "USD"}}],
                "updated_by": "ada",
                "created_at": at(0),
                "updated_at": at(1),
            }
        ],
        "threads": [
            {
                "assistant_id": ASSISTANT,
                "thread_id": THREAD,
                "runs": [
                    {"run_id": "run_pQ1", "usage": {"prompt_tokens": 30, "completion_tokens": 7, "total_tokens": 37}}
                ],
                "is_voice": False,
                "updated_by": "ada",
                "created_at": at(2),
                "updated_at": at(9),
            }
        ],
        "messages": [
            {
                "thread_id": THREAD,
                "message_id": "msg_zA",
                "role": "user",
                "message": "What is ACME worth?",
                "created_at": at(3),
            },
            {
                "thread_id": THREAD,
                "message_id": "msg_aB",
                "run_id": "run_pQ1",
                "role": "assistant",
                "message": "42 USD.",
                "created_at": at(8),
            },
        ],
    }


def later() -> dict[str, list[Json]]:
    """What its last version wrote in addition or otherwise."""
    tables = seed()
    tables["assistants"][0]["configuration"] = {"region": "us-east-1", "rate": 1}
    tables["threads"][0]["assistant_type"] = "conversation"
    tables["threads"][0]["runs"] = [
        {"run_id": "run_pQ1", "prompt_tokens": 30, "completion_tokens": 7, "total_tokens": 37}
    ]
    tables["tool_calls"] = [
        {
            "run_id": "run_pQ1",
            "tool_call_id": "call_7",
            "tool_type": "function",
            "name": "get_stock_price",
            "arguments": {"symbol": "ACME"},
            "content": "42",
            "created_at": at(5),
        }
    ]
    tables["fine_tuning_messages"] = [
        {
            "assistant_id": ASSISTANT,
            "message_uuid": str(n),
            "thread_id": THREAD,
            "timestamp": stamp,
            "role": "system",
            "content": text,
            "trained": False,
        }
        for n, (stamp, text) in enumerate([(1_721_205_000, "Newest."), (1_721_200_000, "Oldest.")])
    ]
    return tables


def plant(tables: dict[str, list[Json]], dynamodb: Any) -> str:
    """Make the tables of an earlier engine, with boto3's client; their prefix."""
    prefix = f"old-{uuid.uuid4().hex[:8]}-"
    for name, items in tables.items():
        dynamodb.create_table(
            TableName=prefix + name,
            KeySchema=[
                {"AttributeName": key, "KeyType": kind} for key, kind in zip(KEYS[name], ("HASH", "RANGE"), strict=True)
            ],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in KEYS[name]],
            BillingMode="PAY_PER_REQUEST",
        )
        for item in items:
            dynamodb.put_item(TableName=prefix + name, Item=marshal(item))
    return prefix
