// The conversation of the suite: a name on connecting, a room, numbered messages, who is here, a leave notice.

export function chat(namespace, watch) {
  const tables = new Map(); // room → { seq, present: Map(id → name) }
  namespace.use((socket, next) => {
    const { name } = socket.handshake.auth;
    return next(typeof name === 'string' && name !== '' ? undefined : new Error('tell your name'));
  });
  namespace.on('connection', (socket) => {
    watch(socket);
    const { name } = socket.handshake.auth;
    let room;
    const table = () => tables.get(room);
    const names = () => [...table().present.values()].sort();
    socket.on('enter', async (wanted, ack) => {
      room = wanted;
      if (!tables.has(room)) tables.set(room, { seq: 0, present: new Map() });
      socket.join(room);
      table().present.set(socket.id, name);
      socket.to(room).emit('entered', name);
      ack({ room, present: names() });
    });
    socket.on('message', (text, ack) => {
      const message = { seq: table().seq, from: name, text };
      table().seq += 1;
      namespace.to(room).emit('message', message);
      ack(message.seq);
    });
    socket.on('who', (ack) => ack(names()));
    socket.on('disconnect', () => {
      if (room === undefined) return;
      table().present.delete(socket.id);
      socket.to(room).emit('left', name);
    });
  });
}
