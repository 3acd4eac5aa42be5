"""Holds example records."""

from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import ThreadId

RUN = Run(
    id="run_1",
    thread_id=ThreadId("thread_1"),
    assistant_id="asst_1",
    status="in_progress",
    created_at=1_000,
    expires_at=1_600,
    settings={},
    functions=[],
    tool_resources={},
    metadata={},
    execution="",
    answers_in_output=False,
    due_at=1_030,
    project="default",
)
