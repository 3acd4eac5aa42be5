"""Has the emulator wait for nothing in vain.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom.
"""

import asyncio
import time
import types
from contextlib import suppress
from functools import lru_cache
from typing import Any

import jsonata  # type: ignore[import-untyped]
from ministack.core import iam_evaluator  # type: ignore[import-untyped]
from ministack.core.responses import _account_from_sts_session, get_account_id  # type: ignore[import-untyped]
from ministack.core.router import extract_access_key_id  # type: ignore[import-untyped]
from ministack.services import cloudformation, dynamodb, sqs  # type: ignore[import-untyped]
from ministack.services import stepfunctions as sfn

Json = Any

MAX_SECONDS_TO_DESCRIBE = 4
"""Less than what any client waits for an answer."""

MAX_EXPRESSIONS = 1_000
"""More than the functions' code and the tests have."""
MAX_POLICIES = 1_000
"""More than a few stacks have."""


def apply() -> None:
    """Patch the emulator."""
    describe_a_stack_when_its_operation_has_ended()
    start_executions_at_once()
    read_an_expression_once()
    parse_a_state_s_expression_once()
    forget_sent_messages_in_order()
    name_a_caller_without_its_policies()
    parse_a_policy_once()


def describe_a_stack_when_its_operation_has_ended() -> None:
    """The CDK CLI looks every 5 s whether a deployment of 2 s has ended: a bootstrap and a deployment take 10 s more.

    An answer that takes a few seconds is within what AWS does.
    """
    handle = cloudformation.handle_request

    async def handle_when_settled(method: str, path: str, headers: Json, body: bytes, query: Json) -> Json:
        deadline = time.monotonic() + MAX_SECONDS_TO_DESCRIBE
        describes = b"Action=DescribeStacks&" in body and b"StackName=" in body
        while True:
            answer = await handle(method, path, headers, body, query)
            if not describes or b"_IN_PROGRESS</StackStatus>" not in answer[2] or time.monotonic() > deadline:
                return answer
            await asyncio.sleep(0.05)

    cloudformation.handle_request = handle_when_settled


def start_executions_at_once() -> None:
    """Every execution starts with a sleep of 0.15 s."""

    def sleep(seconds: float) -> None:
        if seconds != 0.15:  # As no other wait of the module is.
            time.sleep(seconds)

    sfn.time = types.SimpleNamespace(**{**vars(time), "sleep": sleep})


def read_an_expression_once() -> None:
    """A query reads its key condition anew for each item of the partition: a third of the emulator's work.

    What is kept depends on the expression alone.
    """
    tokens_of = lru_cache(MAX_EXPRESSIONS)(dynamodb._tokenize)
    dynamodb._condition_syntax_error = lru_cache(MAX_EXPRESSIONS)(dynamodb._condition_syntax_error)
    # Its callers may change the list that they get.
    dynamodb._tokenize = lambda expression: list(tokens_of(expression))


def parse_a_state_s_expression_once() -> None:
    """Each execution makes a parser, and each state parses its expressions anew.

    The syntax tree depends on the expression alone, and an evaluation only reads it.
    """
    parse = lru_cache(MAX_EXPRESSIONS)(lambda *expression: jsonata.parser.Parser().parse(*expression))

    class Parser(jsonata.parser.Parser):  # type: ignore[misc]
        def parse(self, *expression: Json) -> Json:
            return parse(*expression)

    shared = Parser()
    jsonata.Jsonata.get_parser = staticmethod(lambda: shared)


def forget_sent_messages_in_order() -> None:
    """Each message to a FIFO queue looks through all those of the last five minutes, though the oldest come first."""

    def prune(queue: Json) -> None:
        sent, now = queue["dedup_cache"], time.time()
        while sent and sent[first := next(iter(sent))]["expire"] <= now:
            del sent[first]

    sqs._prune_dedup = prune


def name_a_caller_without_its_policies() -> None:
    """The policies of a caller are read once to evaluate them, and once more only to know its name."""

    def request_caller_arn(headers: Json, query: Json = None) -> str:
        account = get_account_id()
        with suppress(iam_evaluator.AmbiguousAccessKeyError):
            if key := extract_access_key_id(headers or {}, query or {}):
                found = iam_evaluator.resolve_credential(key, _account_from_sts_session(key) or account)
                if not isinstance(found, iam_evaluator.CredentialResolutionError) and found.principal_arn:
                    return str(found.principal_arn)
        return f"arn:aws:iam::{account}:root"

    iam_evaluator.request_caller_arn = request_caller_arn


def parse_a_policy_once() -> None:
    """The policies of a role are parsed for each item of each request."""
    parse = iam_evaluator.parse_policy_document
    parsed: dict[str, Json] = {}

    def parse_policy_document(document: Json) -> Json:
        text = repr(document)  # All that the result depends on: a document may be changed where it is.
        if text not in parsed:
            if len(parsed) >= MAX_POLICIES:
                parsed.clear()
            parsed[text] = parse(document)
        return parsed[text]

    iam_evaluator.parse_policy_document = parse_policy_document
