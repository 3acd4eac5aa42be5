"""Writes exports for fine-tuning: what an assistant's runs said, as examples for a model (docs/fine-tuning.md)."""

from assistant_engine.domain.payloads import FineTuningEvent, FineTuningResult
from assistant_engine.fine_tuning.writing import write
from assistant_engine.runtime.handler import lambda_handler
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import ExportDays, FineTuning, configured
from assistant_engine.store.shared import store


@lambda_handler(FineTuning, store)
def handler(event: FineTuningEvent) -> FineTuningResult:
    """Write the files of an export.

    Raises:
        InvalidRequest: there is no such export.
    """
    export = write(store().of(event["project"]), event["export_id"], configured(ExportDays).export_days)
    logger.info("export %s of %s: %s", export["id"], export["assistant_id"], export["counts"] or export["status"])
    return {"export_id": export["id"], "status": export["status"]}
