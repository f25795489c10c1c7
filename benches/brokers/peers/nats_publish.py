"""Publishes each line of standard input to JetStream with Python's nats-py: nats_publish.py URL SUBJECT.

Up to 4000 messages are on their way, as many as wstap has.
"""

import asyncio
import sys

import nats


async def main(url, subject):
    connection = await nats.connect(url)
    jetstream = connection.jetstream(publish_async_max_pending=4000)
    failures = []

    def done(future):
        if future.exception() is not None:
            failures.append(future.exception())

    for number, line in enumerate(sys.stdin.buffer, 1):
        headers = {"Nats-Msg-Id": f"run-{number}"}
        future = await jetstream.publish_async(subject, line.rstrip(b"\n"), headers=headers)
        future.add_done_callback(done)
    await jetstream.publish_async_completed()
    await connection.close()
    if failures:
        sys.exit(f"{len(failures)} lines are not stored: {failures[0]}")


asyncio.run(main(sys.argv[1], sys.argv[2]))
