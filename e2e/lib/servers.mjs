// The servers under test. REALTIME_URL is the address of a small control service (README.md has its contract) that starts
// and stops servers with the application of this suite, each on a port of its own. It is written twice: app.go and
// control.go around the Go library, reference/ around the official Node server.

import { PATIENCE, within } from './watch.mjs';

const CONTROL = process.env.REALTIME_URL;

async function call(method, path, body) {
  if (!CONTROL) {
    throw new Error('REALTIME_URL is not set: run the suite with `go test ./e2e`, or against the reference with `npm run reference`');
  }
  const response = await fetch(new URL(path, CONTROL), {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(2 * PATIENCE),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

export class TestServer {
  constructor({ id, url }) {
    this.url = url;
    this.path = `/servers/${id}`;
  }

  // start makes a server. Options, all of them optional: pingInterval, pingTimeout, connectTimeout (milliseconds),
  // maxPayload (bytes), origins (list), transports (list).
  static async start(options = {}) {
    return new TestServer(await call('POST', '/servers', options));
  }

  // shutdown ends the server as an operator would, and comes back when it has ended.
  shutdown() { return call('POST', `${this.path}/shutdown`); }

  // restart starts it again after a shutdown, on the same port and empty.
  restart() { return call('POST', `${this.path}/restart`); }

  // remove shuts the server down, if it still runs, and forgets it.
  remove() { return call('DELETE', this.path); }

  // gone waits until the server has seen the end of that connection, and tells what its disconnect handler was told:
  // { id, namespace, reason, rooms, user }.
  gone(id) {
    return within(call('GET', `${this.path}/gone/${encodeURIComponent(id)}`), `the server to see the end of ${id}`);
  }

  // accepted tells how many connections were admitted to all namespaces since the start.
  async accepted() { return (await call('GET', `${this.path}/accepted`)).accepted; }
}

// implementation is "go" or "node".
export async function implementation() { return (await call('GET', '/')).implementation; }
