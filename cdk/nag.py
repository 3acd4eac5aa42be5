"""Acknowledges findings of cdk-nag that are as they should be, next to the resource and with the reason."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Acknowledge a finding (`AwsSolutions-S1`, `AwsSolutions-IAM5[Resource::*]`) on a construct and what is in it."""
    pack = rule.partition("-")[0]
    Validations.of(construct).acknowledge(Acknowledgment(id=f"{pack}::{rule}", reason=reason))
