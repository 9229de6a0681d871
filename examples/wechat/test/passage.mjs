// A way to a server that is blocked until the test opens it: connections are taken, and nothing comes through.

import net from "node:net";

export class Passage {
  static async open(t, server) {
    const passage = new Passage(Number(new URL(server.url).port));
    await new Promise((resolve) => passage.listener.listen(0, "127.0.0.1", resolve));
    passage.port = passage.listener.address().port;
    t.after(() => passage.close());
    return passage;
  }

  constructor(to) {
    this.sockets = new Set();
    this.reached = new Promise((reached) => {
      this.released = new Promise((release) => {
        this.release = release;
      });
      this.listener = net.createServer((near) => {
        reached();
        this.#connect(near, to);
      });
    });
  }

  async #connect(near, to) {
    this.#keep(near);
    await this.released;
    const far = net.connect(to, "127.0.0.1");
    this.#keep(far);
    near.pipe(far).pipe(near);
  }

  #keep(socket) {
    this.sockets.add(socket);
    socket.on("error", () => socket.destroy()); // the other end went away: nothing to tell
    socket.on("close", () => this.sockets.delete(socket));
  }

  close() {
    this.listener.close();
    this.sockets.forEach((socket) => socket.destroy());
  }
}
