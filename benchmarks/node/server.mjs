// socket.io as its users write it: rooms, a message to the others in a room, an echo.

import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';

const http = createServer((request, response) => {
  if (request.url === '/gc') globalThis.gc?.();
  response.end();
});
const io = new Server(http);

if (process.env.BENCH_REDIS) {
  const publisher = createClient({ url: `redis://${process.env.BENCH_REDIS}` });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  io.adapter(createAdapter(publisher, subscriber, { publishOnSpecificResponseChannel: true }));
}

io.on('connection', (socket) => {
  socket.on('join', async (room, done) => {
    await socket.join(room);
    done(true);
  });
  socket.on('msg', (data) => socket.to(data.r).emit('msg', data));
  socket.on('echo', (data, done) => done(data));
});

http.listen(0, '127.0.0.1', () => console.log(`127.0.0.1:${http.address().port}`));
process.stdin.on('end', () => process.exit()).resume();
