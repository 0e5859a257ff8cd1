// The collections in which the mass-delete guard keeps documents on the backup, and the two ways to decide.
import { $, actionButton, element, put, redraw } from "/assets/dom.js";
import { count, keyText, when } from "/assets/format.js";

const DOCUMENTS_SHOWN = 20;
const RELEASE = "The held documents are looked up on local again, and those that it no longer has are deleted on the backup. Delete them?";
const DISCARD = "The documents stay on the backup although local no longer has them. Keep them?";

export class HeldDeletes {
  // ask(method, path, body): the parsed answer. order(method, path, done, body): says in words how it went.
  constructor(ask, order) {
    this.ask = ask;
    this.order = order;
    this.drawn = "";
    this.shown = new Map(); // namespace: the ids asked for
  }

  show(held) {
    const now = JSON.stringify([held, [...this.shown]]);
    if (now === this.drawn) return;
    this.drawn = now;
    for (const ns of this.shown.keys()) if (!held.some((one) => one.namespace === ns)) this.shown.delete(ns);
    this.held = held;
    $("held").hidden = held.length === 0;
    redraw("held-rows", held.map((one) => this.row(one)));
  }

  row(one) {
    const row = element("tr");
    const what = element("td", one.documents > 0
      ? `${count(one.documents)} documents held; ${count(one.deletes)} of ${count(one.of)} were deleted on local`
      : `${count(one.deletes)} of ${count(one.of)} documents were deleted on local`);
    if (one.discarded > 0) what.append(element("div", `${count(one.discarded)} stay by a decision`, { class: "quiet" }));
    const ids = this.shown.get(one.namespace);
    if (ids) what.append(element("div", ids, { class: "quiet ids" }));
    row.append(element("td", one.namespace), what, element("td", when(one.since), { class: "text-nowrap" }), this.actions(one));
    return row;
  }

  actions(one) {
    const cell = element("td", undefined, { class: "text-end text-nowrap" });
    const { namespace } = one;
    const add = (text, act) => cell.append(actionButton(text, `${text}: ${namespace}`, `${text} held ${namespace}`, act));
    if (one.documents > 0 || one.discarded > 0) add("Which", () => this.which(one));
    if (one.documents > 0 || one.undecided) {
      add("Delete on the backup", () => this.decide("release", RELEASE, namespace));
      add("Keep", () => this.decide("discard", DISCARD, namespace));
    }
    return cell;
  }

  decide(decision, question, namespace) {
    if (!confirm(`${namespace}: ${question}`)) return;
    const done = decision === "release" ? "The deletes are applied now." : "The documents stay on the backup.";
    this.order("POST", decision, done, { namespace });
  }

  async which(one) {
    const path = `held?namespace=${encodeURIComponent(one.namespace)}&limit=${DOCUMENTS_SHOWN}`;
    try {
      const { documents, next } = await this.ask("GET", path);
      const ids = documents.map(({ documentKey }) => documentKey ? keyText(documentKey) : "?");
      const more = next === null ? "" : ", and more: GET /api/sync/held lists them all";
      this.shown.set(one.namespace, `_id ${ids.join(", ")}${more}`);
      this.show(this.held);
    } catch (error) {
      put("said", error instanceof TypeError ? "The daemon does not answer." : error.message);
    }
  }
}
