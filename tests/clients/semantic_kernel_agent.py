"""Streams a run through Semantic Kernel's agent, which answers calls of its own function; prints the text."""

import asyncio
import sys

from openai import AsyncOpenAI
from semantic_kernel.agents import AssistantAgentThread, OpenAIAssistantAgent
from semantic_kernel.functions import kernel_function


class Clock:
    """A function that the agent serves."""

    @kernel_function(name="time", description="Tells the time.")
    def time(self) -> str:
        """Tell the time."""
        return "noon"


async def main() -> None:
    model, text = sys.argv[1:]
    client = AsyncOpenAI(max_retries=0)
    definition = await client.beta.assistants.create(model=model, name="helper")
    agent = OpenAIAssistantAgent(client=client, definition=definition, plugins=[Clock()])
    thread = AssistantAgentThread(client=client)
    async for part in agent.invoke_stream(messages=text, thread=thread):
        print(str(part.message), end="")


if __name__ == "__main__":
    asyncio.run(main())
