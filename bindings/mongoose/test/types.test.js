'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');

test('the types compile', () => {
  const done = spawnSync(process.execPath, [require.resolve('typescript/bin/tsc'), '--noEmit', '--strict', '--skipLibCheck',
                                            '--target', 'es2022', '--module', 'node16', '--moduleResolution', 'node16',
                                            path.join(__dirname, 'types.ts')], { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stdout + done.stderr);
});
