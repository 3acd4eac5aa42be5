"""Streams a run with the `openai` package of this environment; each event is a line of JSON, and so is the end."""

import json
import sys
from typing import Any

from openai import OpenAI

client = OpenAI(_strict_response_validation=True, max_retries=0)


def show(stream: Any) -> Any:
    for event in stream:
        data = json.loads(event.data.model_dump_json(exclude_unset=True))
        print(json.dumps({"event": event.event, "data": data}))
    return stream


def main() -> None:
    assistant_id, text = sys.argv[1:]
    message: Any = {"role": "user", "content": text}
    with client.beta.threads.create_and_run_stream(assistant_id=assistant_id, thread={"messages": [message]}) as opened:
        stream = show(opened)
    run = stream.current_run
    while run.required_action:
        calls = run.required_action.submit_tool_outputs.tool_calls
        with client.beta.threads.runs.submit_tool_outputs_stream(
            run_id=run.id,
            thread_id=run.thread_id,
            tool_outputs=[{"tool_call_id": call.id, "output": "x"} for call in calls],
        ) as opened:
            stream = show(opened)
        run = stream.current_run
    texts = [part.text.value for message in stream.get_final_messages() for part in message.content]
    print(json.dumps({"status": run.status, "texts": texts}))


if __name__ == "__main__":
    main()
