"""`/v1/usage`, an extension."""

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.clock import now_ms
from assistant_engine.schemas import UsageParameters
from assistant_engine.usage import report
from exchange import query, store

router = APIGatewayHttpRouter()


@router.get("/v1/usage")
def retrieve() -> Json:
    return report(store(), query(UsageParameters), now_ms())
