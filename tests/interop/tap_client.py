"""A client of Python's websockets that sends N random messages (text, binary, fragmented) to an echo, and checks that what
comes back is the same. Arguments: URL, N, seed, longest message in bytes. Prints a digest of all messages."""
import asyncio
import hashlib
import random
import sys

from websockets.asyncio.client import connect

url, count, seed, longest = sys.argv[1], *map(int, sys.argv[2:5])
rng = random.Random(seed)


def message(at):
    # One of a hundred is long; the first is as long as any may be.
    length = longest if at == 0 else rng.randrange(longest if rng.random() < 0.01 else 2000)
    if rng.random() < 0.5:
        return (rng.randbytes(min(length, 100_000)) * (length // 100_000 + 1))[:length]
    # A character takes up to two bytes.
    return ("".join(rng.choices("abcdefghij κόσμε", k=min(length, 10_000))) * (length // 10_000 + 1))[: length // 2]


def parts(data):
    size = len(data) // rng.randrange(2, 6) + 1
    return [data[at : at + size] for at in range(0, len(data), size)]


async def main():
    digest = hashlib.sha256()
    # A slow machine is not a dead link.
    async with asyncio.timeout(300), connect(url, max_size=None, ping_interval=None) as connection:
        waiting = asyncio.Queue(20)

        async def send():
            for at in range(count):
                data = message(at)
                await waiting.put(data)
                await connection.send(parts(data) if data and rng.random() < 0.3 else data)

        sending = asyncio.create_task(send())
        for at in range(count):
            data = await connection.recv()
            assert data == await waiting.get(), f"message {at} differs"
            digest.update(str(isinstance(data, bytes)).encode() + (data if isinstance(data, bytes) else data.encode()))
        await sending
        await connection.close(4321, "all came")
    print(digest.hexdigest())


asyncio.run(main())
