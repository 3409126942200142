// JavaClient.java -- the matrix' program on any Java client, from 0.10.2 on; matrix/client.py says what it is asked.
//
//   java JavaClient BROKERS
//   java JavaClient member BROKERS TOPIC GROUP [classic|consumer]
//
// It is compiled against version 2.1, whose API is the widest; what is missing before and after it is asked for by name.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

public final class JavaClient {
    private static final String STRINGS = "org.apache.kafka.common.serialization.String";

    private final String brokers;
    private final Map<String, KafkaProducer<String, String>> producers = new HashMap<>();
    private Admin admin;

    private JavaClient(String brokers) {
        this.brokers = brokers;
    }

    static Properties consumerSettings(String brokers) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", brokers);
        settings.put("key.deserializer", STRINGS + "Deserializer");
        settings.put("value.deserializer", STRINGS + "Deserializer");
        settings.put("enable.auto.commit", "false");
        settings.put("reconnect.backoff.ms", "100");
        return settings;
    }

    /** Version 4 has no poll() of milliseconds, and versions before 2 have no other. */
    static ConsumerRecords<String, String> poll(KafkaConsumer<String, String> consumer, long limitMs) {
        try {
            return consumer.poll(Duration.ofMillis(limitMs));
        } catch (NoSuchMethodError old) {
            return consumer.poll(limitMs);
        }
    }

    /** -1: nothing is committed. Version 4 asks for sets alone. */
    static long committed(KafkaConsumer<String, String> consumer, TopicPartition place) {
        OffsetAndMetadata found;
        try {
            found = consumer.committed(place);
        } catch (NoSuchMethodError gone) {
            try {
                found = (OffsetAndMetadata) ((Map<?, ?>) KafkaConsumer.class.getMethod("committed", Set.class)
                    .invoke(consumer, Collections.singleton(place))).get(place);
            } catch (InvocationTargetException failed) {
                throw (RuntimeException) failed.getCause();
            } catch (ReflectiveOperationException none) {
                throw new IllegalStateException(none);
            }
        }
        return found == null ? -1 : found.offset();
    }

    /** Idempotent from 0.11 on; the version before does not know the word and ignores it. */
    private KafkaProducer<String, String> producer(String codec) {
        return producers.computeIfAbsent(codec, name -> {
            Properties settings = new Properties();
            settings.put("bootstrap.servers", brokers);
            settings.put("key.serializer", STRINGS + "Serializer");
            settings.put("value.serializer", STRINGS + "Serializer");
            settings.put("compression.type", name);
            settings.put("acks", "all");
            settings.put("retries", "100000");
            settings.put("linger.ms", "5");
            settings.put("enable.idempotence", "true");
            return new KafkaProducer<>(settings);
        });
    }

    private void produce(String topic, String codec, int first, int count) throws Exception {
        KafkaProducer<String, String> producer = producer(codec);
        List<Future<?>> sent = new ArrayList<>();
        for (int number = first; number < first + count; number++) {
            sent.add(producer.send(new ProducerRecord<>(topic, "k" + number, "v" + number)));
        }
        for (Future<?> one : sent) {
            one.get();
        }
    }

    private KafkaConsumer<String, String> consumer(String group) {
        Properties settings = consumerSettings(brokers);
        if (group != null) {
            settings.put("group.id", group);
        }
        return new KafkaConsumer<>(settings);
    }

    private static List<TopicPartition> places(KafkaConsumer<String, String> consumer, String topic) {
        List<TopicPartition> found = new ArrayList<>();
        consumer.partitionsFor(topic).forEach(place -> found.add(new TopicPartition(topic, place.partition())));
        found.sort((one, other) -> one.partition() - other.partition());
        return found;
    }

    private void read(String topic, int count) {
        try (KafkaConsumer<String, String> consumer = consumer(null)) {
            List<TopicPartition> places = places(consumer, topic);
            consumer.assign(places);
            consumer.seekToBeginning(places);
            for (int seen = 0; seen < count;) {
                for (ConsumerRecord<String, String> record : poll(consumer, 200)) {
                    System.out.println("record " + record.partition() + " " + record.offset() + " " + record.key() + " " + record.value());
                    seen++;
                }
            }
        }
    }

    private void times(String topic, long timeMs) {
        try (KafkaConsumer<String, String> consumer = consumer(null)) {
            Map<TopicPartition, Long> wanted = new HashMap<>();
            places(consumer, topic).forEach(place -> wanted.put(place, timeMs));
            Map<TopicPartition, OffsetAndTimestamp> found = consumer.offsetsForTimes(wanted);
            for (TopicPartition place : wanted.keySet()) {
                OffsetAndTimestamp one = found.get(place);
                System.out.println("offset " + place.partition() + " " + (one == null ? -1 : one.offset()));
            }
        }
    }

    private void commit(String topic, String group, int partition, long offset) {
        try (KafkaConsumer<String, String> consumer = consumer(group)) {
            consumer.commitSync(Collections.singletonMap(new TopicPartition(topic, partition), new OffsetAndMetadata(offset)));
        }
    }

    private void tellCommitted(String topic, String group) {
        try (KafkaConsumer<String, String> consumer = consumer(group)) {
            for (TopicPartition place : places(consumer, topic)) {
                System.out.println("offset " + place.partition() + " " + committed(consumer, place));
            }
        }
    }

    private void reset(String topic, String group) throws Exception {
        try (KafkaConsumer<String, String> consumer = consumer(group)) {
            Map<TopicPartition, Long> earliest = consumer.beginningOffsets(places(consumer, topic));
            if (hasAdmin() && admin.reset(group, earliest)) {
                return;
            }
            Map<TopicPartition, OffsetAndMetadata> wanted = new HashMap<>();
            earliest.forEach((place, offset) -> wanted.put(place, new OffsetAndMetadata(offset)));
            consumer.commitSync(wanted);
        }
    }

    private boolean hasAdmin() {
        try {
            if (admin == null) {
                admin = new Admin(brokers);
            }
            return true;
        } catch (NoClassDefFoundError old) {
            return false;
        }
    }

    private void administer(String[] words) throws Exception {
        if (words[0].equals("create")) {
            admin.create(words[1], Integer.parseInt(words[2]), Short.parseShort(words[3]));
        } else if (words[0].equals("describe")) {
            admin.describe(words[1]);
        } else {
            admin.delete(words[1]);
        }
    }

    /** False: this version has no such thing. */
    private boolean obey(String[] words) throws Exception {
        switch (words[0]) {
        case "produce" -> produce(words[1], words[2], Integer.parseInt(words[3]), Integer.parseInt(words[4]));
        case "read" -> read(words[1], Integer.parseInt(words[2]));
        case "times" -> times(words[1], Long.parseLong(words[2]));
        case "commit" -> commit(words[1], words[2], Integer.parseInt(words[3]), Long.parseLong(words[4]));
        case "committed" -> tellCommitted(words[1], words[2]);
        case "reset" -> reset(words[1], words[2]);
        case "create", "describe", "delete" -> {
            if (!hasAdmin()) {
                return false;
            }
            administer(words);
        }
        default -> throw new IllegalArgumentException(words[0]);
        }
        return true;
    }

    private void obeyAll() throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            try {
                System.out.println(obey(line.split(" ")) ? "ok" : "lacks it has no admin client");
            } catch (Exception error) {
                error.printStackTrace();
                System.out.println("error " + error);
            }
            System.out.flush();
        }
        producers.values().forEach(KafkaProducer::close);
    }

    public static void main(String[] words) throws Exception {
        if (words[0].equals("member")) {
            Member.run(java.util.Arrays.copyOfRange(words, 1, words.length));
        } else {
            new JavaClient(words[0]).obeyAll();
        }
        System.exit(0); // The admin client's thread would stay.
    }
}
