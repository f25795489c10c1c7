"""An echo server of Python's websockets that accepts whatever is offered. Prints its port, then the extensions of each
connection."""
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.sync.server import serve


def echo(connection):
    print(connection.response.headers.get("Sec-WebSocket-Extensions"), flush=True)
    for message in connection:
        connection.send(message)


with serve(echo, "127.0.0.1", 0, compression=None, extensions=[ServerPerMessageDeflateFactory()]) as server:
    print(server.socket.getsockname()[1], flush=True)
    server.serve_forever()
