// Member.java -- a member of a group on any Java client, which says all that it does in the lines of
// tests/clients/groups/member.c.

import java.io.IOException;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

final class Member implements ConsumerRebalanceListener {
    private final KafkaConsumer<String, String> consumer;

    private Member(KafkaConsumer<String, String> consumer) {
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
        for (TopicPartition place : partitions) {
            long began = System.nanoTime();
            try {
                say(began, "start %d %d", place.partition(), JavaClient.committed(consumer, place));
            } catch (KafkaException error) {
                say(System.nanoTime(), "note committed: %s", error);
            }
        }
    }

    private void take(TopicPartition place, List<ConsumerRecord<String, String>> records) {
        long first = records.get(0).offset();
        long last = records.get(records.size() - 1).offset();
        if (last - first != records.size() - 1) {
            throw new IllegalStateException("a gap within one answer");
        }
        say(System.nanoTime(), "read %d %d %d", place.partition(), first, last);
        try {
            consumer.commitSync(Collections.singletonMap(place, new OffsetAndMetadata(last + 1)));
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

    private static Properties settings(String brokers, String group, boolean isClassic) {
        Properties settings = JavaClient.consumerSettings(brokers);
        settings.put("group.id", group);
        settings.put("auto.offset.reset", "earliest");
        if (isClassic) {
            settings.put("session.timeout.ms", "6000");
            settings.put("heartbeat.interval.ms", "500");
        } else {
            settings.put("group.protocol", "consumer");
        }
        return settings;
    }

    /** BROKERS TOPIC GROUP [classic|consumer] */
    static void run(String[] words) {
        Thread input = new Thread(Member::waitForEndOfInput);
        input.setDaemon(true);
        input.start();
        boolean isClassic = words.length < 4 || words[3].equals("classic");
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings(words[0], words[2], isClassic))) {
            Member member = new Member(consumer);
            consumer.subscribe(Collections.singletonList(words[1]), member);
            while (input.isAlive()) {
                ConsumerRecords<String, String> records = JavaClient.poll(consumer, 50);
                for (TopicPartition place : records.partitions()) {
                    member.take(place, records.records(place));
                }
            }
        }
    }
}
