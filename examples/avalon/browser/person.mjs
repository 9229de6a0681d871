// What a person sees and does. Everything waits for what the page shows and never for a time.

import assert from 'node:assert/strict';

/** ms of a wait for what must come. It is a watchdog: nothing takes that long. */
export const WATCHDOG = 60_000;

/** ms of a wait in a turn of the game, and how many such waits may fail in one turn. */
const IMPATIENCE = 3_000;
const PATIENCE = 20;

export class Person {
  constructor({ name, size, context, address, shots }) {
    Object.assign(this, { name, size, context, address, shots, complaints: [], links: [], seen: new Set(), pictures: 0 });
    this.phone = size !== 'desktop';
  }

  // -- the page --

  async openPage(address = this.address) {
    this.page = await this.context.newPage();
    await this.page.goto(address);
  }

  $(selector) {
    return this.page.locator(selector);
  }

  /** Phones have fingers, desktops have a mouse. */
  press(selector) {
    return this.phone ? this.$(selector).tap() : this.$(selector).click();
  }

  text(selector) {
    return this.$(selector).innerText();
  }

  count(selector) {
    return this.$(selector).count();
  }

  data(selector, name) {
    return this.$(selector).getAttribute(`data-${name}`);
  }

  /** Waits until something that a stylesheet does not hide is there. */
  sees(selector) {
    return this.$(selector).first().waitFor();
  }

  /** The first time that a stage is met: a picture of it, and the layout is looked at. */
  async look(stage) {
    if (this.seen.has(stage)) return false;
    this.seen.add(stage);
    const faults = await this.page.evaluate(layoutFaults, this.page.viewportSize().width);
    assert.deepEqual(faults, [], `${stage}: the layout`);
    if (!this.shots) return true;
    await this.page.evaluate(settled);
    await this.page.screenshot({ path: `${this.shots}-${String(++this.pictures).padStart(2, '0')}-${stage}.png` });
    return true;
  }

  // -- the line to the server, for those who came with `cuttable` --

  /** Ends the link and every new one, until the line is mended. */
  async breakLine() {
    this.broken = true;
    await Promise.all(this.links.splice(0).map((link) => link.close({ code: 1001 })));
  }

  mendLine() {
    this.broken = false;
  }

  // -- before the game --

  async login() {
    await this.sees('#login-form');
    await this.look('login');
    await this.$('#name').fill(this.name);
    await this.press('#login-go');
  }

  async createTable(size, roles = []) {
    await this.sees('#hall');
    await this.press(`.chip:has([name="size"][value="${size}"])`);
    for (const role of roles) await this.press(`.chip:has([value="${role}"])`);
    await this.look('hall');
    await this.press('#create-go');
    await this.sees('#board[data-phase="lobby"]');
    return this.data('#game', 'table');
  }

  mySeat() {
    return this.data('#seats [data-me="true"]', 'seat');
  }

  // -- the own role --

  async openPanel(name) {
    if (!this.phone) return;
    await this.press(`[data-tab="${name}"]`);
    await this.sees(`#panel-${name}.open`);
  }

  async closePanel() {
    if (!this.phone) return;
    await this.press('.tabs [aria-expanded="true"]');
    await this.page.waitForFunction(() => !document.querySelector('.panel.open') && !document.getElementById('board').inert);
  }

  /** Turns the card, reads it and turns it back. */
  async readRole() {
    await this.openPanel('role');
    await this.assertHidden();
    await this.look('role-hidden');
    await this.press('#role-card');
    await this.sees('#role-card[data-shown="true"] #role-name');
    const role = await this.data('#role-name', 'role');
    const marks = await this.$('#role-face .known').evaluateAll((list) => list.map(({ dataset }) => [dataset.known, dataset.as]));
    this.known = marks.sort();
    for (const [seat, as] of marks) assert.equal(await this.data(`[data-seat="${seat}"]`, 'knows'), as, 'the table shows what the card says');
    await this.look('role-shown');
    await this.press('#role-card');
    await this.sees('#role-card[data-shown="false"]');
    await this.assertHidden();
    await this.closePanel();
    return role;
  }

  /** Looks at the card for as long as the finger stays on it. */
  async holdRole() {
    const held = this.$('#role-card').click({ delay: 1000 });
    await this.sees('#role-card[data-shown="true"] #role-name');
    await held;
    await this.sees('#role-card[data-shown="false"]');
    await this.assertHidden();
  }

  /** While the card lies face down, nothing of the role is in the document, for no eye and no screen reader. */
  async assertHidden() {
    assert.equal(await this.data('#role-card', 'shown'), 'false');
    assert.equal(await this.count('#role-name'), 0, 'the role is in the document while it is hidden');
    assert.equal(await this.text('#role-face'), '');
    assert.equal(await this.count('#seats li:not([data-knows=""])'), 0, 'what the role knows shows at the table');
  }

  // -- the game --

  /** Where the game stands, as one text that changes with every step and with every own action. */
  where() {
    return this.page.evaluate(() => document.getElementById('board').dataset.stage + ' ' + document.getElementById('deed').dataset.now);
  }

