// dualsync-mongoose: see README.md.
'use strict';

const path = require('node:path');
const { Client } = require('./lib/client');
const { Hooks } = require('./lib/hooks');
const { Reporter } = require('./lib/reporter');
const { routerOf } = require('./lib/router');
const { Store } = require('./lib/store');
const { Transactions } = require('./lib/transactions');

const MEMORY_MAX = 10_000;
const FILE_BYTES_MAX = 16 * 1024 * 1024;
const CLOSE_MS = 5000;

let newest = null;

function positive(name, value) {
  if (Number.isInteger(value) && value > 0) return value;
  throw new TypeError(`dualsync: ${name} is not a whole number from 1`);
}

/**
 * A plugin for mongoose.plugin() or a schema's plugin().
 * @param {import('./index').Options} options
 */
function dualsync(options = {}) {
  if (options === null || typeof options !== 'object') throw new TypeError('dualsync: options is not an object');
  const client = new Client(options);
  const store = new Store(path.resolve(options.directory ?? '.dualsync'),
                          positive('fileBytesMax', options.fileBytesMax ?? FILE_BYTES_MAX));
  const warn = options.warn ?? ((text) => console.warn(text));
  if (typeof warn !== 'function') throw new TypeError('dualsync: warn is not a function');
  const reporter = new Reporter({ client, store, warn, memoryMax: positive('memoryMax', options.memoryMax ?? MEMORY_MAX) });
  const hooks = new Hooks(reporter, new Transactions());
  reporter.open();

  // Nothing is under way when node runs out of work; anything may be when somebody calls process.exit().
  const leave = () => reporter.leave();
  process.once('beforeExit', leave);

  const plugin = (schema) => hooks.install(schema);
  plugin.flush = () => reporter.flush();
  plugin.close = async (timeoutMs = CLOSE_MS) => {
    process.off('beforeExit', leave);
    await reporter.close(timeoutMs);
  };
  plugin.status = () => ({ pending: reporter.pending, told: reporter.told, trouble: reporter.trouble || null });
  plugin.router = () => routerOf(client);
  newest = plugin;
  return plugin;
}

/** Of the newest plugin. */
dualsync.router = () => {
  if (!newest) throw new Error('dualsync: call dualsync({url, token}) before dualsync.router()');
  return newest.router();
};

module.exports = dualsync;
module.exports.dualsync = dualsync;
module.exports.default = dualsync;
