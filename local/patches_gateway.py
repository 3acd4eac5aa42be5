"""Has the emulator's HTTP APIs leave to the integration what AWS leaves to it.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom.
"""

from typing import Any

from ministack.services import apigateway  # type: ignore[import-untyped]

Json = Any


def apply() -> None:
    """Patch the emulator in this process, before it serves."""
    route_preflights_where_no_cors_is_configured()


class _Routed(str):
    """A method that is routed like any other one: it equals none that the emulator answers itself."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return False


def route_preflights_where_no_cors_is_configured() -> None:
    """An OPTIONS request is refused with a 403 before it reaches a route `ANY`.

    API Gateway answers OPTIONS by itself only where the API has a CORS configuration
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html).
    """
    execute = apigateway._handle_execute_in_scope

    async def execute_routed(api_id: str, stage: str, path: str, method: str, *more: Json) -> Json:
        if method == "OPTIONS" and not (apigateway._apis.get(api_id) or {}).get("corsConfiguration"):
            method = _Routed(method)
        return await execute(api_id, stage, path, method, *more)

    apigateway._handle_execute_in_scope = execute_routed
