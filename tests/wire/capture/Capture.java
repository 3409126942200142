// What a program on Java's kafka-clients asks for; run.py calls it.
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Capture {
    static Map<String, Object> settings(String brokers, Object... more) {
        Map<String, Object> settings = new HashMap<>(Map.of("bootstrap.servers", brokers));
        for (int i = 0; i < more.length; i += 2)
            settings.put((String) more[i], more[i + 1]);
        return settings;
    }

    static void show(Callable<?> call) {
        try {
            System.out.println(call.call());
        } catch (Exception error) {
            System.out.println(error);
        }
    }

    static void admin(String brokers) throws Exception {
        try (Admin admin = Admin.create(settings(brokers))) {
            NewTopic topic = new NewTopic("java", 3, (short) 3).configs(Map.of("min.insync.replicas", "2"));
            CreateTopicsResult created = admin.createTopics(List.of(topic, new NewTopic("short", 1, (short) 1)));
            show(() -> created.all().get());
            show(() -> admin.createTopics(List.of(new NewTopic("java", Optional.empty(), Optional.empty()))).all().get());
            show(() -> admin.createTopics(List.of(new NewTopic("placed", Map.of(0, List.of(1, 2))))).all().get());
            show(() -> admin.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true)
                    .includeFencedBrokers(true)).nodes().get());
            show(() -> admin.describeMetadataQuorum().quorumInfo().get());
            show(() -> admin.listOffsets(Map.of(new TopicPartition("java", 0), OffsetSpec.maxTimestamp(),
                    new TopicPartition("java", 1), OffsetSpec.earliest(),
                    new TopicPartition("java", 2), OffsetSpec.forTimestamp(5))).all().get());
            show(() -> admin.deleteTopics(TopicCollection.ofTopicIds(List.of(created.topicId("short").get()))).all().get());
            show(() -> admin.deleteTopics(List.of("placed", "missing")).all().get());
        }
    }

    static KafkaProducer<String, String> producer(String brokers, Object... more) {
        return new KafkaProducer<>(settings(brokers, more), new StringSerializer(), new StringSerializer());
    }

    static void produce(String brokers) throws Exception {
        try (var producer = producer(brokers)) {
            for (int i = 0; i < 6; i++)
                producer.send(new ProducerRecord<>("java", i % 3, "key", "value " + i)).get();
        }
        try (var producer = producer(brokers, "acks", "1", "enable.idempotence", false)) {
            producer.send(new ProducerRecord<>("made-at-once", "value")).get();
        }
        try (var producer = producer(brokers, "transactional.id", "java-1")) {
            producer.initTransactions();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>("java", 0, "key", "aborted")).get();
            producer.abortTransaction();
        }
    }

    static void consume(String brokers, String isolation, int rounds) {
        var settings = settings(brokers, "isolation.level", isolation, "auto.offset.reset", "earliest",
                "client.rack", "rack-1", "metadata.max.age.ms", 2000);
        var string = new StringDeserializer();
        try (var consumer = new KafkaConsumer<>(settings, string, string)) {
            var partitions = List.of(new TopicPartition("java", 0), new TopicPartition("java", 1), new TopicPartition("java", 2));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            for (int i = 0; i < rounds; i++)
                System.out.println(consumer.poll(Duration.ofSeconds(1)).count());
            consumer.assign(partitions.subList(0, 1));
            consumer.poll(Duration.ofSeconds(1));
            System.out.println(consumer.endOffsets(partitions));
        }
    }

    /* Write and read while leaders go. */
    static void follow(String brokers) throws Exception {
        Thread reader = new Thread(() -> consume(brokers, "read_uncommitted", 70));
        reader.start();
        try (var producer = producer(brokers, "max.block.ms", 10000, "delivery.timeout.ms", 40000, "request.timeout.ms", 5000)) {
            for (int i = 0; i < 140; i++) {
                producer.send(new ProducerRecord<>("java", i % 3, "key", "value " + i));
                Thread.sleep(500);
            }
        }
        reader.join();
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments[1].equals("follow")) {
            follow(arguments[0]);
            return;
        }
        admin(arguments[0]);
        produce(arguments[0]);
        consume(arguments[0], "read_committed", 4);
        consume(arguments[0], "read_uncommitted", 3);
        admin(arguments[0]);
    }
}
