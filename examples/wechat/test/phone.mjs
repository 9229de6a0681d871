// A phone with one mini game: the parts of `wx` that the game uses, and what the player does with the phone.

import { Clock } from "./clock.mjs";
import { load } from "./loader.mjs";
import { connectSocket, request } from "./network.mjs";

/** What would otherwise wait for ever is reported after this many ms of real time. It is no expectation. */
export const WATCHDOG = 60000;

export class Phone {
  /**
   * @param {object} options
   * @param {string} options.player the codes of its wx.login begin with it
   * @param {string} options.server its domain is in the platform's list, if `domains` says nothing else
   */
  constructor({ player, server, domains, limit = 5, silentTasks = false, refuseLogin = false, origin, port, storage = {} }) {
    Object.assign(this, { player, server, limit, silentTasks, refuseLogin, origin, port });
    this.domains = domains ?? { request: [server], socket: [server.replace("https", "wss")] };
    this.clock = new Clock();
    this.storage = new Map(Object.entries(storage).map(([key, value]) => [key, JSON.stringify(value)]));
    this.tasks = []; // every socket there ever was
    this.most = 0; // of them at a time
    this.connects = 0; // calls of wx.connectSocket
    this.logins = 0; // calls of wx.login
    this.failedLogins = 0;
    this.cutOff = false; // by the platform, some seconds after hide
    this.screen = [];
    this.log = []; // what listeners threw
    this.withheld = []; // what happened while cut off
    this.listeners = { hide: [], show: [], touch: [], network: [] };
    this.watchers = new Set();
    this.wx = this.#makeWx();
  }

  /** Starts the game, made for this phone's server. */
  async start(folder, entry, replaced) {
    const config = { "config.js": `export const SERVER = ${JSON.stringify(this.server)};` };
    await load(folder, entry, { ...config, ...replaced }, { wx: this.wx, console, ...this.clock.globals() });
  }

  // -- what the player does, and the platform --

  touch() {
    this.#fire("touch", {});
  }

  /** The player looks at something else. */
  hide() {
    this.#fire("hide", {});
  }

  /** Some seconds later the platform ends the sockets and freezes the game. */
  async cut() {
    this.cutOff = true;
    this.clock.freeze();
    this.tasks.forEach((task) => task.cut());
    await Promise.all(this.tasks.map((task) => task.ended));
  }

  /**
   * The player is back, after ms. What happened meanwhile is told before onShow, after it, or "never", in which case sockets that were cut
   * swallow everything without a word.
   */
  show({ after = 10000, told = "before" } = {}) {
    const withheld = this.withheld.splice(0);
    if (told === "never") this.tasks.forEach((task) => { task.mute = true; });
    this.cutOff = false;
    this.clock.thaw(after);
    if (told === "before") withheld.forEach((event) => event());
    this.#fire("show", {});
    if (told === "after") withheld.forEach((event) => event());
  }

  /** Switches the phone off: the end of a test. */
  async off() {
    await this.cut();
  }

  // -- what the test sees --

  /** Waits until a line of the screen matches. */
  sees(pattern) {
    return this.until(() => this.screen.some((line) => pattern.test(line)), `a line like ${pattern}`);
  }

  until(condition, what) {
    return new Promise((resolve, reject) => {
      const state = () => JSON.stringify({ screen: this.screen, log: this.log, connects: this.connects, logins: this.logins });
      const watchdog = setTimeout(() => reject(new Error(`${this.player} waits for ${what}: ${state()}`)), WATCHDOG);
      const look = () => {
        if (!condition()) return;
        this.watchers.delete(look);
        clearTimeout(watchdog);
        resolve();
      };
      this.watchers.add(look);
      look();
    });
  }

  changed() {
    this.most = Math.max(this.most, this.tasks.filter((task) => !task.over).length);
    setImmediate(() => this.watchers.forEach((look) => look()));
  }

  // -- inside --

  /** Hands something to the game: now, or when the phone is not cut off any more. What it throws ends in the log. */
  tell(event) {
    if (this.cutOff) {
      this.withheld.push(event);
      return;
    }
    try {
      event();
    } catch (err) {
      this.log.push(err.message);
    }
    this.changed();
  }

  /** Callbacks of `wx` never come from inside the call. */
  later(callback) {
    setImmediate(() => this.tell(callback));
  }

  #fire(kind, event) {
    this.listeners[kind].forEach((listener) => this.tell(() => listener(event)));
  }

  #makeWx() {
    const on = (kind) => (listener) => this.listeners[kind].push(listener);
    return {
      onHide: on("hide"),
      onShow: on("show"),
      onTouchStart: on("touch"),
      onNetworkStatusChange: on("network"),
      connectSocket: (options) => {
        const task = connectSocket(this, options);
        this.changed();
        return task;
      },
      request: (options) => request(this, options),
      login: (options) => this.#login(options),
      getStorageSync: (key) => (this.storage.has(key) ? JSON.parse(this.storage.get(key)) : ""),
      setStorageSync: (key, value) => this.storage.set(key, JSON.stringify(value)),
      removeStorageSync: (key) => this.storage.delete(key),
      createCanvas: () => ({ width: 390, height: 844, getContext: () => this.#pen() }),
    };
  }

  #login(options) {
    this.logins += 1;
    const code = `${this.player}.${this.logins}`;
    const fails = this.cutOff || this.refuseLogin;
    this.later(() => {
      if (!fails) return options.success({ code, errMsg: "login:ok" });
      this.failedLogins += 1;
      return options.fail({ errMsg: "login:fail interrupted" });
    });
  }

  #pen() {
    return {
      fillRect: () => {
        this.screen = [];
      },
      fillText: (line) => {
        this.screen.push(line);
        this.changed();
      },
    };
  }
}
