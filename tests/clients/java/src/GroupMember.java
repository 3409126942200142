// GroupMember.java -- a member of a group on the newest Java client, which says all that it does.
//
//   java GroupMember BROKERS TOPIC GROUP [classic|consumer]
//
// The lines are those of tests/clients/groups/member.c.

import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public final class GroupMember implements ConsumerRebalanceListener {
    private final KafkaConsumer<byte[], byte[]> consumer;

    private GroupMember(KafkaConsumer<byte[], byte[]> consumer) {
        this.consumer = consumer;
    }

    private static void say(long at, String format, Object... words) {
        System.out.println(at + " " + String.format(format, words));
        System.out.flush();
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        partitions.forEach(place -> say(System.nanoTime(), "lost %d", place.partition()));
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        long began = System.nanoTime();
        if (partitions.isEmpty()) {
            return;
        }
        try {
            Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(Set.copyOf(partitions));
            for (TopicPartition place : partitions) {
                OffsetAndMetadata found = committed.get(place);
                say(began, "start %d %d", place.partition(), found == null ? -1 : found.offset());
            }
        } catch (KafkaException error) {
            say(System.nanoTime(), "note committed: %s", error);
        }
    }

    private void take(TopicPartition place, List<ConsumerRecord<byte[], byte[]>> records) {
        long first = records.get(0).offset();
        long last = records.get(records.size() - 1).offset();
        if (last - first != records.size() - 1) {
            throw new IllegalStateException("a gap within one answer");
        }
        say(System.nanoTime(), "read %d %d %d", place.partition(), first, last);
        try {
            consumer.commitSync(Map.of(place, new OffsetAndMetadata(last + 1)));
            say(System.nanoTime(), "committed %d %d", place.partition(), last + 1);
        } catch (KafkaException error) {
            say(System.nanoTime(), "note commit: %s", error);
        }
    }

    private static void waitForEndOfInput() {
        try {
            while (System.in.read() >= 0) {
                // Whatever is said: only the end counts.
            }
        } catch (IOException error) {
            // The end, too.
        }
    }

    public static void main(String[] words) {
        Properties settings = new Properties();
        boolean classic = words.length < 4 || words[3].equals("classic");
        settings.put("bootstrap.servers", words[0]);
        settings.put("group.id", words[2]);
        settings.put("group.protocol", classic ? "classic" : "consumer");
        if (classic) {
            settings.put("session.timeout.ms", "6000");
            settings.put("heartbeat.interval.ms", "500");
        }
        settings.put("enable.auto.commit", "false");
        settings.put("auto.offset.reset", "earliest");
        settings.put("reconnect.backoff.max.ms", "200");
        settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
        Thread input = new Thread(GroupMember::waitForEndOfInput);
        input.setDaemon(true);
        input.start();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings)) {
            GroupMember member = new GroupMember(consumer);
            consumer.subscribe(List.of(words[1]), member);
            while (input.isAlive()) {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(50));
                for (TopicPartition place : records.partitions()) {
                    member.take(place, records.records(place));
                }
            }
        }
    }
}
