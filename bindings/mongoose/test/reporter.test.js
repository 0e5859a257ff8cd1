// The reporter against a daemon that refuses, is away, or comes back; and what outlives a process.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { afterEach, beforeEach, describe, test } = require('node:test');
const dualsync = require('..');
const { Client } = require('../lib/client');
const { Reporter } = require('../lib/reporter');
const { Store } = require('../lib/store');
const { FakeDaemon } = require('./fake_daemon');
const { keyOf, idsOf } = require('../lib/keys');
const { BSON } = require('mongoose').mongo;

const NAMESPACE = 'shop.bills';

test('the key of an ObjectId is what the serialiser makes of it', () => {
  for (const id of [new BSON.ObjectId(), new BSON.ObjectId('00'.repeat(12)), new BSON.ObjectId('ff'.repeat(12))])
    assert.equal(keyOf(BSON, id), Buffer.from(BSON.serialize({ _id: id })).toString('base64'));
});

describe('reporter', () => {
  let daemon;
  let folder;
  let warnings;
  const opened = [];

  beforeEach(async () => {
    daemon = await new FakeDaemon().start();
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dualsync-reporter-'));
    warnings = [];
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) one.leave();
    await daemon.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const open = ({ memoryMax = 100, bytesMax = 1 << 20, token = '' } = {}) => {
    const reporter = new Reporter({ client: new Client({ url: daemon.url, token }), store: new Store(folder, bytesMax),
                                    warn: (text) => warnings.push(text), memoryMax });
    reporter.open();
    opened.push(reporter);
    return reporter;
  };
  const tell = (reporter, from, to) => {
    reporter.about(NAMESPACE);
    for (let id = from; id < to; ++id) reporter.documents(NAMESPACE, [keyOf(BSON, id)]);
  };
  const expectIds = (from, to) => {
    const wanted = [];
    for (let id = from; id < to; ++id) wanted.push(String(id));
    assert.deepEqual([...new Set(daemon.ids(NAMESPACE))].sort(), wanted.sort());
  };

  test('sends soon by itself, each key once', async () => {
    const reporter = open();
    tell(reporter, 0, 50);
    tell(reporter, 0, 50);
    while (reporter.pending > 0) await new Promise((resolve) => { setTimeout(resolve, 5); });
    expectIds(0, 50);
    assert.equal(daemon.keys.length, 50);
    assert.equal(reporter.pending, 0);
  });

  test('what is put off comes before anything is sent, and before the end', async () => {
    const reporter = open();
    const later = (id) => reporter.soon(() => reporter.documents(NAMESPACE, [keyOf(BSON, id)]));
    later(0);
    assert.equal(reporter.pending, 1);
    assert.equal(await reporter.flush(), true);
    expectIds(0, 1);
    later(1);
    while (reporter.pending > 0) await new Promise((resolve) => { setTimeout(resolve, 5); });
    expectIds(0, 2);
    reporter.about(NAMESPACE);
    later(2);
    reporter.leave();
    const next = open();
    assert.deepEqual([...next.ranges], [], 'it ended in order');
    assert.equal(await next.flush(), true);
    expectIds(0, 3);
  });

  test('sends in batches', async () => {
    const reporter = open({ memoryMax: 10_000 });
    tell(reporter, 0, 2500);
    assert.equal(await reporter.flush(), true);
    assert.equal(daemon.keys.length, 2500);
    assert.equal(daemon.requests, 3);
  });

  test('while the daemon is away, memory, then the file, then whole collections', async () => {
    const reporter = open({ memoryMax: 10, bytesMax: 2000 });
    const { port } = daemon;
    await daemon.stop();
    tell(reporter, 0, 25);
    assert.equal(await reporter.flush(), false);
    assert.ok(reporter.store.bytes > 0, 'the file holds what memory does not');
    daemon = await new FakeDaemon().start(port);
    assert.equal(await reporter.flush(), true);
    expectIds(0, 25);
    assert.deepEqual(daemon.ranges, []);
    await daemon.stop();
    tell(reporter, 100, 400);
    assert.equal(await reporter.flush(), false);
    daemon = await new FakeDaemon().start(port);
    assert.equal(await reporter.flush(), true);
    assert.deepEqual(daemon.ranges, [NAMESPACE], 'past every bound the collection is told');
    assert.equal(warnings.filter((text) => /does not answer/.test(text)).length, 2, 'once for each absence');
    assert.equal(warnings.filter((text) => /takes reports again/.test(text)).length, 2);
  });

  test('a wrong token, another server, a mirror that is off: said once, and kept', async () => {
    for (const [status, what] of [[401, /token/], [404, /of this version/], [409, /SYNC_ENABLED/]]) {
      daemon.answer = () => ({ status });
      const reporter = open();
      warnings.length = 0;
      tell(reporter, 0, 3);
      for (let i = 0; i < 3; ++i) assert.equal(await reporter.flush(), false);
      assert.equal(warnings.length, 1, `HTTP ${status}`);
      assert.match(warnings[0], what);
      daemon.answer = () => ({ status: 202 });
      assert.equal(await reporter.flush(), true);
      reporter.leave();
    }
    expectIds(0, 3);
  });

  test('a body that is too large is halved, a busy daemon is asked later', async () => {
    daemon.answer = (request, text) => ({ status: JSON.parse(text).operations.length > 100 ? 413 : 202 });
    const reporter = open({ memoryMax: 10_000 });
    tell(reporter, 0, 1000);
    while (!(await reporter.flush()));
    expectIds(0, 1000);
    daemon.answer = () => ({ status: 429, headers: { 'retry-after': '7' } });
    tell(reporter, 0, 1);
    assert.equal(await reporter.flush(), false);
    assert.equal(reporter.wait, 7000);
    assert.deepEqual(warnings, [], 'that is no trouble');
  });

  test('a key that the daemon does not understand makes its collection be compared', async () => {
    daemon.answer = (request, text) => (JSON.parse(text).operations.length > 0 ? { status: 400, body: '{"detail":"operations[0]"}' }
      : { status: 202 });
    const reporter = open();
    tell(reporter, 0, 3);
    while (!(await reporter.flush()));
    assert.deepEqual(daemon.ranges, [NAMESPACE]);
    assert.equal(warnings.length, 1);
  });

  test('what was not sent at the end is sent by the next process', async () => {
    const { port } = daemon;
    const first = open();
    await daemon.stop();
    tell(first, 0, 5);
    first.range('shop.lines');
    await first.close(50);
    daemon = await new FakeDaemon().start(port);
    const second = open();
    assert.equal(await second.flush(), true);
    expectIds(0, 5);
    assert.deepEqual(daemon.ranges, ['shop.lines'], 'and nothing else is doubted');
  });

  test('a process that died makes the next one doubt every collection that it wrote to', async () => {
    const script = `
      const dualsync = require(${JSON.stringify(path.resolve(__dirname, '..'))});
      const { Store } = require(${JSON.stringify(path.resolve(__dirname, '../lib/store'))});
      const store = new Store(${JSON.stringify(folder)}, 1000);
      store.open();
      store.see('shop.bills');
      store.see('shop.lines');
      process.kill(process.pid, 'SIGKILL');`;
    assert.equal(spawnSync(process.execPath, ['-e', script]).signal, 'SIGKILL');
    const reporter = open();
    assert.equal(await reporter.flush(), true);
    assert.deepEqual(daemon.ranges.sort(), ['shop.bills', 'shop.lines']);
  });

  // In a container the process has the same id at each start.
  for (const [whose, pid] of [['our own', process.pid], ["another process's", process.ppid]]) {
    test(`a process that died and had what is ${whose} id now is noticed, too`, async (t) => {
      if (pid !== process.pid && !fs.existsSync(`/proc/${pid}/stat`)) return t.skip('no /proc here');
      const place = path.join(folder, '0');
      fs.mkdirSync(place, { recursive: true });
      fs.writeFileSync(path.join(place, 'lock'), `${pid} another boot/1`);
      fs.writeFileSync(path.join(place, 'state.json'), JSON.stringify({ clean: false, seen: ['shop.bills'] }));
      const reporter = open();
      assert.equal(reporter.store.folder, place);
      assert.equal(await reporter.flush(), true);
      assert.deepEqual(daemon.ranges, ['shop.bills']);
    });
  }

  test('processes that run beside each other have places of their own', () => {
    const first = open();
    const second = open();
    assert.notEqual(first.store.folder, second.store.folder);
    const place = second.store.folder;
    second.leave();
    assert.equal(open().store.folder, place);
  });

  test('a directory that cannot be used is said once and stops nothing', async () => {
    fs.rmSync(folder, { recursive: true });
    fs.writeFileSync(folder, 'a file');
    const reporter = open();
    tell(reporter, 0, 3);
    reporter.about('shop.other');
    assert.equal(await reporter.flush(), true);
    expectIds(0, 3);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0], /cannot be used/);
  });
});

