"""Wind farm: one answer is JSON of a given shape and nothing else; another depends on today's date.

Run with `python -m samples.wind_farm.ask`.
"""

from collections.abc import Iterator

from openai import OpenAI, omit

from samples.sample import Answer, Sample, ask, clean_up, main


def play(client: OpenAI, model: str) -> Iterator[Answer]:
    """Ask the sample's questions; each answer as it comes."""
    sample = Sample("wind_farm")
    files = sample.upload(client)
    assistant = client.beta.assistants.create(model=model, **sample.assistant)
    # The files of a thread are there in this thread alone.
    thread = client.beta.threads.create(
        tool_resources={"code_interpreter": {"file_ids": [file.id for file in files]}},
    )
    try:
        for question in sample.questions:
            yield ask(
                client,
                thread,
                assistant,
                question["text"],
                instructions=sample.instructions(question),
                response_format=question.get("response_format", omit),
            )
    finally:
        clean_up(client, assistant, files, thread)


if __name__ == "__main__":
    main(play)
