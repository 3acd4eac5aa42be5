"""Gives the emulator networks: without them, a function in a VPC reaches everything.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom. Here a request of
a function's process passes what its VPC has on the way to AWS: DNS Firewall, security groups, routes and the gateway
endpoint's policy. This needs Linux's /proc.
"""

import contextvars
import logging
import os
import re
import subprocess
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import psutil
from ministack import app as gateway  # type: ignore[import-untyped]
from ministack.core import iam_evaluator  # type: ignore[import-untyped]
from ministack.core.responses import get_account_id, get_region  # type: ignore[import-untyped]
from ministack.core.router import detect_service  # type: ignore[import-untyped]
from ministack.services import cloudformation, ec2, lambda_svc  # type: ignore[import-untyped]
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

from local import sockets

Json = Any

logger = logging.getLogger(__name__)


def apply() -> None:
    """Patch the emulator in this process, before it serves."""
    accept_a_dns_firewall()
    keep_the_vpc_of_a_function()
    note_the_processes_of_functions()
    lead_functions_through_their_vpc()
    evaluate_the_endpoint_policy()


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """The gateway endpoint that a request takes to S3."""

    id: str
    vpc: str
    policy: Json


class _Unreachable(Exception):
    """There is no way from a function to where its request goes."""


_endpoint: contextvars.ContextVar[_Endpoint | None] = contextvars.ContextVar("endpoint", default=None)
_functions: dict[int, str] = {}
"""The names of functions in a VPC by the processes that run them."""


def accept_a_dns_firewall() -> None:
    """CloudFormation knows no resources of Route 53 Resolver's DNS Firewall. What they say is read from the stack."""

    def create(logical_id: str, properties: Json, stack: str) -> tuple[str, Json]:
        return f"rslvr-{stack}-{logical_id}", {"Id": f"rslvr-{stack}-{logical_id}"}

    for kind in ("FirewallDomainList", "FirewallRuleGroup", "FirewallRuleGroupAssociation"):
        provisioners._RESOURCE_HANDLERS[f"AWS::Route53Resolver::{kind}"] = {
            "create": create,
            "update": lambda physical_id, *rest: (physical_id, {"Id": physical_id}),
            "delete": lambda physical_id, properties: None,
        }


