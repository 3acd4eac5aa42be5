"""Holds AWS's published prices, and calculates the price of a run."""

from dataclasses import dataclass

from bench.journal import Taken

REGION = "us-east-1"
READ_ON = "2026-11-21"


@dataclass(frozen=True, slots=True)
class Price:
    """A list price in US dollars for `count` units, without free tiers."""

    service: str
    unit: str
    dollars: float
    count: int
    source: str

    @property
    def each(self) -> float:
        """US dollars for one."""
        return self.dollars / self.count


TRANSITION = Price(
    "Step Functions", "state transitions (Standard)", 0.025, 1_000, "aws.amazon.com/step-functions/pricing"
)
INVOCATION = Price("Lambda", "invocations", 0.20, 1_000_000, "aws.amazon.com/lambda/pricing")
GIGABYTE_SECOND = Price("Lambda", "GB-seconds (arm64)", 0.0000133334, 1, "aws.amazon.com/lambda/pricing")
READ_UNIT = Price("DynamoDB", "read units (on demand)", 0.125, 1_000_000, "aws.amazon.com/dynamodb/pricing/on-demand")
WRITE_UNIT = Price("DynamoDB", "write units (on demand)", 0.625, 1_000_000, "aws.amazon.com/dynamodb/pricing/on-demand")
API_REQUEST = Price("REST API", "requests", 3.50, 1_000_000, "aws.amazon.com/api-gateway/pricing")
S3_PUT = Price("S3", "PUT requests", 0.005, 1_000, "aws.amazon.com/s3/pricing")
S3_GET = Price("S3", "GET requests", 0.0004, 1_000, "aws.amazon.com/s3/pricing")
EVENT = Price("EventBridge", "events put", 1.00, 1_000_000, "aws.amazon.com/eventbridge/pricing")
MESSAGE = Price("SQS", "requests (FIFO)", 0.50, 1_000_000, "aws.amazon.com/sqs/pricing")

PRICES = (
    *(TRANSITION, INVOCATION, GIGABYTE_SECOND, READ_UNIT, WRITE_UNIT),
    *(API_REQUEST, S3_PUT, S3_GET, EVENT, MESSAGE),
)


def dollars(taken: Taken) -> dict[str, float]:
    """US dollars by service for what was taken; the model's own price is not among them."""
    asked = taken.requests
    billed = {
        TRANSITION: len(taken.states),
        INVOCATION: len(taken.functions),
        GIGABYTE_SECOND: taken.gigabyte_seconds,
        READ_UNIT: taken.read_units,
        WRITE_UNIT: taken.write_units,
        API_REQUEST: taken.api_requests,
        S3_PUT: asked["s3:PUT"] + asked["s3:POST"],
        S3_GET: asked["s3:GET"] + asked["s3:HEAD"],
        EVENT: asked["eventbridge:PutEvents"],
        MESSAGE: sum(count for name, count in asked.items() if name.startswith("sqs:")),
    }
    by_service = {price.service: 0.0 for price in PRICES}
    for price, count in billed.items():
        by_service[price.service] += price.each * count
    return by_service
