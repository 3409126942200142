// KillLoop.java -- the newest Java client against nodes that somebody else kills.
//
//   java KillLoop BROKERS TOPIC RATE RECORDS
//
// An idempotent producer (its defaults: acks=all, five requests in flight) writes RATE records a second
// until standard input ends and RECORDS were sent; it says "producing" when the first is acknowledged. Then
// a consumer that assign()s every partition reads from the start, and each acknowledged record must stand at
// its offset, exactly once, in order by partition; one without an acknowledgement may stand there at most
// once. Exit 0, or 11 with a witness.

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class KillLoop {
    private static final int VALUE_SIZE = 64;
    private static final long QUEUE_MAX = 20_000;
    private static final Duration READ_LIMIT = Duration.ofSeconds(60);

    private final String brokers;
    private final String topic;
    private final Map<Long, Long> acknowledged = new ConcurrentHashMap<>(); // Number -> offset.
    private final AtomicLong failed = new AtomicLong();
    private final AtomicLong longestGapNanos = new AtomicLong();
    private volatile long lastAckNanos;
    private volatile String firstFailure = "";
    private long sent;
    private int violations;

    private KillLoop(String brokers, String topic) {
        this.brokers = brokers;
        this.topic = topic;
    }

    private void violation(String format, Object... words) {
        if (violations++ < 10) {
            System.out.println("VIOLATION: " + String.format(format, words));
        }
    }

    private void produce(int rate, long records) throws InterruptedException {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", brokers);
        settings.put("key.serializer", ByteArraySerializer.class.getName());
        settings.put("value.serializer", ByteArraySerializer.class.getName());
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings)) {
            int partitions = producer.partitionsFor(topic).size();
            Thread input = new Thread(KillLoop::waitForEndOfInput);
            input.start();
            long start = System.nanoTime();
            while (input.isAlive() || sent < records) {
                long due = (System.nanoTime() - start) / 1_000 * rate / 1_000_000;
                while (sent < due && sent - acknowledged.size() - failed.get() < QUEUE_MAX) {
                    send(producer, sent++, partitions);
                }
                Thread.sleep(1);
            }
            producer.flush();
        }
    }

    private static void waitForEndOfInput() {
        try {
            while (System.in.read() >= 0) {
                // Whatever is said: only the end counts.
            }
        } catch (IOException ended) {
            // The end as well.
        }
    }

    private void send(KafkaProducer<byte[], byte[]> producer, long number, int partitions) {
        byte[] value = ByteBuffer.allocate(VALUE_SIZE).putLong(number).array();
        int partition = (int) (number % partitions);
        producer.send(new ProducerRecord<>(topic, partition, null, value), (place, error) -> {
            if (error != null) {
                failed.incrementAndGet();
                if (firstFailure.isEmpty()) {
                    firstFailure = error.toString();
                }
                return;
            }
            long now = System.nanoTime();
            if (lastAckNanos == 0) {
                System.out.println("producing");
            } else {
                longestGapNanos.accumulateAndGet(now - lastAckNanos, Math::max);
            }
            lastAckNanos = now;
            acknowledged.put(number, place.offset());
        });
    }

    private void readAndCompare() {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", brokers);
        settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("auto.offset.reset", "none");
        Map<Long, Long> found = new HashMap<>();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings)) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (PartitionInfo info : consumer.partitionsFor(topic)) {
                partitions.add(new TopicPartition(topic, info.partition()));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            Map<Integer, Long> newest = new HashMap<>();
            long deadline = System.nanoTime() + READ_LIMIT.toNanos();
            while (!isDone(consumer, ends)) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    compare(record, partitions.size(), found, newest);
                }
                if (System.nanoTime() > deadline) {
                    throw new IllegalStateException("not everything could be read within " + READ_LIMIT);
                }
            }
        }
        acknowledged.forEach((number, offset) -> {
            if (!found.containsKey(number)) {
                violation("record %d was acknowledged at offset %d and is not there", number, offset);
            }
        });
        System.out.printf("%d sent, %d acknowledged, %d not%s, %d read; longest gap between acknowledgements "
            + "%.3f s%n", sent, acknowledged.size(), failed.get(),
            firstFailure.isEmpty() ? "" : " (" + firstFailure + ")", found.size(),
            longestGapNanos.get() / 1e9);
    }

    private static boolean isDone(KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, Long> ends) {
        return ends.entrySet().stream().allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
    }

    private void compare(ConsumerRecord<byte[], byte[]> record, int partitions, Map<Long, Long> found,
            Map<Integer, Long> newest) {
        long number = record.value().length == VALUE_SIZE ? ByteBuffer.wrap(record.value()).getLong() : -1;
        if (number < 0 || number >= sent || number % partitions != record.partition()) {
            violation("partition %d offset %d: a record that nobody sent there", record.partition(),
                record.offset());
            return;
        }
        Long before = found.put(number, record.offset());
        if (before != null) {
            violation("record %d stands at offset %d and at %d", number, before, record.offset());
        }
        Long promised = acknowledged.get(number);
        if (promised != null && promised != record.offset()) {
            violation("record %d was acknowledged at %d and stands at %d", number, promised, record.offset());
        }
        Long last = newest.put(record.partition(), number);
        if (last != null && last >= number) {
            violation("partition %d offset %d: record %d stands after record %d", record.partition(),
                record.offset(), number, last);
        }
    }

    public static void main(String[] words) throws InterruptedException {
        KillLoop loop = new KillLoop(words[0], words[1]);
        loop.produce(Integer.parseInt(words[2]), Long.parseLong(words[3]));
        loop.readAndCompare();
        System.exit(loop.violations == 0 ? 0 : 11);
    }
}