def keep_the_vpc_of_a_function() -> None:
    """`VpcConfig` of a function is dropped by CloudFormation."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    create, update = handler["create"], handler["update"]

    def place(name: str, properties: Json) -> None:
        lambda_svc._functions[name]["config"]["VpcConfig"] = lambda_svc._vpc_config_with_id(properties.get("VpcConfig"))

    def create_in_vpc(logical_id: str, properties: Json, stack: str) -> Json:
        name, attributes = create(logical_id, properties, stack)
        place(name, properties)
        return name, attributes

    def update_in_vpc(physical_id: str, old: Json, new: Json, *more: Json) -> Json:
        name, attributes = update(physical_id, old, new, *more)
        place(name, new)
        return name, attributes

    handler.update(create=create_in_vpc, update=update_in_vpc)


def note_the_processes_of_functions() -> None:
    """Nothing tells from which function a connection comes."""
    start = subprocess.Popen.__init__

    def start_and_note(self: Json, *args: Json, **more: Json) -> None:
        start(self, *args, **more)
        name = (more.get("env") or {}).get("AWS_LAMBDA_FUNCTION_NAME")
        if name and _subnets(_config(name)):
            _functions[self.pid] = name

    subprocess.Popen.__init__ = start_and_note  # type: ignore[method-assign]


def lead_functions_through_their_vpc() -> None:
    """A function in a VPC without a way out reaches every service."""
    serve = gateway.app

    async def app(scope: Json, receive: Json, send: Json) -> None:
        function = _function_in_a_vpc(scope) if scope["type"] == "http" else None
        if function is None:
            await serve(scope, receive, send)
            return
        try:
            _endpoint.set(_way(function["VpcConfig"], _host(scope)))
        except _Unreachable as reason:
            logger.warning("%s, in its VPC, has no way to %s: %s.", function["FunctionName"], _host(scope), reason)
            await send({"type": "http.response.start", "status": 503, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": f"No way to {_host(scope)}: {reason}.".encode()})
            return
        await serve(scope, receive, send)

    gateway.app = app


def evaluate_the_endpoint_policy() -> None:
    """A gateway endpoint lets every request to S3 pass, whatever its policy says."""
    enforce = iam_evaluator.enforce

    def enforce_at_endpoint(
        access_key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Json = None
    ) -> Json:
        endpoint = _endpoint.get()
        if endpoint is None:
            return enforce(access_key, action, service, region, resource_arn, service_context)
        given = {key.lower(): value for key, value in (service_context or {}).items()}
        keys = {**given, "aws:sourcevpce": endpoint.id, "aws:sourcevpc": endpoint.vpc}
        denied = enforce(access_key, action, service, region, resource_arn, keys)
        if denied or endpoint.policy is None:
            return denied
        principal = iam_evaluator.resolve_principal(access_key, get_account_id())
        context = iam_evaluator.EvalContext(
            principal_arn=principal.arn,
            principal_type=principal.type,
            principal_account=principal.account,
            action=action,
            resource_arn=resource_arn,
            region=region,
            service_context=keys,
            principal_keys=principal.keys,
        )
        result = iam_evaluator.evaluate_resource_policy(endpoint.policy, context)
        result.principal_arn = principal.arn
        if result.decision != "Allow":
            logger.warning("The policy of %s denies %s on %s to %s.", endpoint.id, action, resource_arn, principal.arn)
        return None if result.decision == "Allow" else result

    iam_evaluator.enforce = enforce_at_endpoint


def _function_in_a_vpc(scope: Json) -> Json | None:
    """The configuration of the function whose process sent a request, if it is in a VPC."""
    inside: dict[int, Json] = {}
    for pid, name in list(_functions.items()):
        if _exists(pid) and _subnets(config := _config(name)):
            inside[pid] = config
        else:
            _functions.pop(pid, None)
    if not inside or not scope.get("client"):
        return None
    ways = [(scope["client"][1], scope["server"][1])] if scope.get("server") else []
    # A proxy between functions and the emulator says whose request it hands on, and at which port it took it.
    forwarded = _FORWARDED.search(dict(scope["headers"]).get(b"forwarded", b""))
    ways += [(int(forwarded[1]), int(forwarded[2]))] if forwarded else []
    for port, to in ways:
        connection = sockets.connection(port, to)
        if connection is None:
            continue
        if connection not in _owners:
            if len(_owners) >= MAX_KNOWN_CONNECTIONS:
                _owners.clear()
            _owners[connection] = _owner(inside, *connection)
        if (pid := _owners[connection]) in inside:
            return inside[pid]
    return None


def _exists(pid: int) -> bool:
    """Return whether there is a process of this id. psutil reads a file for it; this is asked at each request."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _config(function: str) -> Json:
    return (lambda_svc._functions.get(function) or {}).get("config") or {}


def _subnets(config: Json) -> Json:
    return (config.get("VpcConfig") or {}).get("SubnetIds")


_FORWARDED = re.compile(rb"for=\"127\.0\.0\.1:(\d+)\";by=\"127\.0\.0\.1:(\d+)\"")
MAX_KNOWN_CONNECTIONS = 10_000
_owners: dict[tuple[int, str], int] = {}
"""The processes of functions in a VPC by their connections, 0 for those of others: an inode is one connection's."""


def _owner(pids: Iterable[int], user: int, inode: str) -> int:
    """Return which of these processes has a connection, itself or by one that it started; 0 if none has."""
    hidden: list[int] = []
    for pid in pids:
        for one in sockets.family(pid):
            seen = sockets.holds(one, inode)
            if seen:
                return pid
            if seen is None and _user_of(one) == user:
                hidden.append(pid)
    if not hidden:
        return 0
    # Another user's connection is known by the user; ours by that no other process has it.
    if user != os.getuid():
        return hidden[0]
    # Most connections are those of a few programs: the last owners are asked first, then the youngest processes.
    running = sorted((int(name) for name in os.listdir("/proc") if name.isdecimal()), reverse=True)  # noqa: PTH208
    other = next((one for one in (*_others, *running) if sockets.holds(one, inode)), 0)
    if other and other not in _others:
        _others.appendleft(other)
    return 0 if other else hidden[0]


MAX_KNOWN_OTHERS = 16
_others: deque[int] = deque(maxlen=MAX_KNOWN_OTHERS)
"""Processes that belong to no function in a VPC and sent requests, the last one found first."""


def _user_of(pid: int) -> int | None:
    with suppress(psutil.Error):
        return int(psutil.Process(pid).uids().real)
    return None


