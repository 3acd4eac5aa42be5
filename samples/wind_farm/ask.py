"""Wind farm: one answer is JSON of a given shape and nothing else, one depends on today's date, one asks a function.

Run with `python -m samples.wind_farm.ask`.
"""

from collections.abc import Iterator

from openai import OpenAI, omit

from samples.sample import Answer, Sample, Session, main


def play(client: OpenAI, model: str) -> Iterator[Answer]:
    """Ask the sample's questions; each answer as it comes."""
    with Session(client, model, Sample("wind_farm")) as session:
        # The functions are served by the stack.
        assistant = session.create_assistant(extra_body={"functions": session.sample.functions})
        # The files of a thread are there in this thread alone.
        thread = session.create_thread(tool_resources=session.code_files())
        for question in session.sample.questions:
            shape = question.get("response_format", omit)
            yield session.ask(thread, assistant, question, response_format=shape)


if __name__ == "__main__":
    main(play)
