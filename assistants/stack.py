"""Finds the stack that a command is about: one in the caller's AWS account, or the local one that `make up` keeps."""

import json
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from assistants.errors import CommandError

_CHECKOUT = Path(__file__).resolve().parent.parent
ROOT = _CHECKOUT if (_CHECKOUT / "cdk.json").is_file() else Path.cwd()
"""The project's folder: the current one, where the package is installed elsewhere."""
LOCAL = ROOT / ".local" / "env"


class StackNotFound(CommandError):
    """There is no such stack; the message says what to do."""


@dataclass(frozen=True)
class Stack:
    """A deployed stack.

    Attributes:
        variables: what it put out, as environment variables: STATE_MACHINE_ARN, MESSAGES_TABLE ... For the local one
            also its endpoint, region and credentials.
    """

    variables: Mapping[str, str]

    @property
    def prefix(self) -> str:
        """Return the prefix of the names of the stack and of its resources, such as `oae-dev`."""
        # The bus is named by the prefix alone.
        return self.variables["EVENT_BUS"]

    def client(self, service: str, config: Config | None = None) -> Any:
        """Return a boto3 client; without an endpoint among the variables, of the caller's own account."""
        if "AWS_ENDPOINT_URL" not in self.variables:
            return boto3.client(service, config=config)
        session = boto3.Session(
            aws_access_key_id=self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.variables["AWS_SECRET_ACCESS_KEY"],
            region_name=self.variables["AWS_REGION"],
        )
        return session.client(service, endpoint_url=self.variables["AWS_ENDPOINT_URL"], config=config)


def use(environment: str) -> Stack:
    """Find a stack and point this process at it: the engine's store finds its tables, and boto3 its endpoint.

    Raises:
        StackNotFound: it is not deployed, or not up.
    """
    found = find(environment)
    os.environ.update(found.variables)
    return found


def find(environment: str) -> Stack:
    """Return the stack of an environment (`dev`) in the account of the AWS CLI's credentials, or the local one.

    Args:
        environment: empty for the local stack.

    Raises:
        StackNotFound: it is not deployed, or not up.
    """
    if environment:
        return Stack(variables(outputs(environment)))
    local = dict(line.split("=", 1) for line in LOCAL.read_text().splitlines()) if LOCAL.is_file() else {}
    if not _answers(local.get("AWS_ENDPOINT_URL", "")):
        raise StackNotFound("No local stack is up: run `make up`, or name an environment in your account (--env dev).")
    return Stack(local)


def _answers(endpoint: str) -> bool:
    """Return whether something listens at an address; a machine that was restarted has the file still."""
    address = urlsplit(endpoint)
    try:
        socket.create_connection((address.hostname or "", address.port or 80), timeout=2).close()
    except OSError:
        return False
    return True


def outputs(environment: str) -> dict[str, str]:
    """Return the outputs of a deployed stack, by their own names (`StateMachineArn`).

    Raises:
        StackNotFound: it is not deployed.
    """
    cloudformation = boto3.client("cloudformation")
    name = prefix(environment)
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except cloudformation.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        raise StackNotFound(f"There is no stack {name} here ({code}): is this its account and region?") from None
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def variables(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return a stack's outputs under the names of environment variables: StateMachineArn as STATE_MACHINE_ARN."""
    return {re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper(): value for name, value in outputs.items()}


def prefix(environment: str) -> str:
    """Return what the names of an environment's stack and resources start with."""
    unprefixed = json.loads((ROOT / "cdk.json").read_text())["context"]["unprefixed_environment"]
    return "oae" if environment == unprefixed else f"oae-{environment}"
