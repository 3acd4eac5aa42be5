"""Finds the stack that a command is about: one in the caller's AWS account, or the local one that `make up` keeps."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import boto3

from scripts import keys

LOCAL = keys.ROOT / ".local" / "env"


class StackNotFound(Exception):
    """There is no such stack; the message says what to do."""


@dataclass(frozen=True)
class Stack:
    """A deployed stack.

    Attributes:
        variables: what it put out, as environment variables: STATE_MACHINE_ARN, MESSAGES_TABLE ... For the local one
            also its endpoint, region and credentials.
    """

    variables: Mapping[str, str]

    def client(self, service: str) -> Any:
        """A boto3 client; without an endpoint among the variables, of the caller's own account."""
        if "AWS_ENDPOINT_URL" not in self.variables:
            return boto3.client(service)
        session = boto3.Session(
            aws_access_key_id=self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.variables["AWS_SECRET_ACCESS_KEY"],
            region_name=self.variables["AWS_REGION"],
        )
        return session.client(service, endpoint_url=self.variables["AWS_ENDPOINT_URL"])


def find(environment: str) -> Stack:
    """The stack of an environment (`dev`) in the account of the AWS CLI's credentials; the local one for an empty name.

    Raises:
        StackNotFound: it is not deployed, or not up.
    """
    if environment:
        return Stack(variables(outputs(environment)))
    if not LOCAL.is_file():
        raise StackNotFound("No local stack is up: run `make up`, or name an environment (ENV=dev).")
    return Stack(dict(line.split("=", 1) for line in LOCAL.read_text().splitlines()))


def outputs(environment: str) -> dict[str, str]:
    """The outputs of a deployed stack, by their own names (`StateMachineArn`).

    Raises:
        StackNotFound: it is not deployed.
    """
    cloudformation = boto3.client("cloudformation")
    name = keys.prefix(environment)
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except cloudformation.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        raise StackNotFound(f"There is no stack {name} here ({code}): is this its account and region?") from None
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def variables(outputs: Mapping[str, str]) -> dict[str, str]:
    """A stack's outputs under the names of environment variables: StateMachineArn as STATE_MACHINE_ARN."""
    return {re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper(): value for name, value in outputs.items()}


def day(text: str) -> str:
    """An argument of a command that is a day, `YYYY-MM-DD`."""
    return date.fromisoformat(text).isoformat()
