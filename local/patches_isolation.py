"""Has the emulator keep apart what AWS keeps apart: tenants of a function, and its network.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom.
"""

import contextvars
from typing import Any

from ministack.services import lambda_svc  # type: ignore[import-untyped]
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

Json = Any

tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="")
"""The tenant that the current invocation is for; empty for a function without tenants."""


def apply() -> None:
    """Patch the emulator."""
    keep_tenancy()
    want_a_tenant_where_there_are_tenants()


def keep_tenancy() -> None:
    """`TenancyConfig` of a function is dropped by CloudFormation: DescribeFunction and Invoke know nothing of it."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    create = handler["create"]

    def create_with_tenancy(logical_id: str, properties: Json, stack: str) -> Json:
        name, attributes = create(logical_id, properties, stack)
        if "TenancyConfig" in properties:
            lambda_svc._functions[name]["config"]["TenancyConfig"] = properties["TenancyConfig"]
        return name, attributes

    handler["create"] = create_with_tenancy


def want_a_tenant_where_there_are_tenants() -> None:
    """A function that needs a tenant is invoked without one, and one that takes none is invoked with it."""
    invoke = lambda_svc._invoke

    async def invoke_for_tenant(name: str, event: Json, headers: Json, *more: Json) -> Json:
        named = {key.lower(): value for key, value in headers.items()}.get("x-amz-tenant-id", "")
        function = lambda_svc._functions.get(name)
        if function and ("TenancyConfig" in function["config"]) != bool(named):
            return lambda_svc.error_response_json(
                "InvalidParameterValueException",
                "A tenant ID is required by, and allowed for, functions with tenant isolation only.",
                400,
            )
        tenant.set(named)
        return await invoke(name, event, headers, *more)

    lambda_svc._invoke = invoke_for_tenant
