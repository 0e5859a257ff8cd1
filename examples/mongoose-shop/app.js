// A small shop with Express and Mongoose. Two lines make its local MongoDB a mirrored one: mongoose.plugin(...) before the
// models, and app.use('/api/sync', ...) for those who want to see how the mirror is.
//
// MONGODB_URI, DUALSYNC_URL, DUALSYNC_TOKEN, DUALSYNC_DIRECTORY and PORT come from the environment.
'use strict';

const dualsync = require('dualsync-mongoose');
const express = require('express');
const mongoose = require('mongoose');

const mirror = dualsync({
  url: process.env.DUALSYNC_URL ?? 'http://127.0.0.1:8787',
  token: process.env.DUALSYNC_TOKEN,
  directory: process.env.DUALSYNC_DIRECTORY ?? '.dualsync',
});
mongoose.plugin(mirror);

const lineSchema = new mongoose.Schema({ item: { type: String, required: true }, quantity: { type: Number, min: 1 }, price: mongoose.Decimal128 });
const billSchema = new mongoose.Schema({ customer: { type: String, required: true, index: true }, lines: [lineSchema],
                                         paid: { type: Boolean, default: false } }, { timestamps: true });
const Bill = mongoose.model('Bill', billSchema);
const Stock = mongoose.model('Stock', new mongoose.Schema({ _id: String, left: Number }));

const app = express();
app.use(express.json());
app.use('/api/sync', dualsync.router());

app.post('/bills', async (request, response) => {
  const bill = await Bill.create(request.body);
  await Stock.bulkWrite(bill.lines.map(({ item, quantity }) => (
    { updateOne: { filter: { _id: item }, update: { $inc: { left: -quantity } }, upsert: true } })));
  response.status(201).json(bill);
});
app.post('/bills/many', async (request, response) => {
  response.status(201).json(await Bill.insertMany(request.body));
});
app.post('/bills/:id/lines', async (request, response) => {
  const bill = await Bill.findById(request.params.id);
  bill.lines.push(request.body);
  response.json(await bill.save());
});
app.post('/bills/:id/pay', async (request, response) => {
  response.json(await Bill.findByIdAndUpdate(request.params.id, { paid: true }, { returnDocument: 'after' }));
});
app.post('/customers/:name/rename', async (request, response) => {
  response.json(await Bill.updateMany({ customer: request.params.name }, { $set: { customer: request.body.name } }));
});
app.delete('/bills/:id', async (request, response) => {
  response.json(await Bill.deleteOne({ _id: request.params.id }));
});
app.delete('/bills', async (request, response) => {
  response.json(await Bill.deleteMany({ paid: true }));
});
app.get('/bills', async (request, response) => response.json(await Bill.find().sort('_id')));
app.use((error, request, response, next) => {
  response.status(error.name === 'ValidationError' ? 400 : 500).json({ error: error.message });
  void next;
});

async function main() {
  await mongoose.connect(process.env.MONGODB_URI ?? 'mongodb://127.0.0.1:27017/shop');
  const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () =>
    console.log(`listening on http://127.0.0.1:${server.address().port}`));
  const stop = async () => {
    server.close();
    await mongoose.disconnect();
    await mirror.close();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

void main();
