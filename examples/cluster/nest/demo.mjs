// The conversation that plays itself: official clients on all nodes. It prints what each of them heard, in its order. A line that
// begins with @ is an order to the program that started this one (demo.go), which answers with a line.

import { createInterface } from "node:readline";

import { Emitter } from "@socket.io/redis-emitter";
import { createClient } from "redis";

import { fence, Person } from "./person.mjs";
import { redis } from "./settings.mjs";

const { NEST, GO_A, GO_B, ANY } = process.env;
const BYTES = Buffer.from([1, 2, 3, 4]);

const answers = createInterface({ input: process.stdin }).on("close", () => process.exit(1)); // who started this has gone

function order(text) {
  console.log(`@${text}`);
  return new Promise((resolve) => answers.once("line", resolve));
}

const ann = new Person("ann", NEST, { roles: ["host"] });
const bob = new Person("bob", GO_A, { roles: ["host"] });
const cyd = new Person("cyd", GO_B, { roles: ["host"], transports: ["polling", "websocket"] });
const everyone = [ann, bob, cyd];

/** Plays a scene and prints what everyone heard. What comes from several nodes at once has no order: sorted then. */
async function scene(title, play, { people = everyone, sorted = false } = {}) {
  await play();
  await fence(people.filter(({ socket }) => socket.connected));
  console.log(`\n${title}`);
  for (const person of people) {
    person.unanswered();
    if (sorted) person.heard.sort();
    for (const line of person.heard.splice(0)) console.log(`  ${person.name.padEnd(5)} ${line}`);
  }
}

const enter = (person) => person.ask("enter", { room: "42" });

await scene("Everyone connects and enters room 42.", async () => {
  for (const person of everyone) {
    await person.hears("connected");
    await enter(person);
    await fence(everyone.filter(({ socket }) => socket.connected));
  }
});

// The same scenes three times: each node has its turn as the one that is asked.
for (const [actor, other] of [[ann, bob], [bob, cyd], [cyd, ann]]) {
  const me = actor.name;
  await scene(`${me} says something.`, () => actor.ask("say", { room: "42", text: `hello from ${me}` }));
  await scene(`${me} shows a photo.`, () => actor.ask("photo", { room: "42", title: "cat", data: BYTES }));
  await scene(`${me} whispers to ${other.name}, wants an answer, and there is none.`, () => actor.send("whisper", { to: other.name, text: "psst" }));
  await scene(`${me} announces something to everyone.`, () => actor.ask("announce", { text: "dinner" }));
  await scene(`${me} gets an event for an answer, and several.`, async () => {
    actor.send("greet");
    await fence(everyone);
    actor.send("count", { to: 3 });
  });
  await scene(`${me} sends two events at once, of which the first takes longer.`, () => {
    actor.send("people", { room: "42" });
    actor.send("greet");
    return actor.hears("answer to people");
  });
  await scene(`${me} asks everyone in the room.`, () => actor.ask("ask", { room: "42", question: "again?" }));
  await scene(`${me} asks who is in the room, and which nodes there are.`, async () => {
    await actor.ask("people", { room: "42" });
    await actor.ask("where");
  });
  await scene(`${me} makes mistakes, and gets exceptions and no answers.`, async () => {
    for (const [event, payload] of [
      ["say", { room: "43", text: "is anybody here?" }],
      ["say", { room: "42", text: " " }],
      ["say", { room: "42", text: "x".repeat(41) }],
      ["crash", { secret: true }],
      ["no such event"],
    ]) {
      actor.send(event, payload);
      await fence(everyone);
      actor.unanswered();
    }
  });
  await scene(`${me} puts ${other.name} into room 43, where ${other.name} talks alone, and closes it.`, async () => {
    await actor.ask("invite", { user: other.name, room: "43" });
    await fence(everyone);
    await other.ask("say", { room: "43", text: "nobody but me" });
    await actor.ask("people", { room: "43" });
    await actor.ask("close", { room: "43" });
    await fence(everyone);
    await actor.ask("people", { room: "43" });
  });
  await scene(`A guest may not kick anybody.`, async () => {
    const guest = new Person("guest", actor.url);
    await guest.hears("connected");
    guest.send("kick", { user: other.name });
    await guest.hears("exception");
    actor.heard.push(...guest.heard.map((line) => `(guest) ${line}`));
    guest.close();
  });
  await scene(`${me} kicks ${other.name}, who comes back.`, async () => {
    await actor.ask("kick", { user: other.name });
    await other.hears("disconnected");
    await Promise.all(everyone.filter((person) => person !== other).map((person) => person.hears("left")));
    other.socket.connect();
    await other.hears("connected");
    await enter(other);
  }, { sorted: true });
}

await scene("Somebody without a token is refused by every node.", async () => {
  for (const [person, url] of [[ann, NEST], [bob, GO_A], [cyd, GO_B]]) {
    const nobody = new Person("nobody", url, { auth: {} });
    await nobody.hears("refused");
    person.heard.push(...nobody.heard.map((line) => `(nobody) ${line}`));
    nobody.close();
  }
});

const client = createClient(redis);
await client.connect();
await scene("Two programs without clients talk to the room.", async () => {
  new Emitter(client).of("/chat").to("room:42").emit("said", { room: "42", from: "emitter in Node.js", text: "hello", at: new Date(), data: BYTES });
  await Promise.all(everyone.map((person) => person.hears('said {"room":"42","from":"emitter in Node.js"')));
  await order("emit hello");
  await Promise.all(everyone.map((person) => person.hears('said {"room":"42","from":"emitter in Go"')));
});
await client.close();

// One address for all nodes, as a balancer has it. Who is in a room enters it again after every connection, as clients have to.
const dora = new Person("dora", ANY);
dora.socket.on("connect", () => enter(dora));
const all = { people: [...everyone, dora], sorted: true };

await scene("dora comes in by the common address, and is at the NestJS node. ann leaves the room.", async () => {
  await dora.hears("answer to enter");
  await fence(all.people);
  await ann.ask("leave", { room: "42" });
}, all);

await scene("The NestJS node is stopped: dora goes on at the next one.", async () => {
  await order("stop nest");
  await ann.hears("disconnected");
  await dora.hears("answer to enter");
  await dora.ask("say", { room: "42", text: "still here" });
  await cyd.ask("people", { room: "42" });
}, all);

await scene("It is started again: ann comes back by herself and enters. bob leaves.", async () => {
  await order("start nest");
  await ann.hears("connected");
  await enter(ann);
  await fence(all.people);
  await bob.ask("leave", { room: "42" });
}, all);

await scene("The first Go node is stopped: dora is at the NestJS node again.", async () => {
  await order("stop go-a");
  await bob.hears("disconnected");
  await dora.hears("answer to enter");
  await dora.ask("say", { room: "42", text: "still here" });
  await cyd.ask("people", { room: "42" });
}, all);

await scene("It is started again: bob comes back by himself and enters.", async () => {
  await order("start go-a");
  await bob.hears("connected");
  await enter(bob);
}, all);

for (const person of all.people) person.close();
process.exit(0);
