"""Sales assistant: two users at once on one assistant, each on a thread of their own that is found again by user.

Run with `python -m samples.sales_assistant.ask`.
"""

from collections.abc import Iterator

from openai import OpenAI
from openai.pagination import SyncCursorPage
from openai.types.beta import Thread

from samples.sample import Answer, Sample, Session, finish, main


def play(client: OpenAI, model: str) -> Iterator[Answer]:
    """Ask the sample's questions, two users at a time; each answer as it comes."""
    with Session(client, model, Sample("sales_assistant")) as session:
        assistant = session.create_assistant(tool_resources=session.code_files())
        for user in session.sample.users:
            session.create_thread(metadata={"user_id": user})
        questions = session.sample.questions
        for pair in (questions[:2], questions[2:]):
            runs = [session.start(thread_of(client, question["user"]), assistant, question) for question in pair]
            yield from (finish(client, run) for run in runs)


def thread_of(client: OpenAI, user: str) -> Thread:
    """The newest thread of a user. Listing threads goes beyond OpenAI's API."""
    query = {"user_id": user, "limit": 1}
    threads = client.get("/threads", cast_to=SyncCursorPage[Thread], options={"params": query})
    return threads.data[0]


if __name__ == "__main__":
    main(play)
