"""Has an API keep its address in the next start of the emulator.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom.
"""

import contextvars
import hashlib
from typing import Any

from ministack.services import apigateway, apigateway_v1  # type: ignore[import-untyped]
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

Json = Any

_ID_CHARACTERS = 10
"""As AWS's ids of APIs have."""

_id: contextvars.ContextVar[str] = contextvars.ContextVar("id", default="")


def apply() -> None:
    """Patch the emulator in this process, before it serves."""
    derive_the_id_of_an_api_from_its_place_in_the_stack()


def derive_the_id_of_an_api_from_its_place_in_the_stack() -> None:
    """Each deployment into a new emulator gives an API a new address, which every client has to be told.

    AWS's ids are random, but its stacks live for years. An API that replaces another gets a random id here, too.
    """
    for kind in ("AWS::ApiGatewayV2::Api", "AWS::ApiGateway::RestApi"):
        handler = provisioners._RESOURCE_HANDLERS[kind]
        handler["create"] = _with_id(handler["create"])
    given_to_http, given_to_rest = apigateway._resolve_custom_api_id, apigateway_v1._resolve_custom_rest_api_id

    def of_http_api(tags: Json, existing: Json) -> str | None:
        given: str | None = given_to_http(tags, existing)
        return given or (_id.get() if _id.get() not in existing else "") or None

    def of_rest_api(tags: Json) -> Json:
        given, error = given_to_rest(tags)
        return given or (_id.get() if _id.get() not in apigateway_v1._rest_apis else "") or None, error

    apigateway._resolve_custom_api_id = of_http_api
    apigateway_v1._resolve_custom_rest_api_id = of_rest_api


def _with_id(create: Any) -> Any:
    def create_with_id(logical_id: str, properties: Json, stack_name: str) -> Json:
        digest = hashlib.sha256(f"{stack_name}/{logical_id}".encode()).hexdigest()
        token = _id.set(digest[:_ID_CHARACTERS])
        try:
            return create(logical_id, properties, stack_name)
        finally:
            _id.reset(token)

    return create_with_id
