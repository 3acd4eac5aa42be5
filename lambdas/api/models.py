"""`/v1/models`: what the stack is configured with (`MODEL` and its aliases), and what the table of models knows."""

from assistant_engine.domain import models
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.settings import ModelAliases, Models, configured
from routes import Request, Routes

routes = Routes("Models")


@routes.get("/models", "listModels", "List models", answer="ListModelsResponse")
def list_(request: Request) -> Json:
    return {"object": "list", "data": [_model(name) for name in _names()]}


@routes.get("/models/{model:path}", "retrieveModel", "Retrieve a model", answer="Model")
def retrieve(request: Request, model: str) -> Json:
    if model not in _names():
        raise NotFound(f"The model '{model[:64]}' does not exist.", param="model", code="model_not_found")
    return _model(model)


def _names() -> list[str]:
    aliases = [
        pattern for pattern, _ in models.aliases_of(configured(ModelAliases).model_aliases) if "*" not in pattern
    ]
    return list(dict.fromkeys([configured(Models).model, *aliases, *models.table()]))


def _model(name: str) -> Json:
    known = models.known(name)
    ends = known.shutdown_date if known else None
    return {
        "id": name,
        "object": "model",
        "created": 0,  # When a provider made a model is not known here.
        "owned_by": configured(Models).model_provider,
        "shutdown_date": ends.isoformat() if ends else None,
    }
