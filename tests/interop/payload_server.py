"""A server of binary payloads, made by msgpack, cbor2 and gzip. Prints its port, then what clients send, as it reads it."""
import datetime
import gzip
import json

import cbor2
import msgpack
from websockets.sync.server import serve

MOMENT = datetime.datetime(2026, 1, 1, 12, 0, 0, tzinfo=datetime.timezone.utc)
VALUE = {"id": 2**63, "price": 1.5, "raw": b"\x00\xff", "at": MOMENT, 7: ["ü", None, True, -1]}


def feed(connection):
    if connection.request.path == "/gzip":
        # As HTX does: the ping is inside the gzip, and nothing follows unless it is answered.
        connection.send(gzip.compress(b'{"ping":18212558000}'))
        print(connection.recv(), flush=True)
        connection.send(gzip.compress(b'{"tick":1}'))
        return
    pack, unpack = {
        "/msgpack": (lambda value: msgpack.packb(value, datetime=True), lambda data: msgpack.unpackb(data, timestamp=3, strict_map_key=False)),
        "/cbor": (cbor2.dumps, cbor2.loads),
    }[connection.request.path]
    connection.send(pack(VALUE))
    read = unpack(connection.recv())
    print("same" if read == VALUE else json.dumps(read, default=repr), flush=True)


with serve(feed, "127.0.0.1", 0) as server:
    print(server.socket.getsockname()[1], flush=True)
    server.serve_forever()
