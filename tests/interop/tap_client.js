// A client of ws that sends N random messages (text, binary, fragmented, compressed or not) to an echo, and checks that
// what comes back is the same. Arguments: URL, N, seed, longest message in bytes. Prints a digest of all messages.
const { createHash } = require('crypto');
const WebSocket = require('ws');
const { randomMessages } = require('./random_messages.js');
const [url, count, seed, longest] = process.argv.slice(2).map((word, at) => (at ? Number(word) : word));
const { random, below, bytes: randomBytes } = randomMessages(seed, longest);

const message = (at) => {
  const bytes = Buffer.from(randomBytes(at).buffer);
  if (random() < 0.5) return { data: bytes, binary: true };
  return { data: Buffer.from(bytes.toString('latin1')).subarray(0, bytes.length).toString('utf8').replace(/\ufffd/g, '?'), binary: false };
};

const socket = new WebSocket(url, { perMessageDeflate: { threshold: 0 }, maxPayload: 0 });
const digest = createHash('sha256');
const waiting = [];
let sent = 0;
let received = 0;

const send = () => {
  while (sent < count && waiting.length < 20) {
    const { data, binary } = message(sent);
    sent += 1;
    waiting.push({ data: Buffer.from(data), binary });
    const compress = random() < 0.5;
    const parts = binary && data.length > 10 && random() < 0.3 ? 1 + below(5) : 1;
    const size = Math.ceil(data.length / parts) || 1;
    if (parts === 1) { socket.send(data, { binary, compress }); continue; }
    for (let at = 0; at < data.length; at += size) {
      socket.send(data.subarray(at, at + size), { binary, compress, fin: at + size >= data.length });
    }
  }
};

socket.on('open', send);
socket.on('error', (error) => { console.error(error); process.exit(1); });
socket.on('message', (data, isBinary) => {
  const expected = waiting.shift();
  if (isBinary !== expected.binary || !expected.data.equals(data)) { console.error('message', received, 'differs'); process.exit(1); }
  digest.update(String(isBinary)).update(data);
  received += 1;
  if (received === count) { console.log(digest.digest('hex')); socket.close(4321, 'all came'); } else send();
});
socket.on('close', (code) => process.exit(code === 4321 && received === count ? 0 : 2));
