// Real servers for the dialect files. `node dialect_server.js NAME [URL [QUEUE]]` prints the port. Each sends numbered events all
// the time, and drops its first connection once, after it has subscribed. URL is that of a broker which runs already.
const http = require('http');

const listen = (server) => server.listen(0, '127.0.0.1', () => console.log(server.address().port));
const every = (send) => { let n = 0; return setInterval(() => send(n++), 20); };
// Ends the first of all connections rudely.
let dropped = false;
const dropOnce = (destroy) => { if (!dropped) { dropped = true; setTimeout(destroy, 150); } };

// Stands between clients and a server whose connections cannot be dropped from here.
const between = (port) => {
  const net = require('net');
  listen(net.createServer((client) => {
    const server = net.connect(port, '127.0.0.1');
    client.pipe(server).pipe(client);
    for (const [one, other] of [[client, server], [server, client]]) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
    client.once('data', (head) => { if (/^upgrade:/im.test(head)) dropOnce(() => client.destroy()); });
  }));
};

// Starts a program that ends when this one does, however it ends, and takes a folder with it.
const tied = (command, folder = '') => {
  const script = 'folder=$1; shift; "$@" & child=$!; cat > /dev/null; kill $child; wait; [ -z "$folder" ] || rm -rf "$folder"';
  return require('child_process').spawn('sh', ['-c', script, 'sh', folder, ...command], { stdio: ['pipe', 'ignore', 'pipe'] });
};

// Stands before a debugger, which says where it listens.
const betweenSaid = (child) => {
  let said = '';
  child.stderr.on('data', (data) => {
    said += data;
    const found = said.match(/ws:\/\/127\.0\.0\.1:(\d+)\//);
    if (found) { said = ''; between(found[1]); }
  });
};

const servers = {
  'socket.io': () => {
    const { Server } = require('socket.io');
    const server = http.createServer();
    const io = new Server(server, { transports: ['websocket'], pingInterval: 100, pingTimeout: 1000 });
    for (const name of ['/', '/chat']) {
      io.of(name).on('connection', (socket) => {
        const timer = every((n) => socket.emit('news', { n, from: name, token: socket.handshake.auth.token }, 'more'));
        socket.on('disconnect', () => clearInterval(timer));
        dropOnce(() => socket.conn.transport.socket._socket.destroy());
      });
    }
    io.of('/closed').use((socket, next) => next(new Error('not authorized')));
    listen(server);
  },

  'graphql-ws': () => {
    const { GraphQLSchema, GraphQLObjectType, GraphQLInt } = require('graphql');
    const { makeServer, CloseCode } = require('graphql-ws');
    const { WebSocketServer } = require('ws');
    const count = async function* () { for (let n = 0; ; n++) { yield { count: n }; await new Promise((go) => setTimeout(go, 20)); } };
    const schema = new GraphQLSchema({
      query: new GraphQLObjectType({ name: 'Query', fields: { zero: { type: GraphQLInt, resolve: () => 0 } } }),
      subscription: new GraphQLObjectType({ name: 'Subscription', fields: { count: { type: GraphQLInt, subscribe: count } } }),
    });
    const server = makeServer({ schema, onConnect: (context) => context.connectionParams?.Authorization !== 'Bearer wrong' });
    const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => 'graphql-transport-ws' });
    sockets.on('listening', () => console.log(sockets.address().port));
    sockets.on('connection', (socket) => {
      const closed = server.opened({
        protocol: socket.protocol,
        send: (data) => new Promise((done) => socket.send(data, done)),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) => socket.on('message', (data) => take(data.toString())),
      }, {});
      socket.once('close', (code, reason) => closed(code, reason));
      const ping = setInterval(() => socket.send('{"type":"ping"}'), 50);
      socket.once('close', () => clearInterval(ping));
      dropOnce(() => socket.terminate());
    });
  },

  'rpc-websockets': () => {
    const { Server } = require('rpc-websockets');
    const server = new Server({ host: '127.0.0.1', port: 0 });
    server.event('price');
    every((n) => server.emit('price', { n }));
    server.on('listening', () => console.log(server.wss.address().port));
    server.on('connection', (socket) => dropOnce(() => socket.terminate()));
  },

  ganache: () => {
    const ganache = require('ganache');
    const server = ganache.server({ logging: { quiet: true }, miner: { blockTime: 0 }, wallet: { totalAccounts: 1 } });
    server.listen(0, '127.0.0.1').then(() => {
      between(server.address().port);
      const ask = (method, ...params) => server.provider.request({ method, params });
      ask('eth_accounts').then(([from]) => {
        // Code that logs nothing but that it ran: PUSH1 0, PUSH1 0, LOG0.
        every(() => ask('eth_sendTransaction', { from, gas: '0x186a0', data: '0x60006000a0' }).catch(() => {}));
      });
    });
  },

  // A STOMP broker, such as RabbitMQ with its plugin rabbitmq_web_stomp.
  stomp: (url, queue) => {
    const socket = new (require('ws'))(url, ['v12.stomp']);
    socket.on('open', () => socket.send('CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\0'));
    const publish = (to, n) => socket.send(`SEND\ndestination:${to}\nnote:a\\cb\n\n{"n":${n}}\0`);
    socket.once('message', () => {
      between(new URL(url).port);
      every((n) => publish(queue, n));
    });
  },

  // A WAMP router, such as Crossbar.io.
  wamp: (url) => {
    const socket = new (require('ws'))(url, ['wamp.2.json']);
    socket.on('open', () => socket.send('[1,"realm1",{"roles":{"publisher":{}}}]'));
    socket.once('message', () => {
      between(new URL(url).port);
      every((n) => socket.send(JSON.stringify([16, n + 1, {}, 'com.example.news', [{ n }], { more: true }])));
    });
  },

  // A Nostr relay, such as nostr-relay. Its notes have to be signed.
  nostr: (url) => {
    const notes = require('path').join(__dirname, 'nostr_notes.py');
    tied([process.env.WSTAP_TEST_NOSTR_PYTHON, notes, url]).stderr.pipe(process.stderr);
    between(new URL(url).port);
  },

  chromium: () => {
    const profile = require('fs').mkdtempSync(require('path').join(require('os').tmpdir(), 'wstap-'));
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'];
    betweenSaid(tied(['chromium', ...flags], profile));
  },

  // The debugger of Node.js itself: another process of it, which logs.
  inspector: () => {
    const logs = 'let n = 0; setInterval(() => console.log("n", n++), 20); process.stdin.resume().on("end", process.exit)';
    const child = require('child_process').spawn(process.execPath, ['--inspect=127.0.0.1:0', '-e', logs], { stdio: ['pipe', 'ignore', 'pipe'] });
    betweenSaid(child);
  },
};

servers[process.argv[2]](...process.argv.slice(3));
