"""`/v1/models`: what the stack is configured with (`MODEL`), and what the table of models knows."""

import os
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assistant_engine.domain import models
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.schemas import NoParameters
from exchange import event, query

router = APIGatewayHttpRouter()


@router.get("/v1/models")
def page() -> Json:
    query(NoParameters)
    return {"object": "list", "data": [_model(name) for name in _names()]}


@router.get("/v1/models/.+")
def retrieve() -> Json:
    query(NoParameters)
    # A model's name may hold slashes, which end a path's parameter.
    name = unquote(event().path.removeprefix("/v1/models/"))
    if name not in _names():
        raise NotFound(f"The model '{name[:64]}' does not exist.", param="model", code="model_not_found")
    return _model(name)


def _names() -> list[str]:
    return list(dict.fromkeys([os.environ["MODEL"], *models.table()]))


def _model(name: str) -> Json:
    known = models.known(name)
    ends = known.shutdown_date if known else None
    return {
        "id": name,
        "object": "model",
        "created": 0,  # When a provider made a model is not known here.
        "owned_by": os.environ["MODEL_PROVIDER"],
        "shutdown_date": ends.isoformat() if ends else None,
    }
