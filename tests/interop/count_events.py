"""Counts the events of a JetStream subject, and their ids: count_events.py URL SUBJECT COUNT."""

import asyncio
import json
import sys

import nats
from nats.errors import TimeoutError


async def main(url, subject, count):
    connection = await nats.connect(url)
    events = await connection.jetstream().pull_subscribe(subject, durable="counter")
    seen, ids = 0, set()
    while seen < count:
        try:
            messages = await events.fetch(500, timeout=1)
        except TimeoutError:
            continue
        for message in messages:
            seen += 1
            ids.add(json.loads(message.data)["id"])
            await message.ack()
    print(f"{seen} events, {len(ids)} ids")
    await connection.close()


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
