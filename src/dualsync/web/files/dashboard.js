// The dashboard. Everything it shows comes from /api/sync; everything it writes into the page is text, never markup.
import { Charts } from "/assets/charts.js";
import { $, actionButton, element, put, redraw } from "/assets/dom.js";
import { EventStream } from "/assets/events.js";
import { bytes, clock, clusterTime, count, duration, keyText, when } from "/assets/format.js";
import { HeldDeletes } from "/assets/held.js";

const TOKEN_KEY = "dualsync-token";
const LETTERS_SHOWN = 50;
const LETTERS_EVERY = 5; // samples, while there are some
const VERDICT_TEXT = {
  healthy: "Every write goes to the backup.",
  degraded: "Nothing is lost, but something needs attention.",
  unhealthy: "The backup does not follow. Something has to be done.",
};

class Dashboard {
  constructor(token) {
    this.token = token;
    this.charts = new Charts();
    this.before = null;
    this.samples = 0;
    this.lettersTotal = -1;
    this.lastHeard = null;
    this.paused = false;
    this.held = new HeldDeletes((...order) => this.ask(...order), (...order) => this.order(...order));
    this.stream = new EventStream("/api/sync/events", token, {
      onEvent: (name, data) => { if (name === "sample") this.show(data); },
      onState: (state) => this.connection(state),
      onDenied: () => { this.close(); askForToken("That is not the token of this daemon."); },
    });
    this.bind();
    this.stream.start();
  }

  close() {
    this.stream.stop();
    sessionStorage.removeItem(TOKEN_KEY);
  }

  bind() {
    $("do-pause").onclick = () => this.order("POST", this.paused ? "resume" : "pause",
      this.paused ? "Applying goes on." : "Applying is paused; capture goes on.");
    $("do-verify").onclick = () => this.order("POST", "verify", "The comparison has begun.");
    $("do-drill").onclick = () => this.order("POST", "drill", "The drill has begun.");
    $("do-full-sync").onclick = () => {
      const sure = "A full sync makes the backup equal to local, whatever it holds: documents and collections that only "
        + "the backup has are removed there. Begin?";
      if (confirm(sure)) this.order("POST", "full-sync", "The full sync has begun.");
    };
    $("retry-all").onclick = () => this.retryAll();
  }

  async ask(method, path, body) {
    const headers = { Authorization: `Bearer ${this.token}` };
    if (body) headers["Content-Type"] = "application/json";
    const response = await fetch(`/api/sync/${path}`, {
      method, headers, cache: "no-store", body: body ? JSON.stringify(body) : undefined,
    });
    const answer = await response.json();
    if (!response.ok) throw new Error([answer.detail, answer.hint].filter(Boolean).join(" - "));
    return answer;
  }

  async order(method, path, done, body) {
    try {
      await this.ask(method, path, body);
      put("said", done);
    } catch (error) {
      put("said", error instanceof TypeError ? "The daemon does not answer." : error.message);
    }
  }

  connection(state) {
    if (state === "live") this.lastHeard = new Date();
    $("connection").dataset.state = state;
    put("connection", state === "live" ? "live" : "no answer");
    $("gone").hidden = state === "live";
    $("view").classList.toggle("stale", state !== "live");
    if (state === "live") {
      $("login").hidden = true;
      $("view").hidden = false;
      return;
    }
    document.title = "no answer - dualsync";
    this.before = null; // no rates over a gap
    put("gone-text", this.lastHeard ? `It was last heard at ${clock(this.lastHeard)}.` : "It was not heard yet.");
  }

  show(sample) {
    const { status } = sample;
    const { metrics } = status;
    this.paused = status.paused;
    this.showVerdict(status);
    put("applied", clusterTime(metrics.appliedPosition, "not yet: the first copy runs"));
    put("verified", clusterTime(metrics.verifiedUntil, "not yet"));
    put("drilled", metrics.lastProvenRestore ? when(metrics.lastProvenRestore) : "not yet");
    put("waiting", `${count(metrics.queueSize)} operations, ${bytes(metrics.queueBytes)}`);
    this.showLink(status);
    this.showJobs(sample);
    this.held.show(status.held);
    this.showNumbers(status);
    this.chart(sample);
    put("do-pause", status.paused ? "Resume applying" : "Pause applying");
    const due = metrics.deadLetters > 0 && this.samples % LETTERS_EVERY === 0;
    if (metrics.deadLetters !== this.lettersTotal || due) this.showLetters(metrics.deadLetters);
    this.samples += 1;
  }

