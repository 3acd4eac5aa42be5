"""A tool for tests: it takes its time, dies, and leaves a trace of what it did in the bucket."""

import os
import time
from typing import Any

from assistant_engine import tool


class Laboratory:
    """No `configuration`."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        pass

    def take(self, seconds: float) -> str:
        """Take some time."""
        self._trace("begun")
        try:
            time.sleep(seconds)
        except tool.CallStopped:
            self._trace("stopped")
            raise
        self._trace("done")
        return "taken"

    def die(self) -> str:
        """Take the whole process down."""
        self._trace("begun")
        os._exit(1)

    @tool.needs_approval
    def publish(self, text: str) -> str:
        """Publish a text."""
        self._trace("published")
        return f"published {text}"

    def _trace(self, what: str) -> None:
        import boto3

        print(f"laboratory: {what}")
        # A name of its own each time: done twice, there are two.
        key = f"laboratory/{tool.current_call().run_id}/{what}-{time.time_ns()}"
        boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=key, Body=b"")


handler = tool.handler(Laboratory)
