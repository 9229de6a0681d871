// Loads weapp.socket.io as a mini program would: its bundle expects the globals `window` and `wx`. They are handed in as
// parameters, so that the other clients of this process still find themselves in Node.

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { newWx } from './wx.mjs';

const file = createRequire(import.meta.url).resolve('weapp.socket.io');
const bundle = new Function('module', 'exports', 'window', 'wx', readFileSync(file, 'utf8'));

// phone starts a client in a mini program of its own, with the arguments of `io`. Its socket can be asked to turnOff the
// phone: that ends every connection, whatever state the client thinks it is in.
export function phone(...args) {
  const module = { exports: {} };
  const wx = newWx();
  bundle(module, module.exports, globalThis, wx);
  const socket = module.exports(...args);
  socket.turnOff = () => wx.turnOff();
  return socket;
}
