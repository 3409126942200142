// said.js -- the conversation of a client program of the matrix, as tests/clients/matrix/client.py has it.
//
//	PROGRAM BROKERS                                  verbs come on standard input, a line each
//	PROGRAM member BROKERS TOPIC GROUP [PROTOCOL]    a member of a group, until standard input ends
import readline from "node:readline";

export const ASK_LIMIT_MS = 60000;

/** What a client has no call for. */
export class Lacks extends Error {}

export function line(...words) {
    process.stdout.write(words.join(" ") + "\n");
}

/** What a member of a group did, and when; `at` is a moment of now(). */
export function deed(at, ...words) {
    line(at, ...words);
}

/** Nanoseconds of the wall's clock, in the order of calls. */
export function now() {
    return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}

/** What an error says, and what the last one of those says that led to it. */
export function why(error) {
    const last = error?.errors?.at(-1) ?? error?.cause;
    return String(error?.message ?? error).replaceAll("\n", " ") + (last ? `: ${why(last)}` : "");
}

/** Records that come bit by bit, as many as are asked for. */
export class Reading {
    constructor(count) {
        this.left = count;
        this.done = new Promise((resolve, reject) => {
            this.finish = resolve;
            this.limit = setTimeout(() => reject(new Error(`${this.left} records are missing`)), ASK_LIMIT_MS);
        });
    }

    take(partition, offset, key, value) {
        if (this.left > 0) line("record", partition, offset, key, value);
        if (--this.left === 0) {
            clearTimeout(this.limit);
            this.finish();
        }
    }
}

/** The messages of `produce`. */
export function messages(first, count) {
    return Array.from({ length: count }, (_, at) => ({ key: `k${first + at}`, value: `v${first + at}` }));
}

async function answer(verbs, verb, words) {
    try {
        if (!verbs[verb]) throw new Lacks("no such call");
        await verbs[verb](...words);
        line("ok");
    } catch (error) {
        line(error instanceof Lacks ? "lacks" : "error", why(error));
        if (!(error instanceof Lacks)) console.error(error);
    }
}

async function ask(open, brokers) {
    const verbs = await open(brokers);
    for await (const text of readline.createInterface({ input: process.stdin })) {
        const [verb, ...words] = text.split(" ");
        await answer(verbs, verb, words.map(word => /^-?\d+$/.test(word) ? Number(word) : word));
    }
}

/** A whole program: `open(brokers)` gives the verbs, `join(brokers, topic, group, protocol, ended)` is a member. */
export async function converse(open, join) {
    const [first, ...more] = process.argv.slice(2);
    if (first === "member") {
        const [brokers, topic, group, protocol] = more;
        const ended = new Promise(resolve => process.stdin.resume().on("end", resolve));
        await join(brokers.split(","), topic, group, protocol, ended);
    } else {
        await ask(open, first.split(","));
    }
    process.exit(0);
}
