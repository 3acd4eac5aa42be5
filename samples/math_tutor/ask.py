"""Math tutor: answers, a plot and a file for download, all made by code.

Run with `python -m samples.math_tutor.ask`.
"""

from collections.abc import Iterator

from openai import OpenAI

from samples.sample import Answer, Sample, ask, clean_up, main


def play(client: OpenAI, model: str) -> Iterator[Answer]:
    """Ask the sample's questions; each answer as it comes."""
    sample = Sample("math_tutor")
    assistant = client.beta.assistants.create(model=model, **sample.assistant)
    thread = client.beta.threads.create()
    try:
        for question in sample.questions:
            yield ask(client, thread, assistant, question["text"], instructions=sample.instructions(question))
    finally:
        clean_up(client, assistant, [], thread)


if __name__ == "__main__":
    main(play)
