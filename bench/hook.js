// Latency of save() with and without dualsync-mongoose, by turns in one process against one server. Prints JSON.
// `Empty` is a plugin with the same hooks of save() that do nothing: what Mongoose itself takes to call them.
//
// Run  node hook.js MONGODB-URI DAEMON-URL TOKEN DIRECTORY
'use strict';

const path = require('node:path');

const PACKAGE = path.join(__dirname, '..', 'bindings', 'mongoose');
const { Mongoose } = require(path.join(PACKAGE, 'node_modules', 'mongoose'));
const dualsync = require(PACKAGE);

const [uri, url, token, directory] = process.argv.slice(2);
const ROUNDS = 40;
const SAVES = 100; // of each sort in a round
const WARM_UP = 4;

async function made(plugin, name) {
  const mongoose = new Mongoose();
  if (plugin) mongoose.plugin(plugin);
  const schema = new mongoose.Schema({ customer: String, amount: Number, lines: [new mongoose.Schema({ item: String })] });
  const Model = mongoose.model(name, schema);
  await mongoose.connect(uri);
  await Model.init();
  return { mongoose, Model };
}

async function round({ Model }, times) {
  for (let i = 0; i < SAVES; ++i) {
    const document = new Model({ customer: `c${i}`, amount: i, lines: [{ item: 'tea' }] });
    const begun = process.hrtime.bigint();
    await document.save();
    times.push(Number(process.hrtime.bigint() - begun) / 1000);
  }
}

function at(times, share) {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))];
}

function empty(schema) {
  schema.pre('save', function () {});
  schema.post('save', function () {});
  schema.post('save', function (error, document, next) { next(error); });
}

async function main() {
  const plugin = dualsync({ url, token, directory });
  const sides = [await made(null, 'Bare'), await made(empty, 'Empty'), await made(plugin, 'Hooked')];
  const times = [[], [], []];
  for (let i = 0; i < WARM_UP + ROUNDS; ++i) {
    const order = [i % 3, (i + 1) % 3, (i + 2) % 3];
    for (const side of order) await round(sides[side], i < WARM_UP ? [] : times[side]);
  }
  await plugin.close(60_000);
  for (const { mongoose } of sides) await mongoose.disconnect();
  const [bare, unused, hooked] = times;
  console.log(JSON.stringify({ saves: bare.length, medianMicroseconds: at(bare, 0.5), medianMicrosecondsHooked: at(hooked, 0.5),
                               p99Microseconds: at(bare, 0.99), p99MicrosecondsHooked: at(hooked, 0.99),
                               medianPercentMoreEmpty: (at(unused, 0.5) / at(bare, 0.5) - 1) * 100,
                               medianPercentMore: (at(hooked, 0.5) / at(bare, 0.5) - 1) * 100,
                               p99PercentMore: (at(hooked, 0.99) / at(bare, 0.99) - 1) * 100 }));
}

void main();
