"""Voice concierge: a spoken file asks, and a spoken file answers.

Run with `python -m samples.voice_concierge.ask`. The answer is played where there is a sound device.
"""

from collections.abc import Iterator

from openai import OpenAI

from samples.sample import Answer, Sample, Session, main, spoken


def play(client: OpenAI, model: str) -> Iterator[Answer]:
    """Ask the sample's questions; each answer as it comes."""
    with Session(client, model, Sample("voice_concierge")) as session:
        assistant = session.create_assistant(
            tool_resources=session.code_files(),
            # The type `voice` goes beyond OpenAI's API.
            extra_body=session.sample.extensions,
        )
        thread = session.create_thread()
        for question in session.sample.questions:
            yield spoken(client, session.ask(thread, assistant, question))


if __name__ == "__main__":
    main(play)
