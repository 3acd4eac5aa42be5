"""A support chat: it quotes two documents, asks this program for orders, and computes and draws with code.

`.venv/bin/python examples/support_chat.py` reads a question from each line; an empty one ends it. See README.md.
"""

import json
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

from openai import OpenAI
from openai.types.beta import Assistant, Thread
from openai.types.beta.threads import Message, Run
from openai.types.beta.threads.run_submit_tool_outputs_params import ToolOutput

warnings.filterwarnings("ignore", category=DeprecationWarning)  # The package warns of each call of the Assistants API.
SUPPORT = Path(__file__).parent / "support"
ORDERS = {
    "A-1001": {"status": "delivered", "items": "1 helmet", "on": "2026-11-20"},
    "A-1002": {"status": "on its way", "items": "1 bicycle", "carrier": "Northern Freight", "arrives": "2026-12-02"},
}
ORDER_STATUS = {
    "name": "get_order_status",
    "description": "Get the status of a customer's order: where it is, and when it arrives.",
    "parameters": {
        "type": "object",
        "properties": {"order_id": {"type": "string", "description": "Number of the order, such as A-1001."}},
        "required": ["order_id"],
    },
}
client = OpenAI()  # It reads OPENAI_BASE_URL and OPENAI_API_KEY.


def set_up() -> Assistant:
    """Upload the documents and the table, and create the assistant."""
    store = client.vector_stores.create(name="Support")
    documents = [SUPPORT / "returns.md", SUPPORT / "shipping.md"]
    client.vector_stores.file_batches.upload_and_poll(store.id, files=documents)
    table = client.files.create(file=SUPPORT / "sales.csv", purpose="assistants")
    return client.beta.assistants.create(
        model="gpt-6-luna",
        instructions="You are the support of a bicycle shop. Answer from the documents and quote them.",
        tools=[
            {"type": "file_search"},
            {"type": "code_interpreter"},
            {"type": "function", "function": ORDER_STATUS},  # type: ignore[typeddict-item]
        ],
        tool_resources={
            "file_search": {"vector_store_ids": [store.id]},
            "code_interpreter": {"file_ids": [table.id]},
        },
    )


def ask(assistant: Assistant, thread: Thread, question: str) -> Iterable[Message]:
    """Put a question and serve the calls of its run; return the answer's messages."""
    client.beta.threads.messages.create(thread.id, role="user", content=question)
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    while run.status == "requires_action":
        run = client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=thread.id, tool_outputs=serve(run)
        )
    if run.status != "completed":
        sys.exit(f"The run is {run.status}: {run.last_error}")
    return client.beta.threads.messages.list(thread.id, run_id=run.id, order="asc")


def serve(run: Run) -> list[ToolOutput]:
    """Return the output of each call that the run waits for; your program would ask its database."""
    assert run.required_action
    outputs: list[ToolOutput] = []
    for call in run.required_action.submit_tool_outputs.tool_calls:
        print(f"  ({call.function.name} {call.function.arguments})")
        order_id = json.loads(call.function.arguments)["order_id"]
        order = ORDERS.get(order_id.upper(), {"error": f"There is no order {order_id}."})
        outputs.append({"tool_call_id": call.id, "output": json.dumps(order)})
    return outputs


def show(message: Message) -> None:
    """Print a message with its sources, and save its pictures."""
    for part in message.content:
        if part.type == "image_file":
            picture = Path(f"{part.image_file.file_id}.png")
            picture.write_bytes(client.files.content(part.image_file.file_id).read())
            print(f"  [picture: {picture}]")
        elif part.type == "text":
            text, sources = part.text.value, dict[str, int]()
            for note in part.text.annotations:
                if note.type == "file_citation":
                    name = client.files.retrieve(note.file_citation.file_id).filename
                    text = text.replace(note.text, f" [{sources.setdefault(name, len(sources) + 1)}]")
            print(text, *(f"  [{number}] {name}" for name, number in sources.items()), sep="\n")


assistant, thread = set_up(), client.beta.threads.create()
print("Ask about returns, shipping, sales or an order such as A-1002.", flush=True)
for line in sys.stdin:
    if not line.strip():
        break
    print(f"> {line.strip()}")
    for message in ask(assistant, thread, line.strip()):
        show(message)
