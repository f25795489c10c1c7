// An echo server of ws that accepts whatever is offered. Prints its port, then the extensions of each connection.
const { WebSocketServer } = require('ws');
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: { threshold: 0 } });
server.on('listening', () => console.log(server.address().port));
server.on('headers', (headers) => {
  const found = headers.find((line) => /^sec-websocket-extensions:/i.test(line));
  console.log(found ? found.split(': ')[1] : 'None');
});
server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary, compress: true }));
});
