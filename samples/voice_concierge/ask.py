"""Voice concierge: a spoken file asks, and a spoken file answers.

Run with `python -m samples.voice_concierge.ask`. The answer is played where there is a sound device.
"""

from collections.abc import Iterator

from openai import OpenAI

from samples.sample import Answer, Sample, ask, clean_up, main, spoken


def play(client: OpenAI, model: str) -> Iterator[Answer]:
    """Ask the sample's questions; each answer as it comes."""
    sample = Sample("voice_concierge")
    files = sample.upload(client)
    assistant = client.beta.assistants.create(
        model=model,
        tool_resources={"code_interpreter": {"file_ids": [file.id for file in files]}},
        # The type `voice` goes beyond OpenAI's API.
        extra_body=sample.extensions,
        **sample.assistant,
    )
    thread = client.beta.threads.create()
    try:
        for question in sample.questions:
            answer = ask(
                client, thread, assistant, sample.content(question), instructions=sample.instructions(question)
            )
            yield spoken(client, answer)
    finally:
        clean_up(client, assistant, files, thread)


if __name__ == "__main__":
    main(play)
