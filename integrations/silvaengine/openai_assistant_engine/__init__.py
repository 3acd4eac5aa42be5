"""Serves SilvaEngine as its module `openai_assistant_engine`: hands each call to the stack's GraphQL function.

`deploy()` says what there is to register. The setting `assistants_function_arn` (in `se-configdata`) names the
function: it is the stack's output GraphqlFunctionArn.
"""

import json
from decimal import Decimal
from typing import Any

import boto3
from botocore.config import Config

MODULE, CLASS = "openai_assistant_engine", "OpenaiAssistantEngine"
GRAPHQL, FIRST_GRAPHQL = "openai_assistant_graphql", "open_assistant_graphql"
FINE_TUNING = "async_insert_update_fine_tuning_messages"
QUERIES = (
    *("ping", "askOpenAi", "currentRun", "lastMessage", "liveMessages", "file", "files", "assistant", "assistantList"),
    *("thread", "threadList", "message", "messageList", "toolCall", "toolCallList", "asyncTask", "asyncTaskList"),
    *("fineTuningMessage", "fineTuningMessageList"),
)
MUTATIONS = (
    *("insertFile", "deleteFile", "insertUpdateAssistant", "deleteAssistant", "insertUpdateThread", "deleteThread"),
    *("insertUpdateMessage", "deleteMessage", "insertUpdateToolCall", "deleteToolCall", "insertUpdateAsyncTask"),
    *("deleteAsyncTask", "uploadFineTuneFile", "insertUpdateFineTuningMessages", "insertUpdateFineTuningMessage"),
    *("deleteFineTuningMessage", "submitToolOutputs", "cancelRun"),
)
_PASSED_ON = ("query", "variables", "operation_name", "connection_id", "task_uuid", "arguments")


def deploy() -> list[dict[str, Any]]:
    """Return what SilvaEngine registers: the functions of the class, and the operations of its GraphQL."""
    common = {"is_static": False, "support_methods": ["POST"], "is_auth_required": False, "settings": MODULE}
    operations = {
        kind: [{"action": name, "label": _label(name)} for name in names]
        for kind, names in (("query", QUERIES), ("mutation", MUTATIONS))
    }
    graphql = {**common, "label": "OpenAI Assistant GraphQL", "type": "RequestResponse", "is_graphql": True}
    tasks = {**common, "label": _label(FINE_TUNING), "type": "Event", "is_graphql": False}
    functions = {
        GRAPHQL: {**graphql, **operations},
        FIRST_GRAPHQL: {**graphql, **operations, "disabled_in_resources": True},
        FINE_TUNING: {**tasks, "disabled_in_resources": True},
    }
    return [{"service": "OpenAI Assistant Engine", "class": CLASS, "functions": functions}]


class OpenaiAssistantEngine:
    """Hands calls to the GraphQL function of the stack, and its answers back.

    Args:
        logger: SilvaEngine's; nothing is logged here.
        setting: `assistants_function_arn`; `project`, if it is not the default one; `region_name`, `aws_access_key_id`
            and `aws_secret_access_key`, if they are not those of the process.
    """

    def __init__(self, logger: Any, **setting: Any) -> None:
        self._setting = setting
        credentials = ("region_name", "aws_access_key_id", "aws_secret_access_key")
        # One attempt: a second one could ask a question twice.
        self._lambda = boto3.client(
            "lambda",
            config=Config(retries={"total_max_attempts": 1}),
            **{name: setting[name] for name in credentials if setting.get(name)},
        )

    def openai_assistant_graphql(self, **params: Any) -> str:
        """Return the answer to `query` with its `variables` and `operation_name`, as JSON text."""
        return self._invoke(GRAPHQL, params)

    open_assistant_graphql = openai_assistant_graphql
    """Its name in the first version."""

    def async_insert_update_fine_tuning_messages(self, **params: Any) -> str:
        """Make or weigh fine-tuning data: do what the mutation `insertUpdateFineTuningMessages` does."""
        return self._invoke(FINE_TUNING, params)

    def _invoke(self, function: str, params: dict[str, Any]) -> str:
        event = {
            "MODULENAME": MODULE,
            "CLASSNAME": CLASS,
            "funct": function,
            "setting": json.dumps({name: self._setting[name] for name in ("project",) if self._setting.get(name)}),
            "params": json.dumps({name: params[name] for name in _PASSED_ON if name in params}, default=_plain),
        }
        invoked = self._lambda.invoke(
            FunctionName=self._setting["assistants_function_arn"], Payload=json.dumps(event).encode()
        )
        payload = json.loads(invoked["Payload"].read())
        if "FunctionError" in invoked:
            raise RuntimeError(f"The function of the Assistants API failed: {payload.get('errorType')}")
        answer: str = payload
        return answer


def _label(name: str) -> str:
    """Return a name in words: `askOpenAi` as `Ask Open Ai`."""
    return "".join(f" {letter}" if letter.isupper() else letter for letter in name).replace("_", " ").title()


def _plain(value: Any) -> Any:
    """Return what SilvaEngine reads numbers as, a Decimal, as a number."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)
