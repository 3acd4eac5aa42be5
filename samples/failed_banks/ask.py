"""Failed banks: code reads a CSV of 45 KB as it is, with its dirty headers and dates; a function knows the rest.

Run with `python -m samples.failed_banks.ask`.
"""

from collections.abc import Iterator

from openai import OpenAI

from samples.sample import Answer, Sample, ask, clean_up, main


def play(client: OpenAI, model: str) -> Iterator[Answer]:
    """Ask the sample's questions; each answer as it comes."""
    sample = Sample("failed_banks")
    files = sample.upload(client)
    # The files of an assistant are there in every thread that it works in.
    assistant = client.beta.assistants.create(
        model=model,
        tool_resources={"code_interpreter": {"file_ids": [file.id for file in files]}},
        # Served by a Lambda function of the stack.
        extra_body={"functions": sample.functions},
        **sample.assistant,
    )
    thread = client.beta.threads.create()
    try:
        for question in sample.questions:
            yield ask(client, thread, assistant, question["text"], instructions=sample.instructions(question))
    finally:
        clean_up(client, assistant, files, thread)


if __name__ == "__main__":
    main(play)
