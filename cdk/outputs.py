"""Adds outputs to the stack."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct


def output(construct: Construct, name: str, value: str) -> None:
    """Add an output of a construct to its stack, under this very name (`StateMachineArn`).

    Operators' commands and `.local/env` know it as an environment variable (`STATE_MACHINE_ARN`).
    """
    CfnOutput(Stack.of(construct), name, value=value)
