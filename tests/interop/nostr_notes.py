"""Publishes a signed note every 20 ms: nostr_notes.py URL. It runs in an environment that has nostr-relay."""
import asyncio, itertools, json, sys, time

import websockets
from aionostr.event import Event
from aionostr.key import PrivateKey


async def main(url):
    key = PrivateKey()
    async with websockets.connect(url) as relay:
        for n in itertools.count():
            note = Event(pubkey=key.public_key.hex(), kind=1, content=f"note {n}", created_at=int(time.time()))
            note.sign(key.hex())
            await relay.send(json.dumps(["EVENT", note.to_json_object()]))
            await relay.recv()
            await asyncio.sleep(0.02)


asyncio.run(main(sys.argv[1]))
