// The mini game on phones, in both of its variants.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Passage } from "./passage.mjs";
import { Phone } from "./phone.mjs";
import { HOUR, logged, MS, play, PROJECT, roll, seated, serve, settle } from "./stage.mjs";

for (const entry of ["game.js", "game-weapp.js"]) {
  const scenario = (name, run) => test(`${entry}: ${name}`, run);

  scenario("logs in, takes a seat and plays", async (t) => {
    const server = await serve(t);
    const ann = await seated(t, entry, server, "ann");
    const bob = await seated(t, entry, server, "bob");
    await ann.sees(/^seat 1: 0 points \(you\)$/);
    await bob.sees(/^seat 2: 0 points \(you\)$/);
    await roll(ann, 1, bob);
    await roll(bob, 2, ann);
    assert.deepEqual([ann.logins, ann.connects, bob.logins, bob.connects], [1, 1, 1, 1]);
  });

  for (const told of ["before", "after", "never"]) {
    scenario(`has its seat and what it missed when it comes back, the cut being told ${told}`, async (t) => {
      const server = await serve(t);
      const ann = await seated(t, entry, server, "ann");
      const bob = await seated(t, entry, server, "bob");
      const points = await roll(ann, 1, bob);
      ann.hide();
      await ann.cut();
      await bob.sees(new RegExp(`^seat 1: ${points}, away$`));
      const missed = await roll(bob, 2);

      const asleep = ann.connects;
      ann.show({ told });
      if (told === "never") { // only the time-outs of the question and of the end that nobody tells help
        ann.clock.advance(3000);
        await settle();
        ann.clock.advance(1000);
      }
      await ann.sees(new RegExp(`^seat 2: ${missed}$`));
      await ann.sees(new RegExp(`^seat 1: ${points} \\(you\\)$`));
      await ann.sees(/^online$/);
      await bob.sees(new RegExp(`^seat 1: ${points}$`));
      assert.equal(asleep, 1, "sockets asked for while hidden");
      assert.equal(ann.connects, 2); // and no time passed: there was no back-off
      assert.equal(ann.most, 1);
      assert.equal(ann.logins, 1);
    });
  }

  scenario("keeps its connection over a look elsewhere that is too short for a cut", async (t) => {
    const server = await serve(t);
    const ann = await seated(t, entry, server, "ann");
    ann.hide();
    ann.show({ after: 2000 });
    await roll(ann, 1);
    assert.equal(ann.connects, 1);
  });

  scenario("asks nobody whether a link is there that has missed its heartbeat", async (t) => {
    const server = await serve(t);
    const ann = await seated(t, entry, server, "ann");
    ann.hide();
    await ann.cut();
    ann.show({ told: "never", after: 60000 });
    await settle();
    ann.clock.advance(1000); // for the end that nobody tells
    await ann.until(() => ann.connects === 2, "the next socket");
    await ann.sees(/^online$/);
  });

  scenario("closes a link that does not answer before it opens the next one", async (t) => {
    const server = await serve(t);
    const ann = await seated(t, entry, server, "ann");
    ann.tasks[0].stuck = true; // the network swallows what the phone sends
    ann.hide();
    ann.show({ after: 2000 });
    await settle();
    ann.clock.advance(3000);
    await ann.until(() => ann.connects === 2, "the next socket");
    assert.equal(ann.most, 1);
    await ann.sees(/^online$/);
    await ann.sees(/\(you\)$/);
  });

  scenario("gives up an attempt that hangs, and closes its socket when it opens after all", async (t) => {
    const server = await serve(t);
    const passage = await Passage.open(t, server);
    const ann = await play(t, entry, server, "ann", { port: passage.port });
    await passage.reached;
    ann.clock.advance(10000);
    await ann.sees(/^offline: timeout$/);
    ann.port = undefined; // the network is good again, for new sockets
    ann.clock.advance(30000);
    await ann.sees(/^online$/);
    const connects = ann.connects;
    passage.release();
    await ann.tasks[0].ended;
    assert.equal((await logged(server, "session closed")).cause, "transport_close"); // not the server's time-out for those that join nothing
    await roll(ann, 1);
    assert.equal(ann.connects, connects);
  });

  scenario("tries nothing in the background, and at once when it is back", async (t) => {
    const server = await serve(t);
    const ann = await seated(t, entry, server, "ann");
    ann.hide();
    ann.tasks[0].cut(); // the network goes while the game still runs
    await ann.sees(/^offline/);
    ann.clock.advance(60000);
    await settle();
    assert.equal(ann.connects, 1);
    ann.show();
    await ann.sees(/^online$/);
    assert.equal(ann.connects, 2);
  });

  scenario("comes back by itself when the network was lost in the foreground", async (t) => {
    const server = await serve(t);
    const ann = await seated(t, entry, server, "ann");
    ann.tasks[0].cut();
    await ann.sees(/^offline/);
    ann.clock.advance(8000); // the longest back-off
    await ann.sees(/^online$/);
    assert.equal(ann.connects, 2);
    assert.equal(ann.most, 1);
  });

  for (const silentTasks of [false, true]) {
    scenario(`waits when WeChat has no socket left, and gives ${silentTasks ? "a task that stays silent" : "none"}`, async (t) => {
      const server = await serve(t);
      const ann = new Phone({ player: "ann", server: server.url, silentTasks });
      t.after(() => ann.off());
      const others = Array.from({ length: 5 }, () => ann.wx.connectSocket({ url: `${ann.domains.socket[0]}/socket.io/?EIO=4&transport=websocket` }));
      await ann.start(PROJECT, entry);
      await ann.until(() => ann.connects === 6, "a refused socket");
      if (entry === "game.js") await ann.sees(/^offline: connectSocket:fail exceed max task count$/);
      else { // weapp.socket.io is not told
        await settle();
        ann.clock.advance(10000);
        await ann.sees(/^offline: timeout$/);
      }
      ann.tasks[0].cut();
      await ann.tasks[0].ended;
      ann.clock.advance(8000);
      await ann.sees(/^online$/);
      assert.equal(ann.most, 5);
      assert.equal(others.length, 5);
    });
  }

  scenario("logs in again when the server refuses its token as expired", async (t) => {
    const server = await serve(t, { player: "ann", left: -HOUR * MS });
    // The phone thinks that the token is good: its clock is wrong, or the server's secret is new.
    const login = { token: server.token, until: Date.now() + HOUR };
    const ann = await seated(t, entry, server, "ann", { storage: { login } });
    assert.equal(ann.logins, 1);
    assert.equal(ann.connects, 2);
    assert.equal(ann.most, 1);
    await roll(ann, 1);
  });

  scenario("logs in before it connects when its token has expired meanwhile", async (t) => {
    const server = await serve(t);
    const ann = await seated(t, entry, server, "ann");
    ann.hide();
    await ann.cut();
    ann.show({ after: 3 * HOUR });
    await ann.sees(/^online$/);
    assert.equal(ann.logins, 2);
    assert.equal(ann.connects, 2);
    await ann.sees(/^seat 1: 0 points \(you\)$/);
  });

  scenario("starts with the token of the last time", async (t) => {
    const server = await serve(t);
    const ann = await seated(t, entry, server, "ann");
    const again = await seated(t, entry, server, "ann", { storage: { login: JSON.parse(ann.storage.get("login")) } });
    assert.equal(again.logins, 0);
    await again.sees(/^seat 1: 0 points \(you\)$/); // two phones, one player
  });

  scenario("refreshes its token on the connection that it has", async (t) => {
    const server = await serve(t, { player: "ann", left: 50000 * MS }); // under a minute: the server warns at once
    const login = { token: server.token, until: Date.now() + HOUR };
    const ann = await seated(t, entry, server, "ann", { storage: { login } });
    assert.equal((await logged(server, "identity refreshed")).user, "dev-ann");
    assert.equal(ann.logins, 1);
    await roll(ann, 1);
    assert.equal(ann.connects, 1);
  });

  scenario("refreshes it when it is back, if it was away when the server asked", async (t) => {
    const server = await serve(t, { player: "ann", left: 50000 * MS });
    const login = { token: server.token, until: Date.now() + HOUR };
    const ann = await seated(t, entry, server, "ann", { storage: { login }, refuseLogin: true });
    await ann.until(() => ann.failedLogins === 1, "a login that fails");
    ann.hide();
    ann.refuseLogin = false;
    ann.show({ after: 2000 });
    await logged(server, "identity refreshed");
    assert.equal(ann.logins, 2);
    assert.equal(ann.connects, 1);
  });

  scenario("gives up when a fresh token is refused too", async (t) => {
    const server = await serve(t, { foreign: true });
    const ann = await play(t, entry, server, "ann");
    await ann.until(() => ann.logins === 2, "a second login");
    await ann.until(() => ann.connects === 2 && ann.tasks.every((task) => task.over), "the end");
    await ann.sees(/^offline: token not accepted$/);
    ann.clock.advance(60000);
    assert.equal(ann.connects, 2);
  });

  scenario("is told when the table is full", async (t) => {
    const server = await serve(t);
    for (const player of ["ann", "bob", "cid", "dot"]) await seated(t, entry, server, player);
    const eve = await play(t, entry, server, "eve");
    await eve.sees(/^refused: all seats are taken$/);
  });

  scenario("reaches only the domains of the platform's list, to the letter", async (t) => {
    const server = await serve(t);
    const other = server.url.replace(/:\d+$/, ""); // without the port
    const wss = (url) => url.replace("https", "wss");
    const ann = await play(t, entry, server, "ann", { domains: { request: [server.url], socket: [wss(other)] } });
    await ann.until(() => ann.connects === 1, "a refused socket");
    if (entry === "game.js") await ann.sees(/^offline: connectSocket:fail url not in domain list$/); // weapp.socket.io is not told
    assert.equal(ann.tasks.length, 0);
    const bob = await play(t, entry, server, "bob", { domains: { request: [other], socket: [wss(server.url)] } });
    await bob.sees(/^offline: request:fail url not in domain list$/);
  });

  scenario("an Origin that the server does not admit is named with the setting that would", async (t) => {
    const origin = "https://phone.example";
    const server = await serve(t);
    const ann = await play(t, entry, server, "ann", { origin });
    await ann.sees(/^offline/);
    const line = await logged(server, "refused");
    assert.equal(line.rule, "origin");
    assert.equal(line.setting, 'Origins: "https://phone.example"');
    assert.match(line.detail, /^origin "https:\/\/phone\.example" may not connect/);
    const open = await serve(t, { origins: origin });
    await seated(t, entry, open, "ann", { origin });
  });
}
