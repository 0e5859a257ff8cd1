// GET /metrics and /health of the daemon, from the application's own web server.
'use strict';

const SERVED = new Map([['/metrics', '/api/sync/metrics'], ['/health', '/api/sync/health']]);

/** Middleware for Express, Connect or node:http; what it does not serve goes to `next`. */
function routerOf(client) {
  return function dualsyncRouter(request, response, next) {
    const path = (request.path ?? request.url ?? '').split('?')[0].replace(/\/+$/, '');
    const target = SERVED.get(path);
    if (!target || (request.method !== 'GET' && request.method !== 'HEAD')) {
      if (next) return next();
      response.writeHead(404).end();
      return undefined;
    }
    return client.request('GET', target).then(
      (answer) => {
        response.writeHead(answer.status, { 'content-type': answer.headers['content-type'] ?? 'application/json',
                                            'cache-control': 'no-store' });
        response.end(request.method === 'HEAD' ? undefined : answer.text);
      },
      () => {
        response.writeHead(503, { 'content-type': 'application/problem+json', 'cache-control': 'no-store' });
        response.end(JSON.stringify({ type: 'about:blank', title: 'Service Unavailable', status: 503, code: 'no-daemon',
                                      detail: 'the dualsync daemon does not answer', hint: 'start it: dualsync run' }));
      });
  };
}

module.exports = { routerOf };
