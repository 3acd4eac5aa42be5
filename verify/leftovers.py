"""Removes what an earlier run left when it was killed: everything named `<prefix>-verify-...`."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from assistants import keys
from verify.account import Account
from verify.temporary import remove_role


def remove_leftovers(account: Account) -> list[str]:
    """Remove them; what could not be removed, and why."""
    for what, undo in _found(account, f"{account.prefix}-verify-"):
        account.later(what, undo)
    return account.clean_up()


def _found(account: Account, prefix: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what there is, in the order in which it is made: `clean_up` goes backwards."""
    iam, functions, machines = account.client("iam"), account.client("lambda"), account.client("stepfunctions")
    tables, logs, stacks = account.client("dynamodb"), account.client("logs"), account.client("cloudformation")

    def names(client: Any, operation: str, key: str, name: str, **where: str) -> list[str]:
        pages = client.get_paginator(operation).paginate(**where)
        found = [one if isinstance(one, str) else one[name] for page in pages for one in page[key]]
        return [one for one in found if prefix in one]

    secrets, secret = account.client("secretsmanager"), account.outputs["ApiKeysSecret"]
    for key in keys.read(secrets, secret):
        if key["name"].startswith(prefix):
            yield f"key {key['name']}", partial(keys.revoke, secrets, secret, key["name"])
    for role in names(iam, "list_roles", "Roles", "RoleName"):
        yield f"role {role}", partial(remove_role, iam, role)
    group_prefix = f"/aws/lambda/{prefix}"
    for group in names(logs, "describe_log_groups", "logGroups", "logGroupName", logGroupNamePrefix=group_prefix):
        yield f"log group {group}", partial(logs.delete_log_group, logGroupName=group)
    for table in names(tables, "list_tables", "TableNames", ""):
        yield f"table {table}", partial(tables.delete_table, TableName=table)
    for name in names(functions, "list_functions", "Functions", "FunctionName"):
        yield f"function {name}", partial(functions.delete_function, FunctionName=name)
    for mapping in functions.get_paginator("list_event_source_mappings").paginate():
        for one in mapping["EventSourceMappings"]:
            if prefix in one.get("FunctionArn", ""):
                yield "a stream's mapping", partial(functions.delete_event_source_mapping, UUID=one["UUID"])
    for arn in names(machines, "list_state_machines", "stateMachines", "stateMachineArn"):
        yield f"state machine {arn}", partial(machines.delete_state_machine, stateMachineArn=arn)
    for stack in names(stacks, "describe_stacks", "Stacks", "StackName"):
        yield f"stack {stack}", partial(stacks.delete_stack, StackName=stack)
