import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Schema } from 'mongoose';

declare namespace dualsync {
  interface Options {
    /** The daemon's API; http://127.0.0.1:8787 if left out. */
    url?: string;
    /** The content of <data>/api-token, or of SYNC_API_TOKEN. */
    token?: string;
    /** Where what could not be sent outlives the process; `.dualsync` in the working directory if left out. */
    directory?: string;
    /** Keys in memory while the daemon is away (10,000); then the file. */
    memoryMax?: number;
    /** Bytes of the file (16 MiB); then whole collections are compared. */
    fileBytesMax?: number;
    /** Called once for each kind of trouble; console.warn if left out. */
    warn?: (text: string) => void;
  }

  interface Status {
    /** Keys and collections that wait to be told. */
    pending: number;
    /** Keys and collections that the daemon has taken. */
    told: number;
    /** What keeps them from the daemon at the moment. */
    trouble: string | null;
  }

  type Router = (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void) => unknown;

  interface Plugin {
    (schema: Schema<any, any, any, any, any, any, any, any>): void;
    /** Sends what waits; false if the daemon did not take all of it. */
    flush(): Promise<boolean>;
    /** The end in order: sends what waits for at most `timeoutMs` (5000), and keeps the rest for the next process. */
    close(timeoutMs?: number): Promise<void>;
    status(): Status;
    router(): Router;
  }

  /** Serves the daemon's /metrics and /health: app.use('/api/sync', dualsync.router()). */
  function router(): Router;
}

declare function dualsync(options?: dualsync.Options): dualsync.Plugin;
export = dualsync;
