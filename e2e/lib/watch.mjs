// Waiting without sleeping: every wait is for an event, and a watchdog turns a wait that never ends into a failure that
// says what was awaited. The limits are generous, because they prove an end and not a speed.

export const PATIENCE = Number(process.env.E2E_PATIENCE ?? 20_000);

// within settles as promise does, or rejects after ms with what was awaited. what may be a function, asked only then.
export function within(promise, what, ms = PATIENCE) {
  let dog;
  const bark = new Promise((_, reject) => {
    dog = setTimeout(() => {
      reject(new Error(`waited ${ms} ms in vain for ${typeof what === 'function' ? what() : what}`));
    }, ms);
  });
  return Promise.race([promise, bark]).finally(() => clearTimeout(dog));
}

// once waits for one event of anything that has on and off (client sockets, managers, engines, emitters).
export function once(source, event, what = `the event ${event}`, ms = PATIENCE) {
  let listener;
  const seen = new Promise((resolve) => {
    listener = (...args) => resolve(args);
    source.on(event, listener);
  });
  return within(seen, what, ms).finally(() => source.off(event, listener));
}

// Inbox keeps what arrived under a name until somebody asks for it, so that a test never misses what came early.
export class Inbox {
  #queues = new Map();
  #history = [];

  put(name, value) {
    this.#history.push(name);
    const queue = this.#queue(name);
    const waiter = queue.waiters.shift();
    if (waiter) waiter(value);
    else queue.items.push(value);
  }

  // next gives the oldest value not yet taken, waiting for it if there is none.
  next(name, ms = PATIENCE) {
    const queue = this.#queue(name);
    if (queue.items.length > 0) return Promise.resolve(queue.items.shift());
    const arrival = new Promise((resolve) => queue.waiters.push(resolve));
    return within(arrival, () => `"${name}"; seen so far: ${this.#history.slice(-30).join(', ') || 'nothing'}`, ms);
  }

  // take gives the next n values in their order.
  async take(name, n, ms = PATIENCE) {
    const values = [];
    while (values.length < n) values.push(await this.next(name, ms));
    return values;
  }

  // waiting tells what arrived and was not taken: for asserting that nothing came.
  waiting(name) {
    return [...this.#queue(name).items];
  }

  #queue(name) {
    let queue = this.#queues.get(name);
    if (!queue) this.#queues.set(name, (queue = { items: [], waiters: [] }));
    return queue;
  }
}
