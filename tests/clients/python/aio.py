#!/usr/bin/env python3
"""aio.py -- aiokafka as a client of the matrix, and as a member of a group."""
import asyncio
import sys
import threading
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from said import ASK_LIMIT_S, converse, line, pairs, tell_offset, tell_record


class Verbs:
    def __init__(self, brokers):
        self.settings = {"bootstrap_servers": brokers}
        self.producers = {}
        self.admin = None

    async def started_admin(self):
        if self.admin is None:
            self.admin = AIOKafkaAdminClient(**self.settings)
            await self.admin.start()
        return self.admin

    async def partitions(self, topic):
        found, = await (await self.started_admin()).describe_topics([topic])
        return found["partitions"]

    async def consumer(self, topic, group=None):
        """One that is assigned all partitions of a topic, and these."""
        consumer = AIOKafkaConsumer(group_id=group, enable_auto_commit=False, auto_offset_reset="earliest", **self.settings)
        await consumer.start()
        deadline = time.monotonic() + ASK_LIMIT_S
        found = await self.partitions(topic)
        while not found and time.monotonic() < deadline:
            found = await self.partitions(topic)
        places = [TopicPartition(topic, index) for index in sorted(place["partition"] for place in found)]
        consumer.assign(places)
        return consumer, places

    async def create(self, topic, partitions, replicas):
        await (await self.started_admin()).create_topics([NewTopic(topic, partitions, replicas)])

    async def describe(self, topic):
        for place in await self.partitions(topic):
            line("partition", place["partition"], place["leader"], len(place["replicas"]))

    async def delete(self, topic):
        await (await self.started_admin()).delete_topics([topic])

    async def produce(self, topic, codec, first, count):
        if codec not in self.producers:
            self.producers[codec] = AIOKafkaProducer(enable_idempotence=True, acks="all", linger_ms=5,
                                                     compression_type=None if codec == "none" else codec, **self.settings)
            await self.producers[codec].start()
        waiting = [await self.producers[codec].send(topic, value, key) for key, value in pairs(first, count)]
        await asyncio.wait_for(asyncio.gather(*waiting), ASK_LIMIT_S)

    async def read(self, topic, count):
        consumer, _ = await self.consumer(topic)
        deadline = time.monotonic() + ASK_LIMIT_S
        while count > 0:
            for records in (await consumer.getmany(timeout_ms=100, max_records=count)).values():
                for record in records:
                    tell_record(record.partition, record.offset, record.key, record.value)
                    count -= 1
            if time.monotonic() > deadline:
                raise TimeoutError(f"{count} records are missing")
        await consumer.stop()

    async def times(self, topic, time_ms):
        consumer, places = await self.consumer(topic)
        for place, found in (await consumer.offsets_for_times({place: time_ms for place in places})).items():
            tell_offset(place.partition, found and found.offset)
        await consumer.stop()

    async def commit(self, topic, group, partition, offset):
        consumer, _ = await self.consumer(topic, group)
        await consumer.commit({TopicPartition(topic, partition): offset})
        await consumer.stop()

    async def committed(self, topic, group):
        consumer, places = await self.consumer(topic, group)
        for place in places:
            tell_offset(place.partition, await consumer.committed(place))
        await consumer.stop()

    async def reset(self, topic, group):
        consumer, places = await self.consumer(topic, group)
        await consumer.commit(await consumer.beginning_offsets(places))
        await consumer.stop()


class Member(ConsumerRebalanceListener):
    """Says what it is given and what is taken from it; a committed offset may be asked within."""

    def __init__(self, consumer):
        self.consumer = consumer

    async def on_partitions_revoked(self, revoked):
        for place in revoked:
            line(time.monotonic_ns(), "lost", place.partition)

    async def on_partitions_assigned(self, assigned):
        for place in assigned:
            began = time.monotonic_ns()
            try:
                offset = await self.consumer.committed(place)
                line(began, "start", place.partition, -1 if offset is None else offset)
            except KafkaError as error:
                line(time.monotonic_ns(), "note committed:", repr(error))

    async def take(self, place, records):
        first, last = records[0].offset, records[-1].offset
        line(time.monotonic_ns(), "read", place.partition, first, last)
        try:
            await self.consumer.commit({place: last + 1})
            line(time.monotonic_ns(), "committed", place.partition, last + 1)
        except KafkaError as error:
            line(time.monotonic_ns(), "note commit:", repr(error))


async def join(brokers, topic, group):
    watcher = threading.Thread(target=sys.stdin.read, daemon=True)
    watcher.start()
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, group_id=group, enable_auto_commit=False,
                                auto_offset_reset="earliest", session_timeout_ms=6000, heartbeat_interval_ms=500,
                                rebalance_timeout_ms=6000)
    member = Member(consumer)
    await consumer.start()
    consumer.subscribe([topic], listener=member)
    while watcher.is_alive():
        for place, records in (await consumer.getmany(timeout_ms=50, max_records=500)).items():
            await member.take(place, records)
    await consumer.stop()


def main():
    if sys.argv[1] == "member":
        asyncio.run(join(*sys.argv[2:5]))
        return
    with asyncio.Runner() as runner:
        converse(Verbs(sys.argv[1]), runner.run)


if __name__ == "__main__":
    main()
