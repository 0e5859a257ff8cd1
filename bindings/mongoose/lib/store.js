// What outlives the process: what could not be sent yet, the collections that were ever told of, and whether the last
// process of this place stopped in order.
//
// Shape    <directory>/<place>/: lock (a process id and, where /proc tells, when that process began, because ids come
//          again: in a container it is the same one at each start), state.json {clean, seen}, waiting.jsonl (a line for each
//          namespace: [namespace, key, key...])
// Rule     `clean` is false on disk from the first moment on, so that a process that dies leaves it so
// Rule     an error of the disk is the reporter's to say; it never reaches the application
'use strict';

const fs = require('node:fs');
const path = require('node:path');

const PLACES_MAX = 256;

// Of this process, whichever copy of this module took them.
const held = (globalThis[Symbol.for('dualsync-mongoose.places')] ??= new Set());

/** What tells a process from a later one of the same id; empty where the system does not say. */
function beginning(pid) {
  try {
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold anything; the time at which it started is the 20th field behind it.
    return `${boot}/${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return '';
  }
}

class Store {
  constructor(directory, bytesMax) {
    this.directory = directory;
    this.bytesMax = bytesMax;
    this.folder = null;
    this.seen = new Set();
    this.bytes = 0;
  }

  /** Takes a place that no living process has. Returns {clean, seen} of whoever had it before. */
  open() {
    fs.mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    for (let place = 0; place < PLACES_MAX; ++place) {
      const folder = path.join(this.directory, String(place));
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
      if (!this.#lock(path.join(folder, 'lock'))) continue;
      this.folder = folder;
      const before = this.#readState();
      this.seen = new Set(before.seen);
      this.bytes = this.#size();
      this.#writeState(false);
      return before;
    }
    throw new Error(`all ${PLACES_MAX} places in ${this.directory} are taken by running processes`);
  }

  #lock(file) {
    for (let tries = 0; tries < 2; ++tries) {
      try {
        fs.writeFileSync(file, `${process.pid} ${beginning(process.pid)}`, { flag: 'wx', mode: 0o600 });
        held.add(path.resolve(file));
        return true;
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
      if (this.#holderLives(file)) return false;
      fs.rmSync(file, { force: true });
    }
    return false;
  }

  #holderLives(file) {
    const [id, began = ''] = fs.readFileSync(file, 'utf8').split(' ');
    const pid = Number(id);
    if (!Number.isInteger(pid) || pid <= 0) return false;
    if (pid === process.pid) return held.has(path.resolve(file));
    try {
      process.kill(pid, 0);
    } catch (error) {
      if (error.code !== 'EPERM') return false;
    }
    const now = beginning(pid);
    return !began || !now || began === now;
  }

  #readState() {
    try {
      const { clean, seen } = JSON.parse(fs.readFileSync(path.join(this.folder, 'state.json'), 'utf8'));
      return { clean: clean === true, seen: Array.isArray(seen) ? seen.filter((one) => typeof one === 'string') : [] };
    } catch (error) {
      // None yet: nothing was ever told from here, so nothing can be missing. Damaged: nothing is known of it.
      return { clean: error.code === 'ENOENT', seen: [] };
    }
  }

  #writeState(clean) {
    const file = path.join(this.folder, 'state.json');
    const fresh = `${file}.new`;
    const fd = fs.openSync(fresh, 'w', 0o600);
    try {
      fs.writeSync(fd, JSON.stringify({ clean, seen: [...this.seen] }));
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(fresh, file);
  }

  /** Remembers that this collection is told of, before it is told of. */
  see(namespace) {
    if (!this.folder || this.seen.has(namespace)) return;
    this.seen.add(namespace);
    this.#writeState(false);
  }

  #waitingFile() {
    return path.join(this.folder, 'waiting.jsonl');
  }

  #size() {
    try {
      return fs.statSync(this.#waitingFile()).size;
    } catch {
      return 0;
    }
  }

  /** Puts keys behind those that are there. False: there is no room for them. */
  spill(waiting) {
    if (!this.folder) return false;
    let text = '';
    for (const [namespace, keys] of waiting) text += `${JSON.stringify([namespace, ...keys])}\n`;
    if (this.bytes + text.length > this.bytesMax) return false;
    fs.appendFileSync(this.#waitingFile(), text, { mode: 0o600 });
    this.bytes += text.length;
    return true;
  }

  /** All that was spilled, and forgets it. A line that was half written ends the file. */
  take() {
    if (!this.folder || this.bytes === 0) return [];
    const lines = fs.readFileSync(this.#waitingFile(), 'utf8').split('\n');
    fs.rmSync(this.#waitingFile(), { force: true });
    this.bytes = 0;
    const entries = [];
    for (const line of lines) {
      if (!line) continue;
      try {
        const [namespace, ...keys] = JSON.parse(line);
        entries.push([namespace, keys]);
      } catch {
        break;
      }
    }
    return entries;
  }

  /** The end: in order or not. */
  close(clean) {
    if (!this.folder) return;
    if (clean) this.#writeState(true);
    const lock = path.join(this.folder, 'lock');
    fs.rmSync(lock, { force: true });
    held.delete(path.resolve(lock));
    this.folder = null;
  }
}

module.exports = { Store };
