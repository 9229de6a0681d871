// Loads the modules of a mini game into a realm of its own, which has what a mini game has and nothing of Node: no URL, no WebSocket,
// no TextEncoder, no process, no globalThis.

import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import vm from "node:vm";

/**
 * @param {Record<string, string>} replaced source texts of files that are replaced
 * @returns {Promise<void>} when the entry has run
 */
export async function load(folder, entry, replaced, globals) {
  const realm = vm.createContext({ ...globals });
  vm.runInContext("GameGlobal = globalThis; delete globalThis.globalThis;", realm);
  const modules = new Map();
  const source = (file) => replaced[file] ?? readFileSync(join(folder, file), "utf8");

  function script(name) {
    const module = { exports: {} };
    const run = vm.runInContext(`(function (module, exports, require) {${source(name)}\n})`, realm, { filename: name });
    run(module, module.exports, require);
    return module.exports;
  }

  function require(name) {
    if (!modules.has(name)) modules.set(name, script(name));
    return modules.get(name);
  }
  realm.require = require;

  function module(name) {
    const file = basename(name);
    if (!modules.has(file)) {
      modules.set(file, new vm.SourceTextModule(source(file), { context: realm, identifier: file }));
    }
    return modules.get(file);
  }

  const main = module(entry);
  await main.link(module);
  await main.evaluate();
}
