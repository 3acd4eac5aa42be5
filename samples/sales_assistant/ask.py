"""Sales assistant: two users at once on one assistant, each on a thread of their own that is found again by user.

Run with `python -m samples.sales_assistant.ask`.
"""

from collections.abc import Iterator

from openai import OpenAI
from openai.pagination import SyncCursorPage
from openai.types.beta import Thread

from samples.sample import Answer, Sample, clean_up, finish, main, start


def play(client: OpenAI, model: str) -> Iterator[Answer]:
    """Ask the sample's questions, two users at a time; each answer as it comes."""
    sample = Sample("sales_assistant")
    files = sample.upload(client)
    assistant = client.beta.assistants.create(
        model=model,
        tool_resources={"code_interpreter": {"file_ids": [file.id for file in files]}},
        **sample.assistant,
    )
    threads = [client.beta.threads.create(metadata={"user_id": user}) for user in sample.users]
    try:
        for questions in (sample.questions[:2], sample.questions[2:]):
            runs = [
                start(
                    client,
                    thread_of(client, question["user"]),
                    assistant,
                    question["text"],
                    instructions=sample.instructions(question),
                )
                for question in questions
            ]
            yield from (finish(client, run) for run in runs)
    finally:
        clean_up(client, assistant, files, *threads)


def thread_of(client: OpenAI, user: str) -> Thread:
    """The newest thread of a user. Listing threads goes beyond OpenAI's API."""
    query = {"user_id": user, "limit": 1}
    threads = client.get("/threads", cast_to=SyncCursorPage[Thread], options={"params": query})
    return threads.data[0]


if __name__ == "__main__":
    main(play)
