// Requests to the daemon, over its loopback API.
'use strict';

const http = require('node:http');
const https = require('node:https');

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;

class Client {
  /** Throws a TypeError that says what is wrong with the options. */
  constructor({ url = 'http://127.0.0.1:8787', token = '' } = {}) {
    let parsed;
    try {
      parsed = new URL(url);
    } catch {
      throw new TypeError(`dualsync: url "${url}" is not one; it is the daemon's, like http://127.0.0.1:8787`);
    }
    if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')
      throw new TypeError(`dualsync: url "${url}" begins with neither http: nor https:`);
    if (typeof token !== 'string' || !/^[\x21-\x7e]*$/.test(token))
      throw new TypeError('dualsync: token is not a text of visible ASCII characters; it is the content of <data>/api-token');
    this.base = parsed;
    this.token = token;
  }

  /** {status, headers, text}; rejects if there is no answer. */
  request(method, path, body) {
    const target = new URL(path, this.base);
    const library = target.protocol === 'https:' ? https : http;
    const headers = { accept: 'application/json' };
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = Buffer.byteLength(body);
    }
    return new Promise((resolve, reject) => {
      const request = library.request(target, { method, headers, timeout: TIMEOUT_MS, agent: false }, (answer) => {
        const parts = [];
        let size = 0;
        answer.on('data', (part) => {
          size += part.length;
          if (size > ANSWER_BYTES_MAX) request.destroy(new Error('the answer is too large'));
          else parts.push(part);
        });
        answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers,
                                         text: Buffer.concat(parts).toString('utf8') }));
        answer.on('error', reject);
      });
      request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
      request.on('error', reject);
      request.end(body);
    });
  }
}

module.exports = { Client };
