"""A client of Python's websockets that is echoed to. Prints the extensions that were agreed on."""
import sys

from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.sync.client import connect

offer = [ClientPerMessageDeflateFactory(client_max_window_bits=True)]
with connect(sys.argv[1], compression=None, extensions=offer) as connection:
    for message in ["hello", "", "x" * 100_000, b"\0\1" * 1000, "hello", "κόσμε" * 1000]:
        connection.send(message)
        assert connection.recv() == message
    print(connection.response.headers.get("Sec-WebSocket-Extensions"))
