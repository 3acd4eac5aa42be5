"""Personal finance: code and functions in one run, six calls in one turn, a mail that is sent once.

Run with `python -m samples.personal_finance.ask`.
"""

from collections.abc import Iterator

from openai import OpenAI

from samples.sample import Answer, Sample, Session, main


def play(client: OpenAI, model: str) -> Iterator[Answer]:
    """Ask the sample's questions; each answer as it comes."""
    with Session(client, model, Sample("personal_finance")) as session:
        assistant = session.create_assistant(
            tool_resources=session.code_files(),
            # Served by the stack's own Lambda functions; a mail alone waits for this program's word.
            extra_body={"functions": session.sample.functions},
        )
        thread = session.create_thread()
        for question in session.sample.questions:
            # A file that comes with a message, for code to read.
            attached = session.upload(question.get("attachments", []))
            yield session.ask(thread, assistant, question, attachments=attached)


if __name__ == "__main__":
    main(play)
