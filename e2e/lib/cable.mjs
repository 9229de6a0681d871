// A cable is the network between a client and a server: a TCP relay that can be pulled out (cut), plugged in again (mend),
// and clogged (stall: nothing passes any more, but nobody is told).

import net from 'node:net';

export class Cable {
  #relay;
  #target;
  #pairs = new Set();
  #cut = false;
  #stalled = false;

  static async to(url) {
    const cable = new Cable();
    cable.#target = Number(new URL(url).port);
    cable.#relay = net.createServer((socket) => cable.#connect(socket));
    await new Promise((resolve) => cable.#relay.listen(0, '127.0.0.1', resolve));
    cable.url = `http://127.0.0.1:${cable.#relay.address().port}`;
    return cable;
  }

  // cut breaks every connection and lets no new one through.
  cut() {
    this.#cut = true;
    this.#breakAll();
  }

  // stall stops the flow in both directions; connections stay open, new ones too, and stay silent.
  stall() {
    this.#stalled = true;
    for (const pair of this.#pairs) pair.forEach((socket) => socket.pause());
  }

  // mend lets new connections through again. What was stalled is lost.
  mend() {
    this.#cut = false;
    if (this.#stalled) this.#breakAll();
    this.#stalled = false;
  }

  close() {
    this.#breakAll();
    return new Promise((resolve) => this.#relay.close(resolve));
  }

  #breakAll() {
    for (const pair of this.#pairs) pair.forEach((socket) => socket.destroy());
    this.#pairs.clear();
  }

  #connect(near) {
    if (this.#cut) {
      near.resetAndDestroy();
      return;
    }
    const far = net.connect(this.#target, '127.0.0.1');
    const pair = [near, far];
    this.#pairs.add(pair);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.setNoDelay(true);
      from.on('data', (data) => {
        if (!to.destroyed && !to.write(data)) {
          from.pause();
          to.once('drain', () => { if (!this.#stalled) from.resume(); });
        }
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
    if (this.#stalled) pair.forEach((socket) => socket.pause());
  }
}
