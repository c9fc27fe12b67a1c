import asyncio
from tests.conftest import Vhost
from tests.integration.doors import *
async def test_x(vhost: Vhost) -> None:
  for pause in (0, 0, 0.05, 0.5):
    async with administrator(vhost, "mshp") as client:
        intake = RecordingIntake()
        inbound = inbound_of(vhost, intake, agency("mshp", client.user))
        async with receiving(inbound):
            await until(lambda: inbound.status().ready)
            await client.channel.queue_delete("router.in.mshp")
            await asyncio.sleep(pause)
            await client.declare_ingress("mshp", INGRESS | {"x-delivery-limit": 33, "x-max-length": 100})
            await client.send("mshp", b"again")
            await asyncio.sleep(3)
            print(pause, intake.bodies, inbound.status().ingresses["router.in.mshp"])
            print(await vhost.ctl("list_queues", "name","messages","consumers","policy","arguments"))
            print(await vhost.ctl("list_consumers"))
            print(await vhost.node.ctl("list_channels", "pid","consumer_count","vhost"))
            r = await client.channel.queue_declare("router.in.mshp", passive=True); print(r.consumer_count, r.message_count)
        await client.channel.queue_delete("router.in.mshp")
        print("----")
  assert 0
