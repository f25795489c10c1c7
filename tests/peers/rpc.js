// A JSON-RPC server of npm rpc-websockets with one event, ten times a second.
const { Server } = require('rpc-websockets');

const server = new Server({ port: Number(process.argv[2] ?? 8123), host: '127.0.0.1' });
server.event('priceChanged');
let price = 100;
setInterval(() => server.emit('priceChanged', { price: price++ }), 100);
server.on('listening', () => console.log(`ws://127.0.0.1:${process.argv[2] ?? 8123}/`));
