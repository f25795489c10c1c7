"""Writes each message as a line, with Python's websockets."""
import asyncio
import sys

from websockets.asyncio.client import connect


async def receive(url):
    write = sys.stdout.buffer.write
    async with connect(url, max_size=None, ping_interval=None) as connection:
        async for message in connection:
            write(message.encode() + b"\n")
    sys.stdout.buffer.flush()


asyncio.run(receive(sys.argv[1]))
