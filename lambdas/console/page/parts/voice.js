/** Speech, for assistants that hear and speak (`assistant_type` voice or hybrid): asks with sound, and plays answers. */
import { Problem } from "./common.js";
import { part, send } from "../lib/api.js";
import * as talk from "../lib/talk.js";
import { html, useEffect, useRef, useState } from "../lib/ui.js";

const MOST_SECONDS = 300;

/** A button that records a question and sends it. */
export function Speak({ disabled }) {
  const [since, setSince] = useState(0);
  const [error, setError] = useState(null);
  const recorder = useRef(null);
  useEffect(() => () => end(recorder.current), []);
  const begin = async () => {
    setError(null);
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      const pieces = [];
      const recording = new MediaRecorder(stream);
      recorder.current = recording;
      recording.ondataavailable = ({ data }) => pieces.push(data);
      recording.onstop = () => {
        stream.getTracks().forEach((track) => track.stop());
        recorder.current = null;
        setSince(0);
        const type = recording.mimeType.split(";")[0];
        talk.say("", [{ file: new File(pieces, `question.${type.split("/")[1]}`, { type }), use: "hear" }]);
      };
      recording.start();
      setTimeout(() => end(recording), MOST_SECONDS * 1000);
      setSince(Date.now());
    } catch (refused) {
      setError({ message: `The microphone can't be used: ${refused.message}`, status: 400 });
    }
  };
  return html`<button type="button" class=${since ? "danger" : ""} disabled=${disabled && !since} aria-pressed=${Boolean(since)} onClick=${() => (since ? end(recorder.current) : begin())}>${since ? "Stop and send" : "Speak"}</button>
    <${Problem} error=${error} />`;
}

function end(recording) {
  if (recording && recording.state !== "inactive") recording.stop();
}

/** A button that makes a message heard; its speech is made when it is first asked for. */
export function Listen({ message }) {
  const [url, setUrl] = useState("");
  const [state, setState] = useState({ busy: false, error: null });
  useEffect(() => () => URL.revokeObjectURL(url), [url]);
  const load = async () => {
    setState({ busy: true, error: null });
    try {
      const path = `/threads/${part(message.thread_id)}/messages/${part(message.id)}/speech`;
      const answer = await send("GET", path, { query: { format: "mp3" } });
      setUrl(URL.createObjectURL(new Blob([await answer.arrayBuffer()], { type: "audio/mpeg" })));
      setState({ busy: false, error: null });
    } catch (error) {
      setState({ busy: false, error });
    }
  };
  if (url) return html`<audio controls autoplay src=${url} aria-label="The message as speech"></audio>`;
  return html`<div><button type="button" class="quiet" disabled=${state.busy} onClick=${load}>${state.busy ? "Making speech…" : "Listen"}</button><${Problem} error=${state.error} /></div>`;
}
