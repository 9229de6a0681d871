// The time of a phone. It passes when the test says so: a timer that is due at once fires by itself, any other one in `advance`. While the
// phone is frozen no timer fires, and those that became due fire when it thaws, late, as on a phone.

export class Clock {
  #passed = 0;

  #frozen = false;

  #timers = new Map();

  #lastId = 0;

  /** What the code on the phone finds as globals. */
  globals() {
    const clock = this;
    class PhoneDate extends Date {
      constructor(...args) {
        if (args.length === 0) super(clock.now());
        else super(...args);
      }

      static now() {
        return clock.now();
      }
    }
    return {
      Date: PhoneDate,
      setTimeout: (action, ms = 0, ...args) => this.#set(() => action(...args), ms),
      clearTimeout: (id) => this.#timers.delete(id),
    };
  }

  now() {
    return Date.now() + this.#passed;
  }

  /** Lets time pass, and timers fire in the order in which they are due. */
  advance(ms) {
    const end = this.#passed + ms;
    for (;;) {
      const next = this.#next();
      if (!next || next.at > end) break;
      this.#passed = Math.max(this.#passed, next.at);
      this.#fire(next);
    }
    this.#passed = end;
  }

  freeze() {
    this.#frozen = true;
  }

  /** Time that passed while nothing ran. */
  thaw(ms) {
    this.#frozen = false;
    this.#passed += ms;
    this.advance(0);
  }

  #set(action, ms) {
    const timer = { id: ++this.#lastId, at: this.#passed + Math.max(ms, 0), action };
    this.#timers.set(timer.id, timer);
    if (!(ms > 0)) setImmediate(() => !this.#frozen && this.#fire(timer));
    return timer.id;
  }

  #next() {
    let first;
    for (const timer of this.#timers.values()) {
      if (!first || timer.at < first.at) first = timer;
    }
    return first;
  }

  #fire(timer) {
    if (this.#timers.delete(timer.id)) timer.action();
  }
}
