// A small server for the load tool, as its help describes it. It prints its port.

import { createServer } from 'node:http';
import { Server } from 'socket.io';

const web = createServer();
const io = new Server(web);

io.on('connection', (socket) => {
  socket.on('join', (room, ack) => {
    socket.join(room);
    ack(true);
  });
  socket.on('say', (room, payload) => socket.to(room).emit('said', payload));
  socket.on('echo', (payload, ack) => ack(payload));
});

web.listen(0, '127.0.0.1', () => console.log(web.address().port));
