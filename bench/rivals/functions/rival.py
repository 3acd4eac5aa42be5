"""The rivals' functions: `ask`, `look` and `call` are the polling loop's, `block` does all in one."""

import json
import os
import time
import uuid
from functools import cache
from typing import Any

import boto3
import openai

Json = dict[str, Any]

PRICES = {"ACME": 182.4, "BRIO": 31.15, "CYAN": 77.02, "DUNE": 9.62, "EPIC": 240.0, "FERN": 55.5}
TOOLS: list[Any] = [
    {
        "type": "function",
        "name": "get_stock_price",
        "parameters": {"type": "object", "properties": {"symbol": {"type": "string"}}, "required": ["symbol"]},
    }
]


def ask(event: Json, context: Any) -> Json:
    """Take `{"thread_id", "text"?, "turns"?: [output items]}`; ask the model in the background."""
    if "text" in event:
        _put(event["thread_id"], "user", event["text"])
    turns = event.get("turns", [])
    response = _model().responses.create(
        model=os.environ["MODEL"], input=[*_messages(event["thread_id"]), *turns], tools=TOOLS, background=True
    )
    return {"thread_id": event["thread_id"], "response_id": response.id, "turns": turns, "status": "in_progress"}


def look(event: Json, context: Any) -> Json:
    """Look whether the model has answered, and store the answer."""
    response = _model().responses.retrieve(event["response_id"])
    if response.status != "completed":
        return event
    calls = [item.to_dict() for item in response.output if item.type == "function_call"]
    if calls:
        return {**event, "status": "call_tools", "turns": [*event["turns"], *calls], "calls": calls}
    _put(event["thread_id"], "assistant", response.output_text)
    return {**event, "status": "completed"}


def call(event: Json, context: Any) -> Json:
    """Carry out a call; its output as an item of the next request."""
    symbol = json.loads(event["arguments"])["symbol"]
    output = json.dumps({"symbol": symbol, "price": PRICES[symbol]})
    return {"type": "function_call_output", "call_id": event["call_id"], "output": output}


def block(event: Json, context: Any) -> Json:
    """A whole run: wait for the model, carry out its calls, and so on to the answer."""
    _put(event["thread_id"], "user", event["text"])
    turns: list[Any] = []
    while True:
        response = _model().responses.create(
            model=os.environ["MODEL"], input=[*_messages(event["thread_id"]), *turns], tools=TOOLS
        )
        calls = [item.to_dict() for item in response.output if item.type == "function_call"]
        if not calls:
            _put(event["thread_id"], "assistant", response.output_text)
            return {"text": response.output_text}
        turns += [*calls, *(call(made, context) for made in calls)]


def _messages(thread_id: str) -> list[Any]:
    page = _dynamodb().query(
        TableName=os.environ["TABLE"],
        KeyConditionExpression="thread_id = :thread",
        ExpressionAttributeValues={":thread": {"S": thread_id}},
        ScanIndexForward=False,
        Limit=100,
        ConsistentRead=True,
    )
    return [{"role": item["role"]["S"], "content": item["content"]["S"]} for item in reversed(page["Items"])]


def _put(thread_id: str, role: str, content: str) -> None:
    message_id = f"{int(time.time() * 1000):013d}{uuid.uuid4().hex}"
    item = {"thread_id": thread_id, "message_id": message_id, "role": role, "content": content}
    _dynamodb().put_item(TableName=os.environ["TABLE"], Item={name: {"S": value} for name, value in item.items()})


@cache
def _dynamodb() -> Any:
    return boto3.client("dynamodb")


@cache
def _model() -> openai.OpenAI:
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["MODEL_SECRET_ARN"])
    return openai.OpenAI(api_key=secret["SecretString"].strip(), base_url=os.environ["MODEL_BASE_URL"] or None)
