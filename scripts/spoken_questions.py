"""Speaks the questions of the samples that are asked by voice, with espeak-ng: `python -m scripts.spoken_questions`."""

from local import audio_formats, espeak
from local.paths import ROOT
from samples.sample import Sample


def main() -> None:
    """Write each question that names a spoken file to that file."""
    for path in sorted((ROOT / "samples").glob("*/sample.json")):
        sample = Sample(path.parent.name)
        for question in sample.questions:
            if name := question.get("spoken"):
                sound = audio_formats.write(*espeak.speak(question["text"]), name.partition(".")[2])
                (sample.folder / name).write_bytes(sound)
                print(f"wrote {(sample.folder / name).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
