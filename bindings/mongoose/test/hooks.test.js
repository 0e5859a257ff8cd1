// Each hook, on real Mongoose of both majors against a real server: what it tells the daemon, and that it changes nothing.
// DUALSYNC_TEST_MONGO names a server with transactions. Tried on the embedded server only.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, beforeEach, describe, test } = require('node:test');
const dualsync = require('..');
const { FakeDaemon } = require('./fake_daemon');

const SERVER = process.env.DUALSYNC_TEST_MONGO;

for (const major of ['mongoose', 'mongoose8']) {
  describe(`hooks of ${require(`${major}/package.json`).version}`, { skip: SERVER ? false : 'DUALSYNC_TEST_MONGO is not set' }, () => {
    const { Mongoose } = require(major);
    const mongoose = new Mongoose();
    const daemon = new FakeDaemon();
    const database = `hooks_${process.pid}_${major}`;
    const namespace = `${database}.bills`;
    const warnings = [];
    let plugin;
    let folder;
    let Bill;

    before(async () => {
      await daemon.start();
      folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dualsync-hooks-'));
      plugin = dualsync({ url: daemon.url, directory: folder, warn: (text) => warnings.push(text) });
      mongoose.plugin(plugin);
      const line = new mongoose.Schema({ text: String });
      const schema = new mongoose.Schema({ name: { type: String, required: true }, n: Number, lines: [line], one: line });
      Bill = mongoose.model('Bill', schema);
      await mongoose.connect(`${SERVER}${database}`, { monitorCommands: true });
    });
    after(async () => {
      await mongoose.connection.dropDatabase();
      await mongoose.disconnect();
      await plugin.close();
      await daemon.stop();
      fs.rmSync(folder, { recursive: true });
      assert.deepEqual(warnings, []);
    });
    beforeEach(async () => {
      await Bill.collection.deleteMany({});
      await plugin.flush();
      daemon.forget();
    });

    const told = async (...documents) => {
      assert.equal(await plugin.flush(), true);
      assert.deepEqual(daemon.ids(namespace), documents.map((one) => String(one._id ?? one)).sort());
      assert.deepEqual(daemon.ranges, []);
      daemon.forget();
    };
    const toldAsAWhole = async () => {
      assert.equal(await plugin.flush(), true);
      assert.deepEqual(daemon.ranges, [namespace]);
      daemon.forget();
    };
    const nothingTold = () => told();
    const made = async (...bills) => {
      const { insertedIds } = await Bill.collection.insertMany(bills);
      return Object.values(insertedIds);
    };

    test('a collection is on disk before its first write, however that is made', async () => {
      const where = { name: 'nobody' };
      const ways = {
        save: (model) => new model(where).save(),
        insertMany: (model) => model.insertMany([where]),
        bulkWrite: (model) => model.bulkWrite([{ insertOne: { document: where } }]),
        updateOne: (model) => model.updateOne(where, where),
        updateMany: (model) => model.updateMany(where, where),
        replaceOne: (model) => model.replaceOne(where, where),
        deleteOne: (model) => model.deleteOne(where),
        deleteMany: (model) => model.deleteMany(where),
        findOneAndUpdate: (model) => model.findOneAndUpdate(where, where),
        findOneAndReplace: (model) => model.findOneAndReplace(where, where),
        findOneAndDelete: (model) => model.findOneAndDelete(where),
      };
      const known = {};
      const look = ({ commandName, command }) => {
        if (!['insert', 'update', 'delete', 'findAndModify'].includes(commandName)) return;
        const { seen } = JSON.parse(fs.readFileSync(path.join(folder, '0', 'state.json'), 'utf8'));
        known[command[commandName]] = seen.includes(`${database}.${command[commandName]}`);
      };
      mongoose.connection.getClient().on('commandStarted', look);
      for (const [name, way] of Object.entries(ways)) {
        await way(mongoose.model(`First${name}`, new mongoose.Schema({ name: String }), `first_${name}`));
        await plugin.flush(); // what waits is as good as on disk
      }
      mongoose.connection.getClient().off('commandStarted', look);
      assert.deepEqual(known, Object.fromEntries(Object.keys(ways).map((name) => [`first_${name}`, true])));
    });

    test('save of a new and of a changed document, subdocuments within it', async () => {
      const bill = await Bill.create({ name: 'a', lines: [{ text: 'x' }], one: { text: 'y' } });
      await told(bill);
      bill.lines[0].text = 'z';
      await bill.save();
      await told(bill);
    });

    test('a save that fails before the write tells nothing, one that fails in it does', async () => {
      await assert.rejects(Bill.create({ n: 1 }), { name: 'ValidationError' });
      await nothingTold();
      const [id] = await made({ name: 'a' });
      await assert.rejects(new Bill({ _id: id, name: 'b' }).save(), { code: 11000 });
      await told(id);
    });

    test('insertMany: models, lean and raw results', async () => {
      const documents = await Bill.insertMany([{ name: 'a' }, { name: 'b' }]);
      assert.equal(documents.length, 2);
      await told(...documents);
      const lean = await Bill.insertMany([{ name: 'c' }], { lean: true });
      await told(...lean);
      const raw = await Bill.insertMany([{ name: 'd' }], { rawResult: true });
      assert.equal(raw.insertedCount, 1);
      await told(raw.insertedIds[0]);
      await Bill.insertMany({ name: 'alone' }).then((result) => told(...result));
    });

    test('insertMany with partial failures', async () => {
      const [id] = await made({ name: 'a' });
      const documents = [{ _id: id, name: 'again' }, { name: 'b' }, { name: 'c' }];
      await assert.rejects(Bill.insertMany(documents, { ordered: false }), { code: 11000 });
      const there = await Bill.find({ name: { $in: ['b', 'c'] } }).lean();
      assert.equal(there.length, 2);
      await told(id, ...there);
    });

    test('updateOne by id, by anything else, without effect, and as an upsert', async () => {
      const [id] = await made({ name: 'a', n: 1 });
      await Bill.updateOne({ _id: String(id) }, { $set: { n: 2 } });
      await told(id);
      await Bill.updateOne({ name: 'a' }, { $set: { n: 3 } });
      await toldAsAWhole();
      await Bill.updateOne({ name: 'nobody' }, { $set: { n: 3 } });
      await nothingTold();
      const { upsertedId } = await Bill.updateOne({ name: 'new' }, { $set: { n: 4 } }, { upsert: true });
      await told(upsertedId);
      const bill = await Bill.findOne({ name: 'a' });
      await bill.updateOne({ $set: { n: 5 } });
      await told(id);
    });

    test('updateMany by ids and by anything else', async () => {
      const ids = await made({ name: 'a' }, { name: 'b' });
      await Bill.updateMany({ _id: { $in: ids } }, { $set: { n: 2 } });
      await told(...ids);
      await Bill.updateMany({}, { $set: { n: 3 } });
      await toldAsAWhole();
    });

    test('replaceOne', async () => {
      const [id] = await made({ name: 'a' });
      await Bill.replaceOne({ _id: id }, { name: 'b' });
      await told(id);
    });

    test('deleteOne of a query and of a document', async () => {
      const [first, second] = await made({ name: 'a' }, { name: 'b' });
      await Bill.deleteOne({ _id: first });
      await told(first);
      const bill = await Bill.findById(second);
      await bill.deleteOne();
      await told(second);
    });

    test('deleteMany by ids and by anything else', async () => {
      const ids = await made({ name: 'a' }, { name: 'b' }, { name: 'c' });
      await Bill.deleteMany({ _id: { $in: ids.slice(0, 2) } });
      await told(...ids.slice(0, 2));
      await Bill.deleteMany({ name: 'c' });
      await toldAsAWhole();
      await Bill.deleteMany({ name: 'c' });
      await nothingTold();
    });

    test('findOneAndUpdate: the document tells its id', async () => {
      const [id] = await made({ name: 'a' });
      assert.equal((await Bill.findOneAndUpdate({ name: 'a' }, { $set: { n: 2 } })).n, undefined);
      await told(id);
      await Bill.findOneAndUpdate({ name: 'a' }, { $set: { n: 3 } }, { includeResultMetadata: true });
      await told(id);
      await Bill.findOneAndUpdate({ name: 'a' }, { $set: { n: 4 } }, { projection: { _id: 0 } });
      await toldAsAWhole();
      await Bill.findOneAndUpdate({ name: 'nobody' }, { $set: { n: 4 } });
      await nothingTold();
      await Bill.findOneAndUpdate({ name: 'new' }, { $set: { n: 4 } }, { upsert: true });
      await toldAsAWhole();
      const raw = await Bill.findOneAndUpdate({ name: 'newer' }, { $set: { n: 4 } }, { upsert: true, includeResultMetadata: true });
      await told(raw.lastErrorObject.upserted);
      await Bill.findByIdAndUpdate(id, { $set: { n: 5 } }, { projection: { _id: 0 } });
      await told(id);
    });

    test('findOneAndReplace', async () => {
      const [id] = await made({ name: 'a' });
      await Bill.findOneAndReplace({ name: 'a' }, { name: 'b' });
      await told(id);
    });

    test('findOneAndDelete', async () => {
      const [id] = await made({ name: 'a' });
      await Bill.findOneAndDelete({ name: 'a' });
      await told(id);
    });

    test('bulkWrite: inserts, upserts and ids; else the collection', async () => {
      const [first, second] = await made({ name: 'a' }, { name: 'b' });
      const result = await Bill.bulkWrite([
        { insertOne: { document: { name: 'c' } } },
        { updateOne: { filter: { _id: String(first) }, update: { $set: { n: 1 } } } },
        { deleteOne: { filter: { _id: second } } },
      ]);
      await told(result.insertedIds[0], first, second);
      const upserts = await Bill.bulkWrite([{ updateOne: { filter: { name: 'd' }, update: { $set: { n: 1 } }, upsert: true } }]);
      assert.equal(upserts.upsertedCount, 1);
      await toldAsAWhole();
      await assert.rejects(Bill.bulkWrite([{ insertOne: { document: { _id: first, name: 'x' } } },
                                           { insertOne: { document: { name: 'e' } } }], { ordered: false }), { code: 11000 });
      const there = await Bill.findOne({ name: 'e' }).lean();
      await told(first, there);
    });

    test('bulkSave', async () => {
      const bills = [new Bill({ name: 'a' }), new Bill({ name: 'b' })];
      await Bill.bulkSave(bills);
      await told(...bills);
    });

    test('a write without an answer: what it names, else the collection', async () => {
      const [id] = await made({ name: 'a', n: 1 });
      const unanswered = { writeConcern: { w: 0 } };
      await Bill.updateOne({ _id: id }, { $set: { n: 2 } }, unanswered);
      await told(id);
      await Bill.updateMany({ name: 'a' }, { $set: { n: 3 } }, unanswered);
      await toldAsAWhole();
      await Bill.deleteMany({ name: 'a' }, unanswered);
      await toldAsAWhole();
      await Bill.bulkWrite([{ deleteMany: { filter: { name: 'a' } } }], unanswered);
      await toldAsAWhole();
      const added = await Bill.insertMany([{ name: 'b' }], unanswered);
      await told(...added);
    });

    test('a query that fails may have changed something', async () => {
      const [id] = await made({ name: 'a', n: 1 });
      await assert.rejects(Bill.updateOne({ _id: id }, { $set: { 'n.x': 1 } }, { strict: false }), { name: 'MongoServerError' });
      await told(id);
      await assert.rejects(Bill.updateOne({ _id: 'no id' }, { $set: { n: 1 } }), { name: 'CastError' });
      await nothingTold();
    });

    test('a transaction is told when it commits', async () => {
      let inside;
      await mongoose.connection.transaction(async (session) => {
        [inside] = await Bill.create([{ name: 'in' }], { session });
        await Bill.insertMany([{ name: 'many' }], { session });
        await Bill.updateOne({ _id: inside._id }, { $set: { n: 1 } }, { session });
        await plugin.flush();
        assert.deepEqual(daemon.keys, [], 'nothing before the commit');
      });
      await told(...(await Bill.find().lean()));
    });

    test('a transaction that aborts is not told', async () => {
      const session = await mongoose.startSession();
      session.startTransaction();
      await Bill.create([{ name: 'in' }], { session });
      await Bill.deleteMany({ name: 'x' }, { session });
      await session.abortTransaction();
      await nothingTold();
      session.startTransaction();
      await Bill.create([{ name: 'second' }], { session });
      await session.commitTransaction();
      await session.endSession();
      await told(...(await Bill.find().lean()));
    });

    test('a transaction of the context, not named in the calls', async () => {
      mongoose.set('transactionAsyncLocalStorage', true);
      try {
        await assert.rejects(mongoose.connection.transaction(async () => {
          await Bill.insertMany([{ name: 'many' }]);
          await Bill.bulkWrite([{ insertOne: { document: { name: 'bulk' } } }]);
          await Bill.create([{ name: 'in' }]);
          await Bill.updateOne({ name: 'in' }, { $set: { n: 1 } });
          throw new Error('not to be');
        }), /not to be/);
        await nothingTold();
        await mongoose.connection.transaction(async () => {
          await Bill.insertMany([{ name: 'many' }]);
          await Bill.bulkWrite([{ insertOne: { document: { name: 'bulk' } } }]);
          await Bill.create([{ name: 'in' }]);
          await plugin.flush();
          assert.deepEqual(daemon.keys, [], 'nothing before the commit');
        });
        await told(...(await Bill.find().lean()));
      } finally {
        mongoose.set('transactionAsyncLocalStorage', false);
      }
    });

    test('ids of any type come back as they are', async () => {
      const schema = new mongoose.Schema({ _id: mongoose.Schema.Types.Mixed, v: Number });
      const Any = mongoose.models.Any ?? mongoose.model('Any', schema);
      const { BSON } = mongoose.mongo;
      const ids = [1, 2.5, 'text', new Date(5), { site: 1, n: 2 }, BSON.Long.fromString('9007199254740993'),
                   new BSON.UUID('0b1c2d3e-0000-4000-8000-000000000000'), true];
      for (const id of ids) await new Any({ _id: id, v: 1 }).save();
      await plugin.flush();
      const stored = await Any.collection.find({}, { promoteValues: false, promoteLongs: false }).toArray();
      assert.equal(stored.length, ids.length);
      assert.equal(daemon.keys.filter(([one]) => one === `${database}.anies`).length, ids.length);
      await Any.collection.drop();
    });

    test('discriminators are told under the collection that they share', async () => {
      const Special = Bill.discriminators?.Special ?? Bill.discriminator('Special', new mongoose.Schema({ extra: String }));
      const special = await Special.create({ name: 's', extra: 'e' });
      const [more] = await Special.insertMany([{ name: 't' }]);
      await told(special, more);
    });

    test('an operation of its own statics is still the one that runs', async () => {
      const schema = new mongoose.Schema({ name: String });
      schema.statics.insertMany = function (documents) { return Promise.resolve(`own ${documents.length}`); };
      const Own = mongoose.model('Own', schema);
      assert.equal(await Own.insertMany([{ name: 'a' }]), 'own 1');
      mongoose.deleteModel('Own');
    });
  });
}

test('models that were made before the plugin are named once', { skip: SERVER ? false : 'DUALSYNC_TEST_MONGO is not set' }, async () => {
  const { Mongoose } = require('mongoose');
  const mongoose = new Mongoose();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dualsync-early-'));
  const daemon = await new FakeDaemon().start();
  const warnings = [];
  mongoose.model('Early', new mongoose.Schema({ name: String }));
  const plugin = dualsync({ url: daemon.url, directory: folder, warn: (text) => warnings.push(text) });
  mongoose.plugin(plugin);
  const Late = mongoose.model('Late', new mongoose.Schema({ name: String }));
  await mongoose.connect(`${SERVER}early_${process.pid}`);
  await Late.create({ name: 'a' });
  await Late.create({ name: 'b' });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0], /Early/);
  assert.doesNotMatch(warnings[0], /Late/);
  await mongoose.connection.dropDatabase();
  await mongoose.disconnect();
  await plugin.close();
  await daemon.stop();
  fs.rmSync(folder, { recursive: true });
});
