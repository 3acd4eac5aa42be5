"""A client of the GraphQL door, as SilvaEngine's clients speak to it."""

import time
from dataclasses import dataclass
from typing import Any

import httpx2

from local import up as local

RUN = """query getCurrentRun($assistantId: String!, $threadId: String!, $currentRunId: String!) {
  currentRun(assistantId: $assistantId, threadId: $threadId, runId: $currentRunId, updatedBy: "ada") { status usage }
}"""


@dataclass(frozen=True)
class Door:
    """The two addresses of a stack, and a key."""

    stack: local.Local
    key: str

    def post(
        self, query: str, address: str = "SILVAENGINE_URL", key: str | None = None, **more: Any
    ) -> httpx2.Response:
        """Post a query to one of the addresses."""
        headers = {"x-api-key": self.key if key is None else key, **more.pop("headers", {})}
        return httpx2.post(self.stack.settings[address], json={"query": query, **more}, headers=headers, timeout=60)

    def data(self, query: str, headers: dict[str, str] | None = None, **variables: Any) -> Any:
        """Ask, and return the data of an answer without errors."""
        answer = self.post(query, variables=variables, headers=headers or {}).json()
        assert answer.keys() == {"data", "status_code"}, answer
        return answer["data"]

    def error(self, query: str, **variables: Any) -> Any:
        """Ask, and return the only error of the answer."""
        answer = self.post(query, variables=variables)
        assert answer.status_code == 200 and answer.json().keys() == {"errors"}, answer.text
        [error] = answer.json()["errors"]
        return error

    def ended(self, asked: Any) -> Any:
        """Poll as SilvaEngine's clients do, until the run that `askOpenAi` answered with has ended."""
        named = {name: asked[name] for name in ("assistantId", "threadId", "currentRunId")}
        for _ in range(300):
            run = self.data(RUN, **named)["currentRun"]
            if run["status"] not in ("queued", "in_progress"):
                return run
            assert run["usage"] == {}
            time.sleep(0.2)
        raise AssertionError(run)
