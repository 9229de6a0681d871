// Loads weapp.socket.io as a mini program would: its bundle expects the globals `window` and `wx`. They are handed in as
// parameters, so that the other clients of this process still find themselves in Node.

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { newWx } from './wx.mjs';

const file = createRequire(import.meta.url).resolve('weapp.socket.io');
const bundle = new Function('module', 'exports', 'window', 'wx', readFileSync(file, 'utf8'));

// loadWeapp gives the client's `io` function inside a mini program of its own.
export function loadWeapp() {
  const module = { exports: {} };
  bundle(module, module.exports, globalThis, newWx());
  return module.exports;
}
