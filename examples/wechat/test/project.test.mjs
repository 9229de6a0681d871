// What the documentation says of the files that make up a mini game.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "acorn";
import { load } from "./loader.mjs";
import { Passage } from "./passage.mjs";
import { Phone } from "./phone.mjs";
import { PROJECT, serve, settle } from "./stage.mjs";

test("weapp.socket.io needs the name window, whatever it stands for", async () => {
  const run = (main, globals) => load(PROJECT, "main.js", { "main.js": main }, { wx: {}, ...globals });
  await assert.rejects(run('require("./weapp.socket.io.js");'), /window is not defined/);
  await run('require("./weapp.socket.io.js");', { window: undefined });
});

test("weapp.socket.io by itself is silent for ever after an attempt that timed out while its socket was opening", async (t) => {
  const server = await serve(t);
  const passage = await Passage.open(t, server);
  const phone = new Phone({ player: "ann", server: server.url, port: passage.port });
  t.after(() => phone.off());
  phone.wx.told = [];
  const main = `
    GameGlobal.window = GameGlobal;
    const socket = require("./weapp.socket.io.js")(${JSON.stringify(server.url)}, { transports: ["websocket"] });
    socket.on("connect_error", (err) => wx.told.push(err.message));
  `;
  await phone.start(PROJECT, "main.js", { "main.js": main });
  await passage.reached;
  assert.throws(() => phone.clock.advance(20000), /closed before the connection was established/);
  phone.port = undefined; // the network is good again
  phone.clock.advance(600000);
  await settle();
  assert.deepEqual(phone.wx.told, []);
  assert.equal(phone.connects, 1);
});

test("the game and the client are written in ES2018", () => {
  const files = readdirSync(PROJECT).filter((name) => name.endsWith(".js"));
  assert.ok(files.includes("realtime.js") && files.includes("game.js"));
  for (const name of files) {
    const sourceType = name === "weapp.socket.io.js" ? "script" : "module";
    parse(readFileSync(join(PROJECT, name), "utf8"), { ecmaVersion: 2018, sourceType, sourceFile: name });
  }
});
