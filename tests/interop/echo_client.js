// A client of ws that is echoed to. Prints the extensions that were agreed on.
const WebSocket = require('ws');
const socket = new WebSocket(process.argv[2], { perMessageDeflate: { threshold: 0 } });
const messages = ['hello', '', 'x'.repeat(100000), Buffer.alloc(2000, '\0\1'), 'hello', 'κόσμε'.repeat(1000)];
let at = 0;
let answer = 'None';
socket.on('upgrade', (response) => { answer = response.headers['sec-websocket-extensions'] || 'None'; });
socket.on('open', () => socket.send(messages[0]));
socket.on('error', (error) => { console.error(error); process.exit(1); });
socket.on('message', (data) => {
  if (!Buffer.from(messages[at]).equals(data)) { console.error('message', at, 'differs'); process.exit(1); }
  at += 1;
  if (at < messages.length) socket.send(messages[at]);
  else { console.log(answer); socket.close(); }
});
