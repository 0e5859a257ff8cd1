// Changes within a transaction are told when it commits, and forgotten when it aborts.
'use strict';

class Transactions {
  /** @type {WeakMap<object, Array<() => void>>} */
  #waiting = new WeakMap();

  /** Runs `tell` when the session's transaction has committed; at once if it is in none. */
  afterCommit(session, tell) {
    if (!session || typeof session.inTransaction !== 'function' || !session.inTransaction()) return tell();
    if (!this.#waiting.has(session)) this.#watch(session);
    this.#waiting.get(session).push(tell);
  }

  #watch(session) {
    this.#waiting.set(session, []);
    const commit = session.commitTransaction;
    const abort = session.abortTransaction;
    const waiting = this.#waiting;
    const take = () => waiting.get(session).splice(0);
    // As the session's own properties: nobody else's sessions change, and both answer as before.
    const replace = (name, value) =>
      Object.defineProperty(session, name, { value, configurable: true, writable: true, enumerable: false });
    replace('commitTransaction', async function (...given) {
      try {
        const result = await commit.apply(this, given);
        for (const tell of take()) tell();
        return result;
      } catch (error) {
        // It may have committed all the same. Told for nothing, a key only makes the daemon read the document.
        if (error?.hasErrorLabel?.('UnknownTransactionCommitResult')) for (const tell of waiting.get(session)) tell();
        throw error;
      }
    });
    replace('abortTransaction', async function (...given) {
      take();
      return abort.apply(this, given);
    });
  }
}

module.exports = { Transactions };
