// What is hooked into a schema, and what each hook tells the reporter.
//
// Rule  nothing here throws, waits, or changes what the application gets: hooks look at results after the fact, and the
//       two wrapped statics return the very promise of Mongoose's own
// Rule  a key that is told for nothing does no harm (the daemon reads the document), one that is not told does. So what
//       failed in a way that may have changed something is told, too
'use strict';

const { keyOf, idsOf } = require('./keys');

const OURS = Symbol('dualsync');
const QUERIES = ['updateOne', 'updateMany', 'replaceOne', 'deleteOne', 'deleteMany'];
const FIND_QUERIES = ['findOneAndUpdate', 'findOneAndReplace', 'findOneAndDelete'];

class Hooks {
  /**
   * @param {import('./reporter').Reporter} reporter
   * @param {import('./transactions').Transactions} transactions
   */
  constructor(reporter, transactions) {
    this.reporter = reporter;
    this.transactions = transactions;
    this.schemas = new WeakSet(); // that have the hooks
    this.checked = new WeakSet(); // Mongoose instances whose models were looked at
  }

  install(schema) {
    if (this.schemas.has(schema)) return;
    this.schemas.add(schema);
    const hooks = this;
    // Before the write, so that a process that dies right behind it is known to have written there.
    schema.pre('save', function () { hooks.before(this.constructor); });
    for (const name of [...QUERIES, ...FIND_QUERIES]) {
      schema.pre(name, { query: true, document: false }, function () { hooks.before(this.model); });
    }
    schema.post('save', function () { hooks.saved(this); });
    schema.post('save', function (error, document, next) { hooks.saveFailed(this, error); next(error); });
    const queries = { query: true, document: false };
    for (const name of QUERIES) {
      schema.post(name, queries, function (result) { hooks.queried(this, result); });
    }
    for (const name of FIND_QUERIES) {
      schema.post(name, queries, function (result) { hooks.found(this, result); });
    }
    for (const name of [...QUERIES, ...FIND_QUERIES]) {
      schema.post(name, queries, function (error, result, next) { hooks.queryFailed(this, error); next(error); });
    }
    this.wrap(schema, 'insertMany', (model, given, outcome) => hooks.insertedMany(model, given, outcome));
    this.wrap(schema, 'bulkWrite', (model, given, outcome) => hooks.wroteBulk(model, given, outcome));
  }

  // Middleware of these two gets neither their session nor, with rawResult, the result in every version.
  wrap(schema, name, tell) {
    const own = schema.statics[name]; // the application's, if it has one
    if (own?.[OURS]) return; // a discriminator inherits it
    const hooks = this;
    const wrapped = function (...given) {
      const original = own ?? this.base.Model[name];
      hooks.before(this);
      const promise = original.apply(this, given);
      if (promise && typeof promise.then === 'function') {
        promise.then((result) => hooks.safely(() => tell(this, given, { result })),
                     (error) => hooks.safely(() => tell(this, given, { error })));
      }
      return promise;
    };
    wrapped[OURS] = true;
    schema.statics[name] = wrapped;
  }

  before(model) {
    this.safely(() => {
      if (model?.db?.name) this.reporter.about(this.namespaceOf(model));
    });
  }

  saved(document) {
    this.safely(() => {
      if (document.$isSubdocument || !document.constructor?.db) return; // its parent's hook tells of it
      const model = document.constructor;
      const id = document._id;
      const session = this.sessionOf(model, { session: document.$session?.() });
      // The application waits for what is done here; an id that nobody can change may as well be written down later.
      const fixed = typeof id !== 'object' || id?._bsontype === 'ObjectId';
      if (session || !fixed) return this.tellIds(model, [id], session);
      this.look(model);
      this.reporter.soon(() => this.safely(() => this.tellIds(model, [id])));
    });
  }

  saveFailed(document, error) {
    if (!this.isOwnError(document.constructor, error)) this.saved(document);
  }

  queried(query, result) {
    this.safely(() => {
      const changed = !result || result.acknowledged === false || result.modifiedCount > 0 || result.upsertedCount > 0 ||
        result.deletedCount > 0;
      if (!changed) return;
      const ids = idsOf(query.getFilter(), query.getOptions().collation);
      const upserted = result?.upsertedCount > 0 ? [result.upsertedId] : [];
      const matched = result ? (result.matchedCount ?? result.deletedCount ?? 1) : 1;
      this.tell(query.model, ids, upserted, matched > 0, this.sessionOf(query.model, query.getOptions()));
    });
  }

