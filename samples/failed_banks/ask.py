"""Failed banks: code reads a CSV of 45 KB as it is, with its dirty headers and dates; a function knows the rest.

Run with `python -m samples.failed_banks.ask`.
"""

from collections.abc import Iterator

from openai import OpenAI

from samples.sample import Answer, Sample, Session, main


def play(client: OpenAI, model: str) -> Iterator[Answer]:
    """Ask the sample's questions; each answer as it comes."""
    with Session(client, model, Sample("failed_banks")) as session:
        assistant = session.create_assistant(
            # The files of an assistant are there in every thread that it works in.
            tool_resources=session.code_files(),
            # Served by a Lambda function of the stack.
            extra_body={"functions": session.sample.functions},
        )
        thread = session.create_thread()
        for question in session.sample.questions:
            yield session.ask(thread, assistant, question)


if __name__ == "__main__":
    main(play)