  showVerdict(status) {
    const verdict = status.enabled ? status.status : "off";
    $("verdict").dataset.verdict = verdict;
    const word = verdict[0].toUpperCase() + verdict.slice(1);
    put("verdict-word", word);
    put("verdict-text", VERDICT_TEXT[verdict] ?? "The mirror is switched off.");
    put("rpo", `RPO ${duration(status.metrics.rpoSeconds)}`);
    document.title = `${word} - dualsync`;
    const reasons = status.reasons.map((reason) => {
      const item = element("li", reason.message);
      if (reason.hint) item.append(element("span", reason.hint, { class: "hint" }));
      return item;
    });
    if ($("reasons").textContent !== reasons.map((item) => item.textContent).join("")) $("reasons").replaceChildren(...reasons);
  }

  showLink(status) {
    const { backup } = status;
    $("breaker-dot").dataset.state = backup.breaker;
    const words = { closed: "reachable; the circuit breaker is closed", open: "offline", "half-open": "trying again" };
    const since = backup.breaker === "closed" ? "" : ` for ${duration(backup.breakerSeconds)}`;
    put("breaker", words[backup.breaker] + since + (backup.cause ? `: ${backup.cause}` : ""));
    put("canary", canaryText(status.canary));
    const rows = status.lanes.map((lane, index) => {
      const row = element("tr");
      row.append(element("th", String(index + 1), { scope: "row" }));
      for (const value of [lane.inFlight, lane.batchSize, lane.batches, lane.lastBatchMs])
        row.append(element("td", count(value), { class: "text-end" }));
      return row;
    });
    $("lanes").replaceChildren(...rows);
  }

  showJobs({ status, fullSync, verify, drill }) {
    const jobs = [];
    const job = (title, done, total, more) => {
      const box = element("div", undefined, { class: "job" });
      const share = total > 0 ? Math.min(1, done / total) : 0;
      box.append(element("div", `${title}: ${count(done)} of about ${count(total)} documents${more ? `, ${more}` : ""}`));
      box.append(element("progress", undefined, { max: "1", value: String(share), "aria-label": title }));
      jobs.push(box);
    };
    if (fullSync.state === "running") {
      job("Full sync", fullSync.documentsDone, fullSync.documentsTotal,
        fullSync.etaSeconds === null ? "" : `about ${duration(fullSync.etaSeconds)} left`);
    } else if (status.copy.running) {
      job("Copy and repair", status.copy.documentsDone, status.copy.documentsTotal, status.copy.current);
    }
    if (verify.state === "running") job(`Comparison (${verify.phase})`, verify.documentsDone, verify.documentsTotal, "");
    if (drill.state === "running") jobs.push(element("div", "Drill: the backup is restored into scratch databases", { class: "job" }));
    if (jobs.length === 0) jobs.push(element("p", this.lastResults(fullSync, verify, drill), { class: "quiet mb-0" }));
    $("jobs").replaceChildren(...jobs);
  }

  lastResults(fullSync, verify, drill) {
    const ended = [];
    if (verify.state === "done") ended.push(`The last comparison found ${verify.equal ? "no difference" : "differences"}.`);
    if (verify.state === "failed") ended.push(`The last comparison failed: ${verify.error}.`);
    if (drill.state === "proven") ended.push("The last drill proved a restore.");
    if (drill.state === "not-proven") ended.push("The last drill did not prove a restore: see the reasons above.");
    if (drill.state === "failed") ended.push(`The last drill failed: ${drill.error}.`);
    if (fullSync.state === "done") ended.push(`The last full sync sent ${count(fullSync.repairs)} repairs.`);
    if (fullSync.state === "cancelled") ended.push("The last full sync was cancelled.");
    return ended.length > 0 ? ended.join(" ") : "Nothing runs but the mirror itself.";
  }

  showNumbers(status) {
    const { metrics } = status;
    const rows = [
      ["Captured", count(metrics.totalOperations)],
      ["Applied", count(metrics.successfulSyncs)],
      ["Merged before they were sent", count(metrics.coalescedOperations)],
      ["Sent", bytes(metrics.bytesSent)],
      ["Saved by merging", bytes(metrics.bytesSavedByCoalescing)],
      ["Time to the backup", `${metrics.avgSyncTime.toFixed(0)} ms`],
      ["Refusals", count(metrics.failedSyncs)],
      ["Conflicts", count(metrics.conflicts)],
      ["Oplog reaches back", metrics.oplogWindowSeconds === null ? "not known" : duration(metrics.oplogWindowSeconds)],
      ["Running for", duration(status.uptimeSeconds)],
    ];
    $("numbers").replaceChildren(...rows.map(([name, value]) => {
      const row = element("div");
      row.append(element("dt", name), element("dd", value));
      return row;
    }));
  }