  found(query, result) {
    this.safely(() => {
      const options = query.getOptions();
      const raw = options.includeResultMetadata || options.rawResult;
      const document = raw ? result?.value : result;
      const inserted = raw ? result?.lastErrorObject?.upserted : undefined;
      const session = this.sessionOf(query.model, options);
      const ids = idsOf(query.getFilter(), query.getOptions().collation);
      if (inserted !== undefined) return this.tellIds(query.model, [inserted], session);
      if (document && document._id !== undefined) return this.tellIds(query.model, [document._id], session);
      if (document || options.upsert) this.tell(query.model, ids, [], true, session);
    });
  }

  queryFailed(query, error) {
    this.safely(() => {
      if (this.isOwnError(query.model, error)) return;
      const options = query.getOptions();
      const ids = idsOf(query.getFilter(), options.collation);
      this.tell(query.model, ids, [], true, this.sessionOf(query.model, options));
    });
  }

  insertedMany(model, given, { result, error }) {
    const session = this.sessionOf(model, given[1]);
    const documents = [].concat(given[0] ?? []);
    if (error) {
      if (this.isOwnError(model, error)) return;
      const known = [...(error.insertedDocs ?? []), ...documents].map((one) => one?._id).filter((id) => id !== undefined);
      const ids = [...known, ...Object.values(error.result?.insertedIds ?? {})];
      return this.tell(model, ids.length >= documents.length ? ids : null, [], true, session);
    }
    const ids = Array.isArray(result) ? result.map((one) => one?._id) : Object.values(result?.insertedIds ?? {});
    const whole = !ids.includes(undefined) && (Array.isArray(result) || result?.insertedIds || documents.length === 0);
    this.tell(model, whole ? ids : null, [], documents.length > 0, session);
  }

  wroteBulk(model, given, { result, error }) {
    if (error && this.isOwnError(model, error)) return;
    const session = this.sessionOf(model, given[1]);
    const outcome = result ?? error?.result ?? {};
    const ids = Object.values(outcome.insertedIds ?? {}); // what is upserted by no id is in the range that its filter is
    let all = true;
    for (const operation of given[0] ?? []) {
      if (operation.insertOne) {
        const id = operation.insertOne.document?._id;
        if (id !== undefined) ids.push(id);
        else if (error && !outcome.insertedIds) all = false;
        continue;
      }
      const [one] = Object.values(operation);
      const named = idsOf(one?.filter, one?.collation);
      if (named) ids.push(...named);
      else all = false;
    }
    this.tell(model, all ? ids : null, [], true, session);
  }

  /** `ids` null: any document of the collection may have changed, if `some` did. */
  tell(model, ids, more, some, session) {
    if (ids || !some) return this.tellIds(model, [...(ids ?? []), ...more], session);
    this.transactions.afterCommit(session, () => this.reporter.range(this.namespaceOf(model)));
  }

  tellIds(model, ids, session) {
    this.look(model);
    const { BSON } = model.base.mongo;
    const type = model.schema.path('_id');
    const cast = (id) => { try { return type ? type.cast(id) : id; } catch { return id; } };
    const namespace = this.namespaceOf(model);
    const keys = ids.filter((id) => id !== undefined).map((id) => keyOf(BSON, cast(id)));
    this.transactions.afterCommit(session, () => this.reporter.documents(namespace, keys));
  }

  namespaceOf(model) {
    return `${model.db.name}.${model.collection.collectionName ?? model.collection.name}`;
  }

  sessionOf(model, options) {
    return options?.session ?? model.db?.base?.transactionAsyncLocalStorage?.getStore?.()?.session;
  }

  // Mongoose's own errors (validation, casts, versions) come instead of a write, not after one.
  isOwnError(model, error) {
    const own = model?.base?.Error;
    return Boolean(own && error instanceof own);
  }

  // Models that were compiled before the plugin have no hooks; that is said once.
  look(model) {
    if (this.checked.has(model.base)) return;
    this.checked.add(model.base);
    const blind = model.base.connections.flatMap((one) => Object.values(one.models))
      .filter((one) => !one.insertMany?.[OURS]).map((one) => one.modelName);
    if (blind.length > 0) {
      this.reporter.say('model', `these models were made before the plugin, so nothing tells of their changes: ` +
        `${blind.join(', ')}. Call mongoose.plugin(dualsync(...)) before the first mongoose.model()`);
    }
  }

  safely(what) {
    try {
      what();
    } catch (error) {
      this.reporter.say('hook', `a change could not be told, comparing will find it: ${error.message}`);
    }
  }
}

module.exports = { Hooks };
