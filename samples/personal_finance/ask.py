"""Personal finance: code and functions in one run, six calls in one turn, a mail that is sent once.

Run with `python -m samples.personal_finance.ask`.
"""

from collections.abc import Iterator

from openai import OpenAI

from samples.sample import Answer, Sample, ask, clean_up, main


def play(client: OpenAI, model: str) -> Iterator[Answer]:
    """Ask the sample's questions; each answer as it comes."""
    sample = Sample("personal_finance")
    files = sample.upload(client)
    assistant = client.beta.assistants.create(
        model=model,
        tool_resources={"code_interpreter": {"file_ids": [file.id for file in files]}},
        # Served by the stack's own Lambda functions; a mail alone waits for this program's word.
        extra_body={"functions": sample.functions},
        **sample.assistant,
    )
    thread = client.beta.threads.create()
    try:
        for question in sample.questions:
            # A file that comes with a message, for code to read.
            attached = [
                client.files.create(file=sample.folder / name, purpose="assistants")
                for name in question.get("attachments", [])
            ]
            files += attached
            yield ask(
                client,
                thread,
                assistant,
                question["text"],
                instructions=sample.instructions(question),
                attachments=[{"file_id": file.id, "tools": [{"type": "code_interpreter"}]} for file in attached],
            )
    finally:
        clean_up(client, assistant, files, thread)


if __name__ == "__main__":
    main(play)
