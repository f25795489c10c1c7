// Writes each message as a line, with npm's ws.
const WebSocket = require('ws');
const socket = new WebSocket(process.argv[2]);
let lines = [];
let bytes = 0;
const flush = () => { process.stdout.write(Buffer.concat(lines)); lines = []; bytes = 0; };
socket.on('message', (data) => {
  lines.push(data, Buffer.from('\n'));
  bytes += data.length;
  if (bytes > 65536) flush();
});
socket.on('close', flush);
