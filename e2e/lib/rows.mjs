// The clients under test: one row for each client and way of connecting. Every scenario runs once for each row it is
// meant for.

import { io as io48 } from 'socket.io-client';
import io31 from 'socket.io-client-3';
import { phone } from './weapp.mjs';

const view = (bytes) => Uint8Array.from(bytes);

// On a phone only an ArrayBuffer can be sent, neither a view of one nor a Buffer.
const arrayBuffer = (bytes) => Uint8Array.from(bytes).buffer;

// A row: `io` opens, `transports` says how, `upgrades` whether it starts with polling and changes to websocket,
// `modern` whether the client knows timeout() and emitWithAck(), `binary` makes from bytes what this client can send.
export const rows = [
  { name: 'client 4.8, polling', io: io48, transports: ['polling'], modern: true, binary: Buffer.from },
  { name: 'client 4.8, websocket', io: io48, transports: ['websocket'], modern: true, binary: Buffer.from },
  { name: 'client 4.8, upgrade', io: io48, transports: ['polling', 'websocket'], upgrades: true, modern: true, binary: view },
  { name: 'client 3.1, polling', io: io31, transports: ['polling'], binary: Buffer.from },
  { name: 'client 3.1, websocket', io: io31, transports: ['websocket'], binary: view },
  { name: 'client 3.1, upgrade', io: io31, transports: ['polling', 'websocket'], upgrades: true, binary: Buffer.from },
  { name: 'weapp 3.0, wx websocket', io: phone, transports: ['websocket'], phone: true, binary: arrayBuffer },
].map((row) => Object.freeze({
  modern: false,
  upgrades: false,
  phone: false,
  ...row,
  // The transport that the connection ends up with.
  transport: row.transports.at(-1),
}));

export const row = (name) => {
  const found = rows.find((r) => r.name === name);
  if (!found) throw new Error(`no such row: ${name}`);
  return found;
};

// Which rows a scenario is for.
export const every = () => true;
export const modern = (r) => r.modern;
export const polling = (r) => r.transport === 'polling';
export const websocket = (r) => r.transport === 'websocket';
export const upgrading = (r) => r.upgrades;
