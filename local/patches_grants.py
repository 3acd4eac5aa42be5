"""Has the emulator's services ask whether they may use each other.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom.
"""

import logging
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator  # type: ignore[import-untyped]
from ministack.core.arn import execute_api_arn  # type: ignore[import-untyped]
from ministack.core.responses import get_account_id, get_region  # type: ignore[import-untyped]
from ministack.services import apigateway_v1, eventbridge, lambda_svc  # type: ignore[import-untyped]
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

Json = Any

logger = logging.getLogger(__name__)

POLLING = {
    "sqs": ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"),
    "dynamodb": ("DescribeStream", "GetRecords", "GetShardIterator"),
}
"""What Lambda does with a function's role to a source that it polls: "Event source mappings", permissions."""


def apply() -> None:
    """Patch the emulator in this process, before it serves."""
    ask_whether_an_api_may_invoke_a_function()
    ask_whether_a_rule_may_invoke_a_function()
    ask_whether_a_function_may_poll_its_source()


def ask_whether_an_api_may_invoke_a_function() -> None:
    """A REST API invokes every function; AWS answers 500 where the function's policy doesn't let the API in."""
    proxy = apigateway_v1._invoke_lambda_proxy_v1

    async def invoke_if_allowed(
        integration: Json,
        api_id: str,
        stage: str,
        settings: Json,
        resource: Json,
        path: str,
        method: str,
        *args: Json,
        **more: Json,
    ) -> Json:
        reference = apigateway_v1._extract_lambda_ref_from_integration_uri(integration["uri"])
        own = execute_api_arn(get_region(), get_account_id(), api_id, stage, method, resource["path"])
        if not _lets_in(
            reference, "apigateway.amazonaws.com", lambda source: iam_evaluator.fnmatch_iam_cs(own, source)
        ):
            logger.warning("The policy of %s doesn't let the API %s in.", reference, api_id)
            return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
        return await proxy(integration, api_id, stage, settings, resource, path, method, *args, **more)

    apigateway_v1._invoke_lambda_proxy_v1 = invoke_if_allowed


def ask_whether_a_rule_may_invoke_a_function() -> None:
    """A rule invokes every function; on AWS the invocation fails where the function's policy doesn't let it in."""
    invoke = eventbridge._invoke_target

    def invoke_if_allowed(target: Json, event: Json, rule: Json, *args: Json, **more: Json) -> Json:
        arn, own = target.get("Arn", ""), rule.get("Arn", "")
        if (
            ":lambda:" in arn
            and ":rule/" in own
            and not _lets_in(arn, "events.amazonaws.com", lambda source: iam_evaluator.fnmatch_iam_cs(own, source))
        ):
            logger.warning("The policy of %s doesn't let the rule %s in.", arn, own)
            return None
        return invoke(target, event, rule, *args, **more)

    eventbridge._invoke_target = invoke_if_allowed


def _lets_in(function: str, service: str, is_source: Callable[[str], bool]) -> bool:
    """Return whether the policy of a function, or of its alias, lets a service invoke it for such a source."""
    name, qualifier = lambda_svc._resolve_name_and_qualifier(function)
    found = lambda_svc._functions.get(name)
    if found is None:
        return True  # The emulator says that there is none.
    for statement in found["policy"]["Statement"]:
        named = [
            value
            for keys in statement.get("Condition", {}).values()
            for key, value in keys.items()
            if key.lower() == "aws:sourcearn"
        ]
        if (
            (statement.get("Principal") or {}).get("Service") == service
            and ":".join(statement["Resource"].split(":")[7:]) == (qualifier or "")
            and all(map(is_source, named))
        ):
            return True
    return False


def ask_whether_a_function_may_poll_its_source() -> None:
    """A queue or a stream is read for a function whose role may not; AWS refuses to make such a mapping."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    create, create_from_template, update = lambda_svc._create_esm, handler["create"], handler["update"]

    def denied(properties: Json) -> str:
        source = properties.get("EventSourceArn", "")
        name, _ = lambda_svc._resolve_name_and_qualifier(properties.get("FunctionName", ""))
        function = lambda_svc._functions.get(name)
        service = source.split(":")[2] if source.count(":") > 2 else ""
        if function is None:
            return ""
        role = function["config"]["Role"]
        policies = iam_evaluator._gather_role_policies(role.rpartition("/")[2], get_account_id())
        for action in POLLING.get(service, ()):
            context = iam_evaluator.EvalContext(
                principal_arn=role,
                principal_type="AssumedRole",
                principal_account=get_account_id(),
                action=f"{service}:{action}",
                resource_arn=source,
                region=get_region(),
            )
            if iam_evaluator.evaluate(context, policies).decision != "Allow":
                return f"The function execution role does not have permissions to call {action} on {source}"
        return ""

    def create_if_allowed(properties: Json) -> Json:
        if message := denied(properties):
            return lambda_svc.error_response_json("InvalidParameterValueException", message, 400)
        return create(properties)

    def check(properties: Json) -> None:
        if message := denied(properties):
            raise ValueError(message)

    def create_checked(logical_id: str, properties: Json, stack: str) -> Json:
        check(properties)
        return create_from_template(logical_id, properties, stack)

    def update_checked(physical_id: str, old: Json, new: Json, stack: str) -> Json:
        check(new)
        return update(physical_id, old, new, stack)

    lambda_svc._create_esm = create_if_allowed
    handler.update(create=create_checked, update=update_checked)
