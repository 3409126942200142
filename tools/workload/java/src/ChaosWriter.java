// ChaosWriter.java -- the newest Java producer as a writer of the chaos bench: skiff-workload write in Java.
//
//   java ChaosWriter write -b BROKERS -t TOPIC --run HEX --history FILE [--rate N] [--size BYTES]
//                    [--first-client C] [--flush TIME] [--timeout TIME] [-X KEY=VALUE]
//
// One producer with its defaults (idempotent, acks=all), until SIGTERM. docs/chaos-history.md has the lines. A
// partition that has IN_FLIGHT_MAX records without an answer is passed over: the producer's buffer is one for all, so
// a leader that hangs would hold up the others. Exit 0, 1 when it could not run, 2 for words that mean nothing,
// 11 when the producer ended for good.

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class ChaosWriter {
    private static final int IN_FLIGHT_MAX = 1000;
    private static final long LATE_MAX_NANOS = 100_000_000;
    private static final long FLUSH_NANOS = 50_000_000;
    private static final int FAILED = 1;
    private static final int USAGE = 2;
    private static final int VIOLATION = 11;

    private final Map<String, String> flags;
    private final int client;
    private final History history;
    private final AtomicLong acked = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();
    private AtomicIntegerArray inFlight; // By partition.
    private long written;
    private long passedOver;

    /** What stops the program, with its exit code. */
    private static final class Stop extends Exception {
        private static final long serialVersionUID = 1;
        final int code;

        Stop(int code, String why) {
            super(why);
            this.code = code;
        }
    }

    /** The lines of this process; times do not go back, since they are taken under the lock. */
    private static final class History {
        private final OutputStream file;
        private final StringBuilder buffer = new StringBuilder();
        private long flushedNanos = System.nanoTime();
        private IOException error;
        private boolean isOver; // Whatever is told from now on comes too late.

        History(String path) throws IOException {
            file = new FileOutputStream(path);
        }

        /** A line that ends with the time; System.nanoTime() is CLOCK_MONOTONIC on Linux. */
        synchronized void add(String line) {
            long now = System.nanoTime();
            addAlone(line + " " + now);
            if (now - flushedNanos > FLUSH_NANOS) {
                flush();
            }
        }

        synchronized void addAlone(String line) {
            if (!isOver) {
                buffer.append(line).append('\n');
            }
        }

        synchronized void end() {
            add(".");
            isOver = true;
            flush();
        }

        synchronized void flush() {
            flushedNanos = System.nanoTime();
            try {
                if (error == null) {
                    file.write(buffer.toString().getBytes(StandardCharsets.US_ASCII));
                }
            } catch (IOException why) {
                error = why;
            }
            buffer.setLength(0);
        }

        synchronized void check() throws IOException {
            if (error != null) {
                throw error;
            }
        }
    }

    private ChaosWriter(Map<String, String> flags) throws IOException {
        this.flags = flags;
        client = Integer.parseInt(flags.getOrDefault("--first-client", "0"));
        history = new History(flags.get("--history"));
    }

    private byte[] value(long number, int size) {
        String head = flags.get("--run") + ":" + client + ":" + number;
        CRC32C crc = new CRC32C();
        crc.update(head.getBytes(StandardCharsets.US_ASCII));
        byte[] whole = String.format("%s:%08x", head, crc.getValue()).getBytes(StandardCharsets.US_ASCII);
        if (whole.length >= size) {
            return whole;
        }
        byte[] padded = Arrays.copyOf(whole, size);
        Arrays.fill(padded, whole.length, size, (byte) '.');
        padded[whole.length] = ':';
        return padded;
    }

    private KafkaProducer<byte[], byte[]> open() {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", flags.get("-b"));
        settings.put("client.id", "skiff-chaos");
        settings.put("key.serializer", ByteArraySerializer.class.getName());
        settings.put("value.serializer", ByteArraySerializer.class.getName());
        // Only the first look for the topic may wait that long: later the bound above keeps room in the buffer.
        settings.put("max.block.ms", Long.toString(nanos(flags.getOrDefault("--timeout", "10s")) / 1_000_000));
        String more = flags.get("-X");
        if (more != null) {
            settings.put(more.substring(0, more.indexOf('=')), more.substring(more.indexOf('=') + 1));
        }
        return new KafkaProducer<>(settings);
    }

    private void write(KafkaProducer<byte[], byte[]> producer, int partition, int size) throws Stop {
        if (inFlight.get(partition) >= IN_FLIGHT_MAX) {
            passedOver++;
            return;
        }
        long number = written++;
        inFlight.incrementAndGet(partition);
        history.add("w " + client + " " + number + " " + partition);
        try {
            producer.send(new ProducerRecord<>(flags.get("-t"), partition, null, value(number, size)),
                (place, error) -> answered(number, partition, place == null ? -1 : place.offset(), error));
        } catch (KafkaException | IllegalStateException fatal) {
            answered(number, partition, -1, fatal);
            boolean refused = fatal.getCause() instanceof AuthorizationException
                || fatal.getCause() instanceof UnsupportedVersionException;
            String what = "client " + client + " ended by " + name(fatal) + ": " + fatal.getMessage();
            history.addAlone("n " + what.replace('\n', ' '));
            throw new Stop(refused ? FAILED : VIOLATION, what);
        }
    }

    private void answered(long number, int partition, long offset, Exception error) {
        inFlight.decrementAndGet(partition);
        if (error == null) {
            acked.incrementAndGet();
            history.add("a " + client + " " + number + " " + offset);
        } else {
            failed.incrementAndGet();
            history.add("e " + client + " " + number + " " + name(error));
        }
    }

    private static String name(Exception error) {
        return error.getClass().getSimpleName();
    }

    private void writeUntil(CountDownLatch end, KafkaProducer<byte[], byte[]> producer)
            throws InterruptedException, IOException, Stop {
        long rate = Long.parseLong(flags.getOrDefault("--rate", "1000"));
        int size = Integer.parseInt(flags.getOrDefault("--size", "0"));
        long late = LATE_MAX_NANOS * rate / 1_000_000_000 + 1;
        long start = System.nanoTime();
        long slot = 0;
        while (end.getCount() > 0) {
            long due = (System.nanoTime() - start) / 1_000 * rate / 1_000_000 + 1;
            if (due > slot + late) {
                passedOver += due - late - slot;
                slot = due - late;
            }
            for (; slot < due; slot++) {
                write(producer, (int) (slot % inFlight.length()), size);
            }
            history.check();
            Thread.sleep(1);
        }
    }

    private void flush() throws InterruptedException {
        long deadline = System.nanoTime() + nanos(flags.getOrDefault("--flush", "10s"));
        while (acked.get() + failed.get() < written && System.nanoTime() < deadline) {
            Thread.sleep(5);
        }
    }

    private void run(CountDownLatch end) throws InterruptedException, IOException, Stop {
        KafkaProducer<byte[], byte[]> producer = open();
        int partitions;
        try {
            partitions = producer.partitionsFor(flags.get("-t")).size();
        } catch (KafkaException why) {
            throw new Stop(FAILED, "no broker told of topic " + flags.get("-t") + ": " + why.getMessage());
        }
        inFlight = new AtomicIntegerArray(partitions);
        history.addAlone("# skiff-history 1 run=" + flags.get("--run") + " topic=" + flags.get("-t")
            + " partitions=" + partitions);
        history.addAlone("c " + client + " writer java kafka-clients");
        history.flush();
        try {
            writeUntil(end, producer);
        } finally {
            flush();
            history.addAlone("n " + written + " written, " + acked + " acknowledged, " + failed + " failed, "
                + passedOver + " passed over");
            history.end();
        }
        history.check();
        System.out.println(written + " written, " + acked + " acknowledged, " + failed + " failed");
    }

    /** "500ms", "10s", "2m". */
    private static long nanos(String text) {
        String digits = text.replaceAll("[a-z]", "");
        long unit = text.endsWith("ms") ? 1_000_000 : text.endsWith("m") ? 60_000_000_000L : 1_000_000_000;
        return Long.parseLong(digits) * unit;
    }

    private static Map<String, String> read(String[] words) throws Stop {
        Map<String, String> flags = new HashMap<>();
        for (int at = 1; at + 1 < words.length; at += 2) {
            flags.put(words[at], words[at + 1]);
        }
        for (String needed : new String[] {"-b", "-t", "--run", "--history"}) {
            if (!flags.containsKey(needed) || !words[0].equals("write") || words.length % 2 == 0) {
                throw new Stop(USAGE, "write -b BROKERS -t TOPIC --run HEX --history FILE must be there");
            }
        }
        if (!flags.get("-t").startsWith("skiff-chaos-")) {
            throw new Stop(USAGE, "only topics whose names begin with skiff-chaos- are touched");
        }
        return flags;
    }

    private static int runAll(String[] words, CountDownLatch end) throws InterruptedException {
        try {
            new ChaosWriter(read(words)).run(end);
            return 0;
        } catch (Stop why) {
            System.err.println("chaos-writer: " + why.getMessage());
            return why.code;
        } catch (IOException why) {
            System.err.println("chaos-writer: " + why.getMessage());
            return FAILED;
        }
    }

    // SIGTERM runs the hook and waits for it, and it waits for main: so it is halt() that gives the exit code.
    public static void main(String[] words) throws InterruptedException {
        CountDownLatch end = new CountDownLatch(1);
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            end.countDown();
            try {
                main.join();
            } catch (InterruptedException never) {
                throw new IllegalStateException(never);
            }
        }));
        int code = runAll(words.length == 0 ? new String[] {""} : words, end);
        Runtime.getRuntime().halt(code);
    }
}
