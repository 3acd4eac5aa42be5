"""Estimates what `make verify` costs before anything is done: counts, estimated high, times list prices."""

from collections.abc import Mapping
from dataclasses import dataclass

MAX_DOLLARS = 1.0
UNKNOWN_MODEL = (3.0, 15.0)
"""US dollars for a million tokens in and out, where the price table doesn't know the model: dearer than those in it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is paid for: `count` of a unit, `price` US dollars for each."""

    name: str
    count: float
    price: float

    @property
    def dollars(self) -> float:
        """Return what it costs."""
        return self.count * self.price


def parts(model: str, prices: Mapping[str, tuple[float, float]], *, tests: bool = True) -> list[Part]:
    """Return what is paid for.

    Args:
        model: the deployed stack's.
        prices: US dollars for a million tokens, in and out, by model.
        tests: whether the tests run, too.

    AWS's prices are those of us-east-1, without any free tier (pricing pages, read on 2026-11-27).
    """
    into, out = prices.get(model, UNKNOWN_MODEL)
    once = [
        Part(f"model {model}: tokens out, of a streamed answer", 500, out / 1e6),
        Part("Lambda: GB-seconds of the probes (arm64)", 600, 0.0000133334),
        Part("Lambda: tenant environments (estimated high)", 20, 0.001),
        Part("Step Functions: transitions of the probes", 600, 0.000025),
        Part("CloudWatch: requests, and metrics for an hour", 500, 0.00001),
        Part("CloudWatch Logs Insights: GB that the queries read", 1, 0.005),
        Part("DynamoDB, S3, SNS, X-Ray, CloudFormation: requests of the probes", 2_000, 0.000005),
    ]
    if not tests:
        return once
    return [
        Part(f"model {model}: tokens in", 120_000, into / 1e6),
        Part(f"model {model}: tokens out", 15_000, out / 1e6),
        Part("embedding model: tokens", 200_000, 0.13 / 1e6),
        Part("Lambda: GB-seconds of the tests (arm64)", 3_000, 0.0000133334),
        Part("Lambda: tenant environments (estimated high)", 60, 0.001),
        Part("REST API, Lambda: requests", 6_000, 0.0000037),
        Part("Step Functions: transitions of the tests", 1_500, 0.000025),
        Part("DynamoDB: writes and reads", 100_000, 0.000000625),
        Part("S3: requests", 3_000, 0.000005),
        Part("CloudWatch Logs: GB taken in", 0.1, 0.5),
        *once,
    ]


def total(paid: list[Part]) -> float:
    """All of it, in US dollars."""
    return sum(part.dollars for part in paid)
