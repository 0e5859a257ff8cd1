// A daemon that takes reports and remembers them; what it answers can be changed.
'use strict';

const http = require('node:http');
const { BSON } = require('mongoose').mongo;

class FakeDaemon {
  constructor() {
    this.keys = []; // [namespace, id]
    this.ranges = [];
    this.requests = 0;
    this.answer = () => ({ status: 202 });
  }

  async start(port = 0) {
    this.server = http.createServer((request, response) => {
      let text = '';
      request.on('data', (part) => { text += part; });
      request.on('end', () => this.#take(request, response, text));
    });
    await new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }

  #take(request, response, text) {
    ++this.requests;
    const { status, headers = {}, body = '{}' } = this.answer(request, text);
    if (status === 202) {
      const { operations = [], dirtyRanges = [] } = JSON.parse(text);
      for (const { collection, filterBson } of operations)
        this.keys.push([collection, BSON.deserialize(Buffer.from(filterBson.$binary.base64, 'base64'))._id]);
      for (const { collection } of dirtyRanges) this.ranges.push(collection);
    }
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  }

  forget() {
    this.keys = [];
    this.ranges = [];
  }

  ids(namespace) {
    return this.keys.filter(([one]) => one === namespace).map(([, id]) => String(id)).sort();
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

module.exports = { FakeDaemon };
