// Reporter: sends the keys of changed documents to the daemon, and keeps them while it is away.
//
// Order   keys of one document may be told in any order and more than once: the daemon reads the document
// Bounds  `memoryMax` keys in memory, then a file, then the collection is told as a whole
// Errors  none: `warn` is called once for each kind of trouble, and once when it is over
'use strict';

const BATCH_KEYS = 1000;
const UNWRITTEN_MAX = 1000;
const SOON_MS = 50; // one request for all of a busy moment
const DELAYS_MS = [1000, 2000, 5000, 10_000, 30_000];
const PATIENT_MS = 60_000; // where a person has to act first

class Reporter {
  constructor({ client, store, warn, memoryMax }) {
    this.client = client;
    this.store = store;
    this.warn = warn;
    this.memoryMax = memoryMax;
    this.waiting = new Map(); // namespace -> Set of keys
    this.count = 0;
    this.inFlight = 0;
    this.unwritten = []; // what soon() was given
    this.ranges = new Set();
    this.batchKeys = BATCH_KEYS;
    this.failures = 0;
    this.timer = null;
    this.sending = null;
    this.said = new Set();
    this.trouble = '';
    this.told = 0; // keys and ranges that the daemon has taken
    this.closed = false;
  }

  /** Begins: what an earlier process left behind is told first. */
  open() {
    this.#onDisk(() => {
      const before = this.store.open();
      if (!before.clean) for (const namespace of before.seen) this.ranges.add(namespace);
    });
    if (this.ranges.size > 0 || this.store.bytes > 0) this.#later(SOON_MS);
  }

  /** Something is about to be written there. */
  about(namespace) {
    this.#onDisk(() => this.store.see(namespace));
  }

  /** Does `work`, which tells of documents, before anything is sent, and before the end: not while somebody waits. */
  soon(work) {
    if (this.unwritten.push(work) >= UNWRITTEN_MAX) this.#catchUp();
    else this.#later(SOON_MS);
  }

  documents(namespace, keys) {
    if (keys.length === 0) return;
    this.#keep(namespace, keys);
    if (this.count > this.memoryMax) this.#spill();
    this.#later(SOON_MS);
  }

  range(namespace) {
    this.ranges.add(namespace);
    this.#later(SOON_MS);
  }

  say(kind, text) {
    if (this.said.has(kind)) return;
    this.said.add(kind);
    try {
      this.warn(`dualsync: ${text}`);
    } catch { /* the application's own; nothing of it may come back to it from here */ }
  }

  get pending() {
    return this.unwritten.length + this.inFlight + this.count + this.ranges.size + (this.store.bytes > 0 ? 1 : 0);
  }

  /** Sends what there is; resolves to whether all of it was taken. */
  async flush() {
    while (this.sending || this.pending > 0) {
      if (!(await this.#send())) return false;
    }
    return true;
  }

  /** The end: sends for at most `timeoutMs`, then keeps the rest for the next process. */
  async close(timeoutMs) {
    let timer;
    const enough = new Promise((resolve) => { timer = setTimeout(resolve, timeoutMs, false); });
    await Promise.race([this.flush(), enough]);
    clearTimeout(timer);
    this.leave();
  }

  /** The same without waiting. */
  leave() {
    if (this.closed) return;
    this.#catchUp();
    this.closed = true;
    clearTimeout(this.timer);
    let kept = true;
    this.#onDisk(() => {
      kept = this.count === 0 || this.store.spill(this.waiting);
      for (const range of this.ranges) kept = kept && this.store.spill([[range, []]]);
      this.store.close(kept && this.sending === null);
    });
  }

  #catchUp() {
    for (const work of this.unwritten.splice(0)) work();
  }

  #keep(namespace, keys) {
    if (this.ranges.has(namespace)) return; // it is compared as a whole anyway
    let known = this.waiting.get(namespace);
    if (!known) this.waiting.set(namespace, (known = new Set()));
    const before = known.size;
    for (const key of keys) known.add(key);
    this.count += known.size - before;
  }

  #spill() {
    let spilled = false;
    this.#onDisk(() => { spilled = this.store.spill(this.waiting); });
    if (!spilled) {
      this.say('overflow', 'more changes wait than there is room for; their collections are compared instead');
      for (const namespace of this.waiting.keys()) this.ranges.add(namespace);
    }
    this.waiting.clear();
    this.count = 0;
  }

  #onDisk(what) {
    try {
      what();
    } catch (error) {
      this.say('disk', `its files in ${this.store.directory} cannot be used, so what is not sent when the process ends is ` +
        `only found by comparing: ${error.message}`);
    }
  }

  #later(ms) {
    if (this.timer || this.sending || this.closed) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      void this.#send();
    }, ms);
    this.timer.unref();
  }

  #send() {
    if (!this.sending) {
      this.#catchUp();
      clearTimeout(this.timer);
      this.timer = null;
      this.sending = this.#sendOnce().finally(() => {
        this.sending = null;
        this.inFlight = 0;
        if (this.pending > 0) this.#later(this.wait);
      });
    }
    return this.sending;
  }

  #takeBatch() {
    if (this.count === 0 && this.store.bytes > 0) {
      this.#onDisk(() => {
        for (const [namespace, keys] of this.store.take()) {
          if (keys.length === 0) this.ranges.add(namespace);
          else this.#keep(namespace, keys);
        }
      });
    }
    const ranges = [...this.ranges].slice(0, this.batchKeys);
    const operations = [];
    for (const [namespace, keys] of this.waiting) {
      for (const key of keys) {
        if (operations.length >= this.batchKeys) break;
        operations.push([namespace, key]);
      }
    }
    for (const range of ranges) this.ranges.delete(range);
    for (const [namespace, key] of operations) {
      this.waiting.get(namespace).delete(key);
      if (this.waiting.get(namespace).size === 0) this.waiting.delete(namespace);
      --this.count;
    }
    return { ranges, operations };
  }

  #giveBack({ ranges, operations }) {
    for (const range of ranges) this.ranges.add(range);
    for (const [namespace, key] of operations) this.#keep(namespace, [key]);
  }

  // True if the daemon took it (or there was nothing that it will ever take).
  async #sendOnce() {
    const batch = this.#takeBatch();
    this.inFlight = batch.ranges.length + batch.operations.length;
    if (this.inFlight === 0) return true;
    const body = JSON.stringify({
      operations: batch.operations.map(([collection, base64]) =>
        ({ collection, filterBson: { $binary: { base64, subType: '00' } } })),
      dirtyRanges: batch.ranges.map((collection) => ({ collection })),
    });
    let answer;
    try {
      answer = await this.client.request('POST', '/api/sync/operations', body);
    } catch (error) {
      return this.#failed(batch, 'away', `the daemon at ${this.client.base.origin} does not answer (${error.code ?? ''} ` +
        `${error.message}); changes are kept until it does`);
    }
    return this.#answered(batch, answer);
  }

  #answered(batch, { status, headers, text }) {
    switch (status) {
      case 202:
        this.#over();
        this.told += batch.ranges.length + batch.operations.length;
        return true;
      case 400: return this.#refused(batch, text);
      case 401:
      case 403:
        return this.#failed(batch, 'token', `the daemon refuses the token (HTTP ${status}); it is the content of ` +
          '<data>/api-token, or of SYNC_API_TOKEN', PATIENT_MS);
      case 404:
      case 405:
        return this.#failed(batch, 'version', `what answers at ${this.client.base.origin} takes no reports (HTTP ${status}): ` +
          'is it dualsync, and of this version?', PATIENT_MS);
      case 409:
        return this.#failed(batch, 'off', 'the mirror is switched off (SYNC_ENABLED is not true)', PATIENT_MS);
      case 413:
        this.batchKeys = Math.max(1, Math.floor(this.batchKeys / 2));
        return this.#failed(batch, '', '', SOON_MS);
      case 429:
      case 503: {
        const seconds = Number(headers['retry-after']);
        return this.#failed(batch, '', '', seconds > 0 ? seconds * 1000 : undefined);
      }
      default:
        return this.#failed(batch, 'answer', `the daemon answers HTTP ${status}: ${text.slice(0, 300)}`);
    }
  }

  #failed(batch, kind, text, wait) {
    this.#giveBack(batch);
    this.wait = wait ?? DELAYS_MS[Math.min(this.failures, DELAYS_MS.length - 1)];
    ++this.failures;
    if (kind) {
      this.trouble = kind;
      this.say(kind, text);
    }
    if (this.count > this.memoryMax) this.#spill();
    return false;
  }

  // One of them is not understood; the collections as a whole will be.
  #refused(batch, text) {
    this.say('refused', `the daemon does not understand a key: ${text.slice(0, 300)}. Collections are compared instead`);
    for (const [namespace] of batch.operations) this.ranges.add(namespace);
    this.wait = batch.operations.length > 0 ? SOON_MS : PATIENT_MS;
    return batch.operations.length === 0;
  }

  #over() {
    this.failures = 0;
    this.wait = SOON_MS;
    if (!this.trouble) return;
    this.said.delete(this.trouble);
    this.trouble = '';
    this.said.delete('back');
    this.say('back', 'the daemon takes reports again');
  }
}

module.exports = { Reporter };
