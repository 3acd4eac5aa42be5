"""A run that streams, as the tests of its log and of its reader take it."""

from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import ThreadId

RUN = Run(
    id="run_1",
    thread_id=ThreadId("thread_1"),
    assistant_id="asst_1",
    status="in_progress",
    created_at=90,
    expires_at=600,
    settings={},
    functions=[],
    tool_resources={},
    metadata={},
    execution="run_1",
    answers_in_output=False,
    due_at=30,
    project="default",
    streams=True,
)
