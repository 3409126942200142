// kafkajs.js -- kafkajs as a client of the matrix, with the snappy codec that is made for it.
import kafkajs from "kafkajs";
import snappy from "kafkajs-snappy";

import { Lacks, Reading, converse, deed, line, messages, now, why } from "./said.js";

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;
const CODECS = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy };
CompressionCodecs[CompressionTypes.Snappy] = snappy;

function connect(brokers) {
    const logCreator = () => ({ log }) => console.error(log.message, log.error ?? "");
    return new Kafka({ brokers, logLevel: logLevel.WARN, logCreator, retry: { initialRetryTime: 50, maxRetryTime: 500,
        retries: 100 } });
}

/** Offsets by partition, in its order; the client hands them over as text. */
function tell(places) {
    for (const { partition, offset } of places) line("offset", partition, offset);
}

async function open(brokers) {
    const kafka = connect(brokers);
    const admin = kafka.admin();
    await admin.connect();
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    let readers = 0;
    return {
        create: (topic, numPartitions, replicationFactor) => admin.createTopics({ waitForLeaders: false,
            topics: [{ topic, numPartitions, replicationFactor }] }),
        async describe(topic) {
            const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
            for (const { partitionId, leader, replicas } of topics[0].partitions) {
                line("partition", partitionId, leader, replicas.length);
            }
        },
        delete: topic => admin.deleteTopics({ topics: [topic] }),
        // What one send() has for several leaders is not sent again when one of them dies and the others have answered:
        // the client counts brokers that answered, not partitions. So each partition has a send() of its own.
        async produce(topic, codec, first, count) {
            if (!(codec in CODECS)) throw new Lacks(codec);
            const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
            const partitions = topics[0].partitions.length;
            const parts = Array.from({ length: partitions }, () => []);
            for (const [place, message] of messages(first, count).entries()) {
                parts[place % partitions].push({ ...message, partition: place % partitions });
            }
            await Promise.all(parts.filter(part => part.length).map(part =>
                producer.send({ topic, acks: -1, compression: CODECS[codec], messages: part })));
        },
        // The client reads in groups alone.
        async read(topic, count) {
            const reading = new Reading(count);
            const consumer = kafka.consumer({ maxWaitTimeInMs: 100,
                groupId: `kafkajs-reads-${process.pid}-${++readers}` });
            await consumer.connect();
            await consumer.subscribe({ topics: [topic], fromBeginning: true });
            await consumer.run({ autoCommit: false, eachMessage: async ({ partition, message }) =>
                reading.take(partition, message.offset, message.key, message.value) });
            await reading.done.finally(() => consumer.disconnect());
        },
        // Where no record is as young, it answers the end of the partition.
        async times(topic, ms) {
            const ends = new Map((await admin.fetchTopicOffsets(topic)).map(end => [end.partition, end.offset]));
            tell((await admin.fetchTopicOffsetsByTimestamp(topic, ms)).map(({ partition, offset }) =>
                ({ partition, offset: offset === ends.get(partition) ? -1 : offset })));
        },
        commit: (topic, groupId, partition, offset) => admin.setOffsets({ groupId, topic,
            partitions: [{ partition, offset: String(offset) }] }),
        async committed(topic, groupId) {
            const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
            tell(found.partitions);
        },
        // Its resetOffsets() commits -2, which this client alone takes for the beginning.
        async reset(topic, groupId) {
            const ends = await admin.fetchTopicOffsets(topic);
            await admin.setOffsets({ groupId, topic, partitions: ends.map(({ partition, low }) =>
                ({ partition, offset: low })) });
        },
    };
}

/** A member of a group, which says all that it does. */
class Member {
    constructor(kafka, topic, groupId) {
        Object.assign(this, { topic, groupId, admin: kafka.admin(), owned: [] });
        this.consumer = kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 500,
            rebalanceTimeout: 6000, maxWaitTimeInMs: 100 });
        const { GROUP_JOIN, REBALANCING, CRASH } = this.consumer.events;
        this.consumer.on(GROUP_JOIN, ({ payload }) => this.own(payload.memberAssignment[topic] ?? []));
        this.consumer.on(REBALANCING, () => this.lose());
        this.consumer.on(CRASH, ({ payload }) => deed(now(), "note crash:", why(payload.error)));
    }

    lose() {
        for (const partition of this.owned) deed(now(), "lost", partition);
        this.owned = [];
    }

    async own(partitions) {
        this.lose();
        const asked = now();
        try {
            const [found] = await this.admin.fetchOffsets({ groupId: this.groupId, topics: [this.topic] });
            this.owned = partitions;
            for (const { partition, offset } of found.partitions) {
                if (partitions.includes(partition)) deed(asked, "start", partition, offset);
            }
        } catch (error) {
            deed(now(), "note committed:", why(error));
        }
    }

    async take({ topic, partition, messages }) {
        const [first, last] = [messages[0].offset, messages.at(-1).offset];
        const offset = String(BigInt(last) + 1n);
        deed(now(), "read", partition, first, last);
        try {
            await this.consumer.commitOffsets([{ topic, partition, offset }]);
            deed(now(), "committed", partition, offset);
        } catch (error) {
            deed(now(), "note commit:", why(error));
            throw error;
        }
    }

    async run(ended) {
        await this.admin.connect();
        await this.consumer.connect();
        await this.consumer.subscribe({ topics: [this.topic], fromBeginning: true });
        await this.consumer.run({ autoCommit: false, partitionsConsumedConcurrently: 6,
            eachBatch: ({ batch }) => this.take(batch) });
        await ended;
        await this.consumer.disconnect();
        await this.admin.disconnect();
    }
}

converse(open, (brokers, topic, group, _, ended) => new Member(connect(brokers), topic, group).run(ended));
