// Official clients against the mocks of dialect files: `node dialect_client.js PACKAGE PORT TOPIC` prints three events.
const [, , name, port, topic] = process.argv;
let left = 3;
const print = (value) => { console.log(JSON.stringify(value)); if (--left === 0) process.exit(0); };
const fail = (error) => { console.error(error); process.exit(1); };

const clients = {
  'pusher-js': () => {
    const Pusher = require('pusher-js');
    const pusher = new Pusher('app-key', { cluster: '', wsHost: '127.0.0.1', wsPort: port, forceTLS: false, enabledTransports: ['ws'], disableStats: true });
    const channel = pusher.subscribe(topic);
    channel.bind('pusher:subscription_error', fail);
    channel.bind('pusher:subscription_succeeded', () => channel.bind('update', print));
  },
  centrifuge: () => {
    const { Centrifuge } = require('centrifuge');
    const WebSocket = require('ws');
    const centrifuge = new Centrifuge(`ws://127.0.0.1:${port}/connection/websocket`, { websocket: WebSocket });
    const subscription = centrifuge.newSubscription(topic);
    subscription.on('error', fail);
    subscription.on('subscribed', (context) => { if (!context.recoverable) fail(context); });
    subscription.on('publication', (context) => print([context.offset, context.data]));
    subscription.subscribe();
    centrifuge.on('error', fail);
    centrifuge.connect();
  },
  '@microsoft/signalr': () => {
    const { HubConnectionBuilder, LogLevel } = require('@microsoft/signalr');
    const hub = new HubConnectionBuilder().withUrl(`http://127.0.0.1:${port}/hub`).configureLogging(LogLevel.Warning).build();
    hub.on('news', (...values) => print(values));
    hub.start().then(() => hub.invoke(topic)).catch(fail);
  },
};

clients[name]();
