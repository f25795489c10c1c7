// A GraphQL server of npm graphql-ws: a greeting in three languages, twice a second, for who is authorised.
const { buildSchema } = require('graphql');
const { useServer } = require('graphql-ws/use/ws');
const { WebSocketServer } = require('ws');

const schema = buildSchema('type Query { hello: String } type Subscription { greetings: String }');
const roots = {
  query: { hello: () => 'hi' },
  subscription: {
    greetings: async function* () {
      for (let n = 0; ; n++) {
        yield { greetings: ['hello', 'hola', 'salut'][n % 3] };
        await new Promise((next) => setTimeout(next, 50));
      }
    },
  },
};
const server = new WebSocketServer({ port: Number(process.argv[2] ?? 0), path: '/graphql' });
useServer({ schema, roots, onConnect: ({ connectionParams }) => connectionParams?.stranger !== true }, server);
server.on('listening', () => console.log(`ws://127.0.0.1:${server.address().port}/graphql`));
