// Compiled, never run: the types say what index.js does.
import dualsync = require('..');
import { Schema } from 'mongoose';
import type { IncomingMessage, ServerResponse } from 'node:http';

const plugin: dualsync.Plugin = dualsync({ url: 'http://127.0.0.1:8787', token: 't', warn: (text: string) => text.length });
const schema = new Schema<{ name: string }>({ name: String });
schema.plugin(plugin);
plugin(schema);
const all: Promise<boolean> = plugin.flush();
const end: Promise<void> = plugin.close(100);
const { pending, told, trouble }: dualsync.Status = plugin.status();
const route: (request: IncomingMessage, response: ServerResponse, next: () => void) => unknown = dualsync.router();
// @ts-expect-error a number is no token
dualsync({ token: 7 });
export { all, end, pending, told, trouble, route };
