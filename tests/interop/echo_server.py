"""An echo server of Python's websockets that accepts whatever is offered. Prints its port, then the extensions of each
connection. With an argument, messages may have any length."""
import contextlib
import sys

from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.sync.server import serve


def echo(connection):
    print(connection.response.headers.get("Sec-WebSocket-Extensions"), flush=True)
    with contextlib.suppress(ConnectionClosed):
        for message in connection:
            connection.send(message)


extensions = [ServerPerMessageDeflateFactory()]
most = None if len(sys.argv) > 1 else 2**20
with serve(echo, "127.0.0.1", 0, compression=None, extensions=extensions, max_size=most) as server:
    print(server.socket.getsockname()[1], flush=True)
    server.serve_forever()
