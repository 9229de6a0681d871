// A stub of WeChat's wx.connectSocket over ws, as strict as the original where that is known to matter.

import WebSocket from "ws";

/**
 * An object for globalThis.wx; `tasks` are the sockets made, `limit` how many may be open at a time, and `deaf` makes those to come
 * keep the end of a socket to themselves until `tell` is called on its task.
 * @returns {any}
 */
export function stubWx(limit = 5) {
  const wx = { tasks: [], limit, deaf: false, connectSocket };

  function connectSocket(options) {
    if (!/^wss?:\/\//.test(options.url)) throw new Error("connectSocket:fail invalid url");
    if (wx.tasks.filter((task) => task.state !== "closed").length >= wx.limit) {
      options.fail({ errMsg: "connectSocket:fail exceed max task count" });
      return undefined;
    }
    const task = new Task(options, wx.deaf);
    wx.tasks.push(task);
    return task;
  }

  return wx;
}

class Task {
  constructor(options, deaf) {
    this.options = options;
    this.state = "connecting";
    this._told = deaf ? new Promise((resolve) => Object.assign(this, { tell: resolve })) : Promise.resolve();
    this._socket = new WebSocket(options.url, { headers: options.header });
    this._socket.binaryType = "arraybuffer";
    this._socket.on("close", () => {
      this.state = "closed";
    });
  }

  onOpen(listener) {
    this._socket.on("open", () => {
      this.state = "open";
      listener({ header: {} });
    });
  }

  onMessage(listener) {
    this._socket.on("message", (data, binary) => listener({ data: binary ? data : data.toString() }));
  }

  onError(listener) {
    this._socket.on("error", (err) => listener({ errMsg: err.message }));
  }

  onClose(listener) {
    this._socket.on("close", (code, reason) => this._told.then(() => listener({ code, reason: reason.toString() })));
  }

  send({ data, fail }) {
    if (typeof data !== "string" && !(data instanceof ArrayBuffer)) throw new TypeError("sendSocketMessage:fail illegal data");
    if (this.state !== "open") fail({ errMsg: "sendSocketMessage:fail taskID not exist" });
    else this._socket.send(data);
  }

  close() {
    if (this.state === "connecting") throw new Error("WebSocket is closed before the connection is established");
    this._socket.close();
  }
}
