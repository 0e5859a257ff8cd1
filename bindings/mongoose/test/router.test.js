// The router, in Express and in node's own server.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const express = require('express');
const dualsync = require('..');
const { FakeDaemon } = require('./fake_daemon');

const servers = [];
let daemon;
let folder;
let plugin;

before(async () => {
  daemon = await new FakeDaemon().start();
  daemon.answer = (request) => ({ status: request.url === '/api/sync/health' ? 503 : 200,
                                  body: JSON.stringify({ path: request.url, token: request.headers.authorization }) });
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dualsync-router-'));
  plugin = dualsync({ url: daemon.url, token: 'secret', directory: folder });
});
after(async () => {
  for (const server of servers) await new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); });
  await plugin.close();
  await daemon.stop().catch(() => {});
  fs.rmSync(folder, { recursive: true });
});

async function listen(handler) {
  const server = http.createServer(handler);
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  servers.push(server);
  return `http://127.0.0.1:${server.address().port}`;
}

test('serves metrics and health, and nothing else', async () => {
  const app = express();
  app.use('/api/sync', dualsync.router());
  app.get('/api/sync/mine', (request, response) => response.send('mine'));
  const url = await listen(app);
  const metrics = await fetch(`${url}/api/sync/metrics`);
  assert.equal(metrics.status, 200);
  assert.deepEqual(await metrics.json(), { path: '/api/sync/metrics', token: 'Bearer secret' });
  const health = await fetch(`${url}/api/sync/health/?x=1`);
  assert.equal(health.status, 503);
  assert.equal((await health.json()).path, '/api/sync/health');
  assert.equal(await (await fetch(`${url}/api/sync/mine`)).text(), 'mine');
  for (const [method, place] of [['POST', 'metrics'], ['GET', 'pause'], ['POST', 'pause'], ['GET', 'status']])
    assert.equal((await fetch(`${url}/api/sync/${place}`, { method })).status, 404, `${method} ${place}`);
});

test('works without Express, and says when the daemon is gone', async () => {
  const url = await listen(plugin.router());
  assert.equal((await fetch(`${url}/metrics`)).status, 200);
  assert.equal((await fetch(`${url}/else`)).status, 404);
  await daemon.stop();
  const gone = await fetch(`${url}/metrics`);
  assert.equal(gone.status, 503);
  assert.equal((await gone.json()).code, 'no-daemon');
});
