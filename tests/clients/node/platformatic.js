// platformatic.js -- @platformatic/kafka as a client of the matrix, in groups of both protocols.
import { setInterval } from "node:timers/promises";

import { Admin, Consumer, MessagesStreamFallbackModes, MessagesStreamModes, Producer, stringDeserializers,
    stringSerializers } from "@platformatic/kafka";

import { Reading, converse, deed, line, messages, now, why } from "./said.js";

const EARLIEST = -2n;
const LOOK_MS = 10;

function options(bootstrapBrokers) {
    return { clientId: "matrix", bootstrapBrokers, retries: 100, retryDelay: 100, metadataMaxAge: 100 };
}

/** The metadata of a topic that somebody else may have made just now. */
async function describe(admin, topic) {
    return (await admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic).partitions;
}

/** What ListOffsets answers: partition and offset. */
async function list(admin, name, timestamp) {
    const partitions = (await describe(admin, name)).map((_, partitionIndex) => ({ partitionIndex, timestamp }));
    const [found] = await admin.listOffsets({ topics: [{ name, partitions }] });
    return found.partitions.map(({ partitionIndex, offset }) => ({ partition: partitionIndex, offset }));
}

async function committed(admin, name, groupId, partitionIndexes) {
    const [found] = await admin.listConsumerGroupOffsets({ groups: [{ groupId, topics: [{ name, partitionIndexes }] }] });
    return found.topics[0].partitions.map(place => [place.partitionIndex, place.committedOffset]);
}

async function read(brokers, groupId, topic, count) {
    const reading = new Reading(count);
    const consumer = new Consumer({ ...options(brokers), groupId, deserializers: stringDeserializers });
    const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST, autocommit: false,
        maxWaitTime: 100 });
    stream.on("data", ({ partition, offset, key, value }) => reading.take(partition, offset, key, value));
    await reading.done.finally(() => consumer.close(true));
}

async function open(brokers) {
    const admin = new Admin(options(brokers));
    const producer = new Producer({ ...options(brokers), serializers: stringSerializers, idempotent: true });
    let readers = 0;
    return {
        create: (topic, partitions, replicas) => admin.createTopics({ topics: [topic], partitions, replicas }),
        async describe(topic) {
            for (const [index, { leader, replicas }] of (await describe(admin, topic)).entries()) {
                line("partition", index, leader, replicas.length);
            }
        },
        delete: topic => admin.deleteTopics({ topics: [topic] }),
        produce: (topic, compression, first, count) => producer.send({ compression,
            messages: messages(first, count).map(message => ({ topic, ...message })) }),
        read: (topic, count) => read(brokers, `platformatic-reads-${process.pid}-${++readers}`, topic, count),
        async times(topic, ms) {
            for (const { partition, offset } of await list(admin, topic, BigInt(ms))) line("offset", partition, offset);
        },
        commit: (name, groupId, partition, offset) => admin.alterConsumerGroupOffsets({ groupId,
            topics: [{ name, partitionOffsets: [{ partition, offset: BigInt(offset) }] }] }),
        async committed(topic, groupId) {
            const all = [...(await describe(admin, topic)).keys()];
            for (const [partition, offset] of await committed(admin, topic, groupId, all)) {
                line("offset", partition, offset);
            }
        },
        reset: async (name, groupId) => admin.alterConsumerGroupOffsets({ groupId,
            topics: [{ name, partitionOffsets: await list(admin, name, EARLIEST) }] }),
    };
}

/** A member of a group, which says all that it does; the client tells of no assignment, so its field is looked at. */
class Member {
    constructor(brokers, topic, groupId, protocol) {
        const kind = protocol === "consumer" ? { groupProtocol: "consumer" } :
            { sessionTimeout: 6000, rebalanceTimeout: 6000, heartbeatInterval: 500 };
        this.made = () => {
            const consumer = new Consumer({ ...options(brokers), retries: 3, groupId, ...kind });
            consumer.on("error", error => this.failed("group", error)); // Of its own attempts to join again.
            return consumer;
        };
        Object.assign(this, { topic, groupId, admin: new Admin(options(brokers)), owned: new Set(), waiting: new Map(),
            isBroken: false, consumer: this.made() });
    }

    /** Before anything is read of a partition it is said that it is owned. */
    async look() {
        const partitions = this.consumer.assignments?.find(({ topic }) => topic === this.topic)?.partitions ?? [];
        const lost = [...this.owned].filter(partition => !partitions.includes(partition));
        const added = partitions.filter(partition => !this.owned.has(partition));
        for (const partition of lost) {
            deed(now(), "lost", partition);
            this.waiting.delete(partition);
        }
        this.owned = new Set(partitions);
        if (added.length === 0) return;
        const asked = now();
        try {
            for (const [partition, offset] of await committed(this.admin, this.topic, this.groupId, added)) {
                deed(asked, "start", partition, offset);
            }
        } catch (error) {
            deed(now(), "note committed:", why(error));
        }
    }

    take({ partition, offset }) {
        const found = this.waiting.get(partition);
        this.waiting.set(partition, { first: found?.first ?? offset, last: offset });
    }

    async commit() {
        const taken = [...this.waiting];
        this.waiting.clear();
        for (const [partition, { first, last }] of taken) {
            deed(now(), "read", partition, first, last);
            try {
                await this.consumer.commit({ offsets: [{ topic: this.topic, partition, offset: last + 1n,
                    leaderEpoch: -1 }] });
                deed(now(), "committed", partition, last + 1n);
            } catch (error) {
                this.failed("commit", error);
            }
        }
    }

    async follow() {
        const stream = await this.consumer.consume({ topics: [this.topic], mode: MessagesStreamModes.COMMITTED,
            fallbackMode: MessagesStreamFallbackModes.EARLIEST, autocommit: false, maxWaitTime: 100 });
        stream.on("data", message => this.take(message));
        stream.on("error", error => this.failed("read", error));
    }

    /** A consumer may go on asking a node that has died, until its user makes another one. */
    failed(what, error) {
        deed(now(), `note ${what}:`, why(error));
        this.isBroken = true;
    }

    async renew() {
        this.isBroken = false;
        await this.consumer.close(true).catch(error => deed(now(), "note close:", why(error)));
        this.consumer = this.made();
        await this.follow().catch(error => this.failed("join", error));
    }

    async run(ended) {
        let isOver = false;
        ended.then(() => { isOver = true; });
        await this.follow();
        for await (const _ of setInterval(LOOK_MS)) {
            if (isOver) break;
            await this.look();
            await this.commit();
            if (this.isBroken) await this.renew();
        }
        await this.consumer.close(true);
        await this.admin.close();
    }
}

converse(open, (brokers, topic, group, protocol, ended) => new Member(brokers, topic, group, protocol).run(ended));