  chart(sample) {
    const { metrics } = sample.status;
    const now = Date.parse(sample.time);
    let captured = null;
    let applied = null;
    if (this.before && now > this.before.time) {
      const rate = (name) => Math.max(0, metrics[name] - this.before[name]) * 1000 / (now - this.before.time);
      captured = rate("totalOperations");
      applied = rate("successfulSyncs");
    }
    this.before = { time: now, totalOperations: metrics.totalOperations, successfulSyncs: metrics.successfulSyncs };
    this.charts.add(clock(new Date(now)), { lag: metrics.rpoSeconds, captured, applied, waiting: metrics.queueSize });
  }

  async showLetters(total) {
    this.lettersTotal = total;
    $("dead-letters-none").hidden = total > 0;
    $("dead-letters-some").hidden = total === 0;
    $("retry-all").hidden = total < 2;
    if (total === 0) return $("letters").replaceChildren();
    let answer;
    try {
      answer = await this.ask("GET", `dead-letters?limit=${LETTERS_SHOWN}`);
    } catch {
      return undefined; // asked again with one of the next samples
    }
    redraw("letters", answer.deadLetters.map((letter) => this.letterRow(letter)));
    const more = answer.total - answer.deadLetters.length;
    $("letters-more").hidden = more <= 0;
    put("letters-more", `and ${count(more)} more: \`dualsync dead-letters list\` shows them`);
    return undefined;
  }

  letterRow(letter) {
    const row = element("tr");
    const key = letter.documentKey ? keyText(letter.documentKey) : letter.type;
    row.append(element("td", `${letter.namespace} ${key}`), element("td", letter.reason), element("td", when(letter.first), { class: "text-nowrap" }));
    const actions = element("td", undefined, { class: "text-end text-nowrap" });
    const button = (text, act) =>
      actions.append(actionButton(text, `${text} ${letter.namespace} ${key}`, `${text} letter ${letter.id}`, act));
    button("Retry", () => this.letterOrder("POST", `dead-letters/${letter.id}/retry`, "It is sent again, as local holds it now."));
    button("Discard", () => {
      if (confirm("The backup stays without this change until the document changes again. Discard it?"))
        this.letterOrder("DELETE", `dead-letters/${letter.id}`, "Discarded.");
    });
    row.append(actions);
    return row;
  }

  async letterOrder(method, path, done) {
    await this.order(method, path, done);
    this.lettersTotal = -1; // looked at again with the next sample
  }

  async retryAll() {
    const { deadLetters } = await this.ask("GET", "dead-letters?limit=10000");
    for (const letter of deadLetters) await this.order("POST", `dead-letters/${letter.id}/retry`, `${count(deadLetters.length)} are sent again.`);
    this.lettersTotal = -1;
  }
}

// What became of the last write that was made only to see it arrive.
function canaryText(canary) {
  const last = canary.lastArrival ? `the last arrived at ${when(canary.lastArrival)} in ${count(canary.roundTripMs)} ms` : "none arrived yet";
  switch (canary.state) {
    case "off": return "Canary: off";
    case "refused": return `Canary: off, local refuses it: ${canary.cause}`;
    case "waiting": return `Canary: on its way for ${duration(canary.waitingSeconds)}; ${last}`;
    case "missing": return `Canary: missing for ${duration(canary.waitingSeconds)}; ${last}`;
    default: return `Canary: ${last}`;
  }
}

function askForToken(error) {
  $("view").hidden = true;
  $("gone").hidden = true;
  $("login").hidden = false;
  $("login-error").hidden = !error;
  put("login-error", error ?? "");
  put("connection", "not signed in");
  $("connection").dataset.state = "connecting";
  $("token").value = "";
  $("token").focus();
}

function open(token) {
  sessionStorage.setItem(TOKEN_KEY, token);
  window.dashboard?.stream.stop();
  if (window.dashboard) location.reload(); // its charts hold the canvases
  else window.dashboard = new Dashboard(token);
}

// A link may carry the token behind the #, which no browser sends anywhere; it does not stay in the address.
function tokenOfAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) history.replaceState(null, "", location.pathname);
  return given;
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  open($("token").value.trim());
});
const token = tokenOfAddress() ?? sessionStorage.getItem(TOKEN_KEY);
if (token) open(token);
else askForToken();
