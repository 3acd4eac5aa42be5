"""The log of the functions: the engine's own lines, and none of what people said."""

import logging
import os

logger = logging.getLogger("assistant_engine")
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))
# At DEBUG these write whole requests, with what people said in them, whatever level the function is set to.
for library in ("boto3", "botocore", "httpcore2", "httpx2", "openai", "urllib3"):
    logging.getLogger(library).setLevel(logging.WARNING)
