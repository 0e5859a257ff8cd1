// Server-sent events over fetch(), because EventSource cannot send a bearer token and a token has no place in a URL.

const SILENCE_MS = 6000; // the daemon speaks once a second
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 10000;

// Calls onEvent(name, data) for each event, onState("live" | "gone") when that changes and onDenied() when the token is
// wrong, which ends it. start() connects again until stop().
export class EventStream {
  constructor(url, token, { onEvent, onState, onDenied }) {
    Object.assign(this, { url, token, onEvent, onState, onDenied });
    this.retryMs = RETRY_MIN_MS;
    this.stopped = false;
  }

  async start() {
    while (!this.stopped) {
      const denied = await this.#connect();
      if (denied || this.stopped) return;
      this.onState("gone");
      await new Promise((resolve) => { setTimeout(resolve, this.retryMs); });
      this.retryMs = Math.min(this.retryMs * 2, RETRY_MAX_MS);
    }
  }

  stop() {
    this.stopped = true;
    this.abort?.abort();
  }

  // Until the connection ends; true if we are not let in.
  async #connect() {
    this.abort = new AbortController();
    let alarm;
    const heard = () => {
      clearTimeout(alarm);
      alarm = setTimeout(() => this.abort.abort(), SILENCE_MS);
    };
    try {
      heard();
      const response = await fetch(this.url, {
        headers: { Authorization: `Bearer ${this.token}` }, signal: this.abort.signal, cache: "no-store",
      });
      if (response.status === 401) {
        this.onDenied();
        return true;
      }
      if (!response.ok) return false;
      await this.#read(response.body.getReader(), heard);
    } catch {
      // Refused, broken off or silent: all the same, connected again.
    } finally {
      clearTimeout(alarm);
    }
    return false;
  }

  async #read(reader, heard) {
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      text += decoder.decode(value, { stream: true });
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        this.#dispatch(text.slice(0, end));
        text = text.slice(end + 2);
      }
    }
  }

  #dispatch(block) {
    let name = "message";
    let data = "";
    for (const line of block.split("\n")) {
      if (line.startsWith("event: ")) name = line.slice(7);
      if (line.startsWith("data: ")) data += line.slice(6);
    }
    if (!data) return;
    this.retryMs = RETRY_MIN_MS;
    this.onState("live");
    this.onEvent(name, JSON.parse(data));
  }
}
