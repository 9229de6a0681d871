// A long-polling session by hand, for what the official clients never do. Engine.IO 4: packets of one body are separated
// by 0x1e.

import { PATIENCE } from './watch.mjs';

const SEPARATOR = '\u001e';

export class PollingSession {
  static async open(url) {
    const session = new PollingSession();
    session.base = `${url}/socket.io/?EIO=4&transport=polling`;
    const [open] = await session.poll();
    session.handshake = JSON.parse(open.slice(1));
    session.base += `&sid=${session.handshake.sid}`;
    return session;
  }

  // poll gives the packets of one GET.
  async poll() {
    const response = await this.#fetch('GET');
    const text = await response.text();
    if (!response.ok) throw new Error(`GET: ${response.status} ${text}`);
    return text.split(SEPARATOR);
  }

  // until polls until a packet fits, and gives everything up to and including its poll, without pings.
  async until(fits) {
    const packets = [];
    while (!packets.some(fits)) {
      for (const packet of await this.poll()) {
        if (packet === '2') await this.send('3');
        else packets.push(packet);
      }
    }
    return packets;
  }

  // post sends packets and gives the response.
  post(...packets) { return this.#fetch('POST', packets.join(SEPARATOR)); }

  // send is post for packets that must be accepted.
  async send(...packets) {
    const response = await this.post(...packets);
    if (await response.text() !== 'ok') throw new Error(`POST: ${response.status}`);
  }

  #fetch(method, body) {
    return fetch(this.base, { method, body, signal: AbortSignal.timeout(PATIENCE) });
  }
}
