"""Math tutor: answers, a plot and a file for download, all made by code.

Run with `python -m samples.math_tutor.ask`.
"""

from collections.abc import Iterator

from openai import OpenAI

from samples.sample import Answer, Sample, Session, main


def play(client: OpenAI, model: str) -> Iterator[Answer]:
    """Ask the sample's questions; each answer as it comes."""
    with Session(client, model, Sample("math_tutor")) as session:
        assistant, thread = session.create_assistant(), session.create_thread()
        for question in session.sample.questions:
            yield session.ask(thread, assistant, question)


if __name__ == "__main__":
    main(play)
