"""The log of the functions: the engine's own lines, and none of what people said."""

import logging

from assistant_engine.runtime.settings import Process, configured

logger = logging.getLogger("assistant_engine")
logger.setLevel(configured(Process).log_level)
# At DEBUG these write whole requests, with what people said in them, whatever level the function is set to.
for library in ("boto3", "botocore", "httpcore2", "httpx2", "openai", "urllib3"):
    logging.getLogger(library).setLevel(logging.WARNING)