  movedOn(from) {
    return this.page.waitForFunction((was) =>
      document.getElementById('board').dataset.stage + ' ' + document.getElementById('deed').dataset.now !== was, from);
  }

  /**
   * Plays until `until` is true or the game is over. The server acts for whoever is late, so a turn can end under the hands of a person
   * on a busy machine: each is tried with little patience, and tried again as long as it is still theirs.
   */
  async play(until = () => false) {
    for (let failures = 0; ;) {
      const where = await this.where();
      const [stage, now] = where.split(' ');
      const phase = stage.split('/')[1];
      if (phase === 'over' || (await until({ phase, now, person: this }))) return;
      await this.look(now === 'wait' ? `${phase}-waiting` : phase);
      if (await this.$('#reveal').isVisible()) await this.look('reveal');
      try {
        this.page.setDefaultTimeout(IMPATIENCE);
        await this.turn(now);
      } catch (err) {
        if ((await this.where()) !== where) continue;
        if (++failures === PATIENCE) throw err;
        continue;
      } finally {
        this.page.setDefaultTimeout(WATCHDOG);
      }
      await this.movedOn(where);
      failures = 0;
    }
  }

  async turn(now) {
    if (now === 'propose') await this.propose();
    else if (now === 'vote') await this.press('#approve');
    else if (now === 'quest') await this.quest();
    else if (now === 'guess') await this.guess();
  }

  async propose() {
    const size = Number(await this.text('.quest[aria-current="step"] .team-size'));
    if ((await this.count('.seat[aria-pressed="true"]')) === 0) assert.ok(await this.$('#propose').isDisabled(), 'a team of nobody can be sent');
    assert.equal(await this.mySeat(), await this.data('#seats [data-leader="true"]', 'seat'), 'who proposes wears the crown');
    for (let seat = 0; seat < size; seat++) {
      const chosen = `[data-seat="${seat}"] .seat[aria-pressed="true"]`;
      if ((await this.count(chosen)) === 0) await this.press(`[data-seat="${seat}"] .seat`);
      await this.sees(chosen);
    }
    await this.look('team-chosen');
    await this.press('#propose');
    this.seen.add('proposed');
  }

  /** Good tries to betray first, once: the page refuses without a sign that others could see before. */
  async quest() {
    if (this.side === 'good' && !this.seen.has('betrayal')) {
      await this.press('#card-fail');
      await this.press('#lay');
      await this.sees('#problem:not(:empty)');
      assert.equal(await this.text('#problem'), 'The good can only lay success.');
      this.seen.add('betrayal');
    }
    await this.press('#card-success');
    await this.sees('#card-success[aria-pressed="true"]');
    await this.look('card-chosen');
    await this.press('#lay');
    this.seen.add('questing');
  }

  async guess() {
    await this.press('#seats li:not([data-me="true"]) .seat >> nth=0');
    await this.sees('#guess:not(:disabled)');
    await this.look('blow-chosen');
    await this.press('#guess');
    this.seen.add('struck');
  }

  /** What lies open at the end, and that it is what was known before. */
  async assertEnd(role) {
    await this.sees('#board[data-phase="over"]');
    assert.match(await this.data('#board', 'winner'), /^(good|evil)$/);
    assert.match(await this.text('#stage'), /^(Good|Evil) wins$/);
    const seats = Number(await this.data('#board', 'size'));
    assert.equal(await this.count('#seats li:not([data-role=""])'), seats, 'every role lies open');
    assert.equal(await this.data('#seats [data-me="true"]', 'role'), role, 'the own role is what the card said');
    await this.look('over');
  }
}

/** In the page: names what does not fit on a screen of this width. Fingers need 40 pixels, and the table never scrolls. */
function layoutFaults(width) {
  const faults = [];
  const { scrollWidth, scrollHeight } = document.documentElement;
  if (Math.max(scrollWidth, innerWidth) > width) faults.push(`the page is ${Math.max(scrollWidth, innerWidth)} pixels wide`);
  if (document.body.dataset.screen === 'game' && scrollHeight > innerHeight) faults.push(`the table is ${scrollHeight} pixels high`);
  for (const node of document.querySelectorAll('button, input:not(.sr), h1, .tabs, .panel, .quest, .who, .note')) {
    const box = node.getBoundingClientRect();
    if (box.width === 0 || getComputedStyle(node).visibility === 'hidden') continue;
    const name = `${node.tagName.toLowerCase()} ${node.id || node.className} "${node.textContent.trim().slice(0, 20)}"`;
    if (box.left < -0.5 || box.right > width + 0.5) faults.push(`${name} reaches from ${box.left} to ${box.right}`);
    if (node.tagName === 'BUTTON' && matchMedia('(pointer: coarse)').matches && Math.min(box.width, box.height) < 40) {
      faults.push(`${name} is ${box.width} by ${box.height}`);
    }
  }
  return faults;
}

/** In the page: waits for what moves and will stop moving, so that no picture is taken in the middle of it. */
function settled() {
  const moving = document.getAnimations().filter((one) => one.effect.getTiming().iterations !== Infinity);
  return Promise.allSettled(moving.map((one) => one.finished));
}
