"""Wind farm: one answer is JSON of a given shape and nothing else, one depends on today's date, one asks a function.

Run with `python -m samples.wind_farm.ask`.
"""

from collections.abc import Iterator

from openai import OpenAI, omit

from samples.sample import Answer, Sample, ask, clean_up, main


def play(client: OpenAI, model: str) -> Iterator[Answer]:
    """Ask the sample's questions; each answer as it comes."""
    sample = Sample("wind_farm")
    files = sample.upload(client)
    # The functions are served by the stack.
    functions = {"functions": sample.functions}
    assistant = client.beta.assistants.create(model=model, extra_body=functions, **sample.assistant)
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
