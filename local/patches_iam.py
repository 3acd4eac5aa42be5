"""Has the emulator deny what IAM denies.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom.
"""

import json
import logging
from typing import Any
from urllib.parse import unquote

from ministack.core import iam_actions, iam_evaluator, lambda_runtime  # type: ignore[import-untyped]
from ministack.core.router import extract_access_key_id, extract_region  # type: ignore[import-untyped]
from ministack.services import iam, s3  # type: ignore[import-untyped]

Json = Any

logger = logging.getLogger(__name__)


def apply() -> None:
    """Patch the emulator in this process, before it serves."""
    hide_missing_objects()
    name_the_role_of_a_session()
    deny_unknown_condition_keys()
    tell_which_function_asks()


def hide_missing_objects() -> None:
    """A missing object is a 404 for everybody; AWS says 403 to a principal that may not list the bucket.

    AWS asks for `s3:ListBucket` on the bucket with the object's key as `s3:prefix`. See "Permissions" of the API pages
    of GetObject, HeadObject and CopyObject.
    """
    handle = s3.handle_request

    async def handle_request(
        method: str, path: str, headers: Json, body: bytes, query: Json, *args: Json, **more: Json
    ) -> Json:
        answer = await handle(method, path, headers, body, query, *args, **more)
        if answer[0] != 404 or more.get("internal"):
            return answer
        sent = s3._merge_hoisted_amz_headers(headers, query)
        named = unquote(sent["x-amz-copy-source"].partition("?")[0]) if "x-amz-copy-source" in sent else path
        bucket, _, key = named.lstrip("/").partition("/")
        if not key or s3._bucket_owner_account(bucket) is None or b"NoSuchUpload" in answer[2]:
            return answer
        denied = iam_evaluator.enforce(
            extract_access_key_id(headers, query),
            "s3:ListBucket",
            "s3",
            extract_region(headers, query),
            resource_arn=f"arn:aws:s3:::{bucket}",
            service_context={"s3:prefix": key},
        )
        if not denied:
            return answer
        status, answered, text = iam_actions.access_denied_response(
            "s3", "s3:ListBucket", denied.principal_arn, "", resource_arn=f"arn:aws:s3:::{bucket}"
        )
        return status, answered, b"" if method == "HEAD" else text

    s3.handle_request = handle_request


def name_the_role_of_a_session() -> None:
    """`aws:PrincipalArn` of a session is the session's ARN; on AWS it is its role's, which policies name."""
    resolve = iam_evaluator._resolve_condition_key

    def resolve_role(key: str, context: Json) -> Json:
        if key.lower() == "aws:principalarn" and ":assumed-role/" in context.principal_arn:
            role = iam._roles.get(context.principal_arn.split("/")[1])
            return role["Arn"] if role else None
        return resolve(key, context)

    iam_evaluator._resolve_condition_key = resolve_role


def deny_unknown_condition_keys() -> None:
    """A condition on a key that the emulator never sets is taken for one on an absent key, which may be met.

    Here a statement that allows doesn't apply then, and one that denies does; the log names the key.
    """
    conditions_met, trusts = iam_evaluator._conditions_met, iam_evaluator.evaluate_trust_policy

    def first_match(context: Json, statements: Json, effect: str) -> Json:
        for statement in statements:
            if (
                statement.effect == effect
                and iam_evaluator._action_matches(context.action, statement.actions, statement.not_actions)
                and iam_evaluator._resource_matches(context.resource_arn, statement.resources, statement.not_resources)
            ):
                unknown = _unknown_keys(statement.conditions, context)
                if effect == "Deny" if unknown else conditions_met(statement.conditions, context):
                    return statement
        return None

    def evaluate_trust_policy(document: Json, caller_arn: str, context: Json = None) -> bool:
        parsed = json.loads(document) if isinstance(document, str) else document
        statements = parsed.get("Statement", [])
        for statement in [statements] if isinstance(statements, dict) else statements:
            if _unknown_keys(statement.get("Condition", {}), context):
                return False
        return bool(trusts(document, caller_arn, context))

    iam_evaluator._first_match = first_match
    iam_evaluator.evaluate_trust_policy = evaluate_trust_policy


_KNOWN_KEYS = {
    *("aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:principalorgid", "aws:userid"),
    *("aws:username", "aws:multifactorauthpresent", "aws:tokenissuetime", "aws:currenttime", "aws:epochtime"),
    *("aws:requestedregion", "aws:securetransport", "aws:sourceip", "aws:tagkeys", "aws:resourceaccount"),
    *("aws:sourcearn", "aws:sourceaccount", "aws:sourcevpc", "aws:sourcevpce"),
    *("s3:resourceaccount", "s3:prefix", "s3:delimiter", "s3:max-keys", "s3:x-amz-server-side-encryption"),
    *("s3:x-amz-acl", "s3:dataaccesspointarn", "s3:dataaccesspointaccount", "s3:accesspointnetworkorigin"),
    *("dynamodb:leadingkeys", "dynamodb:attributes", "dynamodb:select", "dynamodb:enclosingoperation"),
    *("dynamodb:returnvalues", "lambda:sourcefunctionarn", "lambda:functionurlauthtype"),
    *("sts:externalid", "sts:rolesessionname"),
}
_KNOWN_PREFIXES = (
    "aws:requesttag/",
    "aws:principaltag/",
    "aws:resourcetag/",
    "s3:existingobjecttag/",
    "s3:x-amz-grant-",
)


def _unknown_keys(conditions: Json, context: Json) -> list[str]:
    """The keys of a statement's conditions that nothing here sets."""
    named = {key for keys in (conditions or {}).values() if isinstance(keys, dict) for key in keys}
    given = {*context.service_context, *context.principal_keys} if context else set()
    known = _KNOWN_KEYS | given
    unknown = [key for key in named if key.lower() not in known and not key.lower().startswith(_KNOWN_PREFIXES)]
    if unknown:
        logger.warning("IAM: the condition keys %s are not evaluated here: what they allow is denied.", unknown)
    return unknown


def tell_which_function_asks() -> None:
    """`lambda:SourceFunctionArn` is in no request: a policy can't tell a function from Lambda using its role."""
    give, principal_keys = lambda_runtime.execution_credentials, iam_evaluator._principal_keys
    functions: dict[str, str] = {}

    def execution_credentials(config: Json) -> Json:
        given = give(config)
        functions[given["AWS_ACCESS_KEY_ID"]] = ":".join(config.get("FunctionArn", "").split(":")[:7])
        return given

    def keys_with_function(credential: Json) -> Json:
        keys = principal_keys(credential)
        if credential.access_key_id in functions:
            keys["lambda:sourcefunctionarn"] = functions[credential.access_key_id]
        return keys

    lambda_runtime.execution_credentials = execution_credentials
    iam_evaluator._principal_keys = keys_with_function