test('options that are wrong are refused at once', () => {
  for (const options of [{ url: 'no url' }, { url: 'ftp://host' }, { token: 'with space' }, { token: 7 }, { memoryMax: 0 },
                         { fileBytesMax: 1.5 }, { warn: 'loud' }, null]) {
    assert.throws(() => dualsync(options), TypeError);
  }
});

test('ids that a filter names', () => {
  const id = new BSON.ObjectId();
  assert.deepEqual(idsOf({ _id: id }), [id]);
  assert.deepEqual(idsOf({ _id: null, a: 1 }), [null]);
  assert.deepEqual(idsOf({ _id: { $in: [1, 2] } }), [1, 2]);
  const collation = { locale: 'en', strength: 2 };
  assert.equal(idsOf({ _id: 'a' }, collation), null);
  assert.equal(idsOf({ _id: { $in: [1, 'a'] } }, collation), null);
  assert.equal(idsOf({ _id: { $in: [{ name: 'a' }] } }, collation), null);
  assert.deepEqual(idsOf({ _id: { $in: [id, 1, null] } }, collation), [id, 1, null]);
  assert.deepEqual(idsOf({ _id: { $eq: 1 } }), [1]);
  assert.deepEqual(idsOf({ _id: { site: 1 } }), [{ site: 1 }]);
  for (const filter of [{}, undefined, { _id: undefined }, { _id: { $gt: 1 } }, { _id: /a/ }, { _id: { $in: [/a/] } }, { $or: [{ _id: 1 }] }])
    assert.equal(idsOf(filter), null);
});
