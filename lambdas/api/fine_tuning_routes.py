"""`/v1/fine_tuning/exports`, an extension."""

from functools import cache
from typing import Any

import boto3

from answers import listing, window
from assistant_engine.domain.json_data import Json
from assistant_engine.fine_tuning import exports
from assistant_engine.schemas.fine_tuning import CreateFineTuningExportRequest
from assistant_engine.schemas.parameters import ListParameters
from routes import Request, Routes

routes = Routes("Fine-tuning")

_ALL = "/fine_tuning/exports"


@routes.post(
    _ALL,
    "createFineTuningExport",
    "Export what was said, to fine-tune a model with it",
    body=CreateFineTuningExportRequest,
    answer="FineTuningExport",
    creates="fine_tuning.export",
    extension=True,
)
def create(request: Request) -> Json:
    export = exports.create(request.store, request.body, request.now_ms, request.idempotency)
    exports.start(_lambda(), request.store, export)
    return export


@routes.get(
    _ALL,
    "listFineTuningExports",
    "List exports for fine-tuning",
    query=ListParameters,
    answer="ListFineTuningExportsResponse",
    extension=True,
)
def list_(request: Request) -> Json:
    page = request.store.fine_tuning.page(window(request.query))
    return listing(page._replace(objects=(exports.as_of(export, request.now_ms) for export in page.objects)))


@routes.get(
    f"{_ALL}/{{export_id}}",
    "getFineTuningExport",
    "Retrieve an export for fine-tuning",
    answer="FineTuningExport",
    extension=True,
)
def retrieve(request: Request, export_id: str) -> Json:
    return exports.get(request.store, export_id, request.now_ms)


@cache
def _lambda() -> Any:
    return boto3.client("lambda")
