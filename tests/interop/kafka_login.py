"""Stands before a Kafka broker and lets clients in that log in: kafka_login.py HOST:PORT USER PASSWORD.

Prints its port. SCRAM is that of the package scramp.
"""

import asyncio
import struct
import sys

from scramp import ScramException, ScramMechanism

broker, user, password = sys.argv[1:]
# Each with the lowest and highest version: Produce, Fetch, ListOffsets, Metadata, SaslHandshake, ApiVersions,
# InitProducerId, SaslAuthenticate.
APIS = [(0, 3, 8), (1, 4, 4), (2, 1, 1), (3, 4, 4), (17, 1, 1), (18, 0, 0), (22, 0, 1), (36, 0, 0)]
MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


class Login:
    def __init__(self, name):
        self.steps, self.scram, self.done = 0, None, False
        if name != "PLAIN":
            mechanism = ScramMechanism(name)
            known = mechanism.make_auth_info(password, iteration_count=4096)
            self.scram = mechanism.make_server(lambda asked: known if asked == user else None)

    def step(self, said):
        self.steps += 1
        if self.scram is None:
            self.done = said == f"\0{user}\0{password}".encode()
            return b"" if self.done else None
        try:
            if self.steps == 1:
                self.scram.set_client_first(said.decode())
                return self.scram.get_server_first().encode()
            self.scram.set_client_final(said.decode())
            self.done = True
            return self.scram.get_server_final().encode()
        except (ScramException, TypeError):
            return None


async def copy(reader, writer):
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve(reader, writer):
    login = None
    while login is None or not login.done:
        head = await reader.read(4)
        if not head:
            break
        (length,) = struct.unpack(">i", head)
        request = await reader.readexactly(length)
        api, _, number, name = struct.unpack(">hhih", request[:10])
        body = request[10 + name :]
        if api == 18:
            answer = struct.pack(">hi", 0, len(APIS)) + b"".join(struct.pack(">hhh", *api) for api in APIS)
        elif api == 17:
            mechanism = body[2:].decode()
            known = mechanism in MECHANISMS
            login = Login(mechanism) if known else None
            answer = struct.pack(">hi", 0 if known else 33, len(MECHANISMS)) + b"".join(map(text, MECHANISMS))
        elif api == 36 and login:
            said = login.step(body[4:])
            answer = struct.pack(">hhi", 0, -1, len(said)) + said if said is not None else None
            answer = answer or struct.pack(">h", 58) + text("wrong user or password") + struct.pack(">i", 0)
        else:
            break
        writer.write(struct.pack(">ii", len(answer) + 4, number) + answer)
        await writer.drain()
    else:
        host, port = broker.split(":")
        back, on = await asyncio.open_connection(host, int(port))
        await asyncio.gather(copy(reader, on), copy(back, writer))
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