def _host(scope: Json) -> str:
    """The name that a request's address has on AWS."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    service = detect_service(scope["method"], scope["path"], headers, query)
    if service != "s3":
        return f"{service}.{get_region()}.amazonaws.com"
    bucket = gateway._extract_s3_vhost_bucket(headers.get("host", "")) or scope["path"].lstrip("/").partition("/")[0]
    return f"{bucket}.s3.{get_region()}.amazonaws.com"


def _way(vpc_config: Json, host: str) -> _Endpoint | None:
    """The endpoint that leads to a host from a function's subnets; None for a way through the Internet.

    Raises:
        _Unreachable: there is none, from one of them.
    """
    vpc = ec2._subnets[vpc_config["SubnetIds"][0]]["VpcId"]
    if not _resolves(vpc, host):
        raise _Unreachable("DNS Firewall blocks the name")
    to_s3 = ".s3." in host
    if not any(_lets_out(group, to_s3) for group in vpc_config["SecurityGroupIds"]):
        raise _Unreachable("no security group lets it out")
    ways = [_endpoint_of(vpc, subnet, to_s3) for subnet in vpc_config["SubnetIds"]]
    return next((way for way in ways if way), None)


def _endpoint_of(vpc: str, subnet: str, to_s3: bool) -> _Endpoint | None:
    tables = [table for table in ec2._route_tables.values() if table["VpcId"] == vpc]
    own = [table for table in tables if any(one.get("SubnetId") == subnet for one in table["Associations"])]
    main = [table for table in tables if any(one.get("Main") for one in table["Associations"])]
    (table, *_) = own or main
    for endpoint in ec2._vpc_endpoints.values():
        if (
            to_s3
            and endpoint["ServiceName"] == f"com.amazonaws.{get_region()}.s3"
            and table["RouteTableId"] in endpoint["RouteTableIds"]
        ):
            return _Endpoint(endpoint["VpcEndpointId"], vpc, endpoint.get("PolicyDocument"))
    # An Internet gateway is no way out: a function has no public address.
    if any(route.get("NatGatewayId") for route in table.get("Routes", [])):
        return None
    raise _Unreachable("no route leads there")


def _lets_out(group: str, to_s3: bool) -> bool:
    """Return whether a security group lets HTTPS out."""
    addresses = ec2._aws_pl_id_from_name(f"com.amazonaws.{get_region()}.s3")
    for rule in ec2._security_groups[group]["IpPermissionsEgress"]:
        anywhere = any(one.get("CidrIp") == "0.0.0.0/0" for one in rule["IpRanges"])
        listed = to_s3 and any(one["PrefixListId"] == addresses for one in rule["PrefixListIds"])
        ports = range(int(rule.get("FromPort", 0)), int(rule.get("ToPort", 65535)) + 1)
        if (rule["IpProtocol"] == "-1" or (rule["IpProtocol"] in ("tcp", "6") and 443 in ports)) and (
            anywhere or listed
        ):
            return True
    return False


def _resolves(vpc: str, host: str) -> bool:
    """Return whether the firewall of a VPC's DNS lets a name be resolved; the first rule that fits decides."""
    domains = {found["PhysicalResourceId"]: found["Properties"] for found in _of_type("FirewallDomainList")}
    groups = {found["PhysicalResourceId"]: found["Properties"] for found in _of_type("FirewallRuleGroup")}
    associations = [found["Properties"] for found in _of_type("FirewallRuleGroupAssociation")]
    for association in sorted(associations, key=lambda one: int(one["Priority"])):
        if association["VpcId"] != vpc:
            continue
        rules = groups[association["FirewallRuleGroupId"]]["FirewallRules"]
        for rule in sorted(rules, key=lambda one: int(one["Priority"])):
            # A list that isn't known here, such as one that AWS manages, is taken to block everything.
            listed = domains.get(rule["FirewallDomainListId"], {"Domains": ["*"]})["Domains"]
            if any(_fits(host, name) for name in listed):
                return bool(rule["Action"] != "BLOCK")
    return True


def _fits(host: str, name: str) -> bool:
    """Return whether a domain list's entry (`example.com`, `*.example.com`, `*`) is a name's."""
    host, name = host.lower().rstrip("."), name.lower().rstrip(".")
    return host.endswith(name[1:]) if name.startswith("*") else host == name


def _of_type(kind: str) -> Iterator[Json]:
    """The resources of Route 53 Resolver in all stacks, with their properties."""
    for stack in list(cloudformation._stacks.values()):
        if stack["StackStatus"] != "DELETE_COMPLETE":
            for found in stack.get("_resources", {}).values():
                if found["ResourceType"] == f"AWS::Route53Resolver::{kind}":
                    yield found
