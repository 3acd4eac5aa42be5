"""The text chatbot of openai_assistant_engine: asks, looks every five seconds whether the run is completed, reads.

It knows API_URL, API_KEY and ASSISTANT_ID, of its environment, where a test may shorten the five seconds. It sends
neither operation names nor optional arguments.
"""

import json
import os
import time
from typing import Any

import requests

API_URL = os.environ["API_URL"]
HEADERS = {"x-api-key": os.environ["API_KEY"], "Content-Type": "application/json"}
ASSISTANT_ID = os.environ["ASSISTANT_ID"]
LOOK_SECONDS = float(os.environ.get("LOOK_SECONDS", "5"))

ASK = """
fragment AskOpenAIInfo on AskOpenAIType { assistantId threadId userQuery currentRunId }
query askOpenAi(
    $assistantType: String!, $assistantId: String!, $userQuery: String!, $updatedBy: String!, $threadId: String
) {
    askOpenAi(
        assistantType: $assistantType, assistantId: $assistantId, userQuery: $userQuery, updatedBy: $updatedBy,
        threadId: $threadId
    ) { ...AskOpenAIInfo }
}
"""
LOOK = """
fragment CurrentRunInfo on CurrentRunType { threadId runId status usage }
query getCurrentRun($assistantId: String!, $threadId: String!, $runId: String!, $updatedBy: String!) {
    currentRun(assistantId: $assistantId, threadId: $threadId, runId: $runId, updatedBy: $updatedBy) {
        ...CurrentRunInfo
    }
}
"""
READ = """
fragment LiveMessageInfo on LiveMessageType { threadId runId messageId role message createdAt }
query getLastMessage($assistantId: String, $threadId: String!, $role: String!) {
    lastMessage(assistantId: $assistantId, threadId: $threadId, role: $role) { ...LiveMessageInfo }
}
"""


def sent(query: str, field: str, operation_name: str | None = None, **variables: Any) -> Any:
    """Send a query with its variables, and return what a field of it answers."""
    payload = {"query": query, "variables": variables, **({"operation_name": operation_name} if operation_name else {})}
    answer = requests.post(API_URL, headers=HEADERS, data=json.dumps(payload), timeout=60).json()
    return answer["data"][field]


def answered(question: str, thread_id: str | None, *, named: bool = False) -> tuple[str, str]:
    """Ask, wait and read; return the thread and the answer.

    Args:
        named: whether the operations are named, too.
    """
    names = ("askOpenAi", "getCurrentRun", "getLastMessage") if named else (None,) * 3
    who = {"assistantId": ASSISTANT_ID, "updatedBy": "Use XYZ"}
    asked = sent(
        *(ASK, "askOpenAi", names[0]), **who, userQuery=question, assistantType="conversation", threadId=thread_id
    )
    run = {"threadId": asked["threadId"], "runId": asked["currentRunId"]}
    while sent(LOOK, "currentRun", names[1], **who, **run)["status"] != "completed":
        time.sleep(LOOK_SECONDS)
    last = sent(
        *(READ, "lastMessage", names[2]), assistantId=ASSISTANT_ID, threadId=asked["threadId"], role="assistant"
    )
    return asked["threadId"], last["message"]


def main() -> None:
    """Talk until "exit"."""
    print("Hello! I am an AI assistant. How can I help you today?")
    thread_id = None
    while (question := input("You: ").strip()).lower() != "exit":
        thread_id, answer = answered(question, thread_id)
        print("AI:", answer)
    print("Exiting the program.")


if __name__ == "__main__":
    main()
