// An application of somebody else's making: express-restify-mongoose serves models over REST, with the Mongoose that it
// brings along. The one line of ours is mongoose.plugin(). Settings come as in examples/mongoose-shop.
'use strict';

const express = require('express');
const restify = require('express-restify-mongoose');
const mongoose = require(require.resolve('mongoose', { paths: [require.resolve('express-restify-mongoose')] }));
const dualsync = require('../..');

const { DUALSYNC_URL: url, DUALSYNC_TOKEN: token, DUALSYNC_DIRECTORY: directory, MONGODB_URI, PORT } = process.env;
mongoose.plugin(dualsync({ url, token, directory }));

const Customer = mongoose.model('Customer', new mongoose.Schema({
  name: { type: String, required: true, unique: true },
  comment: String,
  address: String,
  purchases: [{ item: String, number: Number }],
}));
const Invoice = mongoose.model('Invoice', new mongoose.Schema({
  customer: { type: mongoose.Schema.Types.ObjectId, ref: 'Customer' },
  amount: Number,
}));

const app = express();
app.use(express.json());
restify.serve(app, Customer);
restify.serve(app, Invoice, { findOneAndUpdate: false, findOneAndRemove: false });

mongoose.connect(MONGODB_URI).then(() => Promise.all([Customer.init(), Invoice.init()])).then(() => {
  const server = app.listen(Number(PORT), '127.0.0.1', () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}`);
  });
});
