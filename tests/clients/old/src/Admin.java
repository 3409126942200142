// Admin.java -- the verbs that need an admin client, which versions before 0.11 have not.

import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.AdminClient;
import org.apache.kafka.clients.admin.DescribeTopicsResult;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;

final class Admin {
    private final AdminClient client;

    Admin(String brokers) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", brokers);
        client = AdminClient.create(settings);
    }

    void create(String topic, int partitions, short replicas) throws Exception {
        client.createTopics(Collections.singletonList(new NewTopic(topic, partitions, replicas))).all().get();
    }

    void delete(String topic) throws Exception {
        client.deleteTopics(Collections.singletonList(topic)).all().get();
    }

    /** The method had another name before version 4. */
    @SuppressWarnings("unchecked")
    private static Map<String, KafkaFuture<TopicDescription>> futures(DescribeTopicsResult result) throws Exception {
        try {
            return (Map<String, KafkaFuture<TopicDescription>>) DescribeTopicsResult.class.getMethod("topicNameValues").invoke(result);
        } catch (NoSuchMethodException old) {
            return (Map<String, KafkaFuture<TopicDescription>>) DescribeTopicsResult.class.getMethod("values").invoke(result);
        }
    }

    void describe(String topic) throws Exception {
        futures(client.describeTopics(Collections.singletonList(topic))).get(topic).get().partitions().forEach(
            place -> System.out.println("partition " + place.partition() + " "
                + (place.leader() == null ? -1 : place.leader().id()) + " " + place.replicas().size()));
    }

    /** Whether this version's admin client can do it. */
    boolean reset(String group, Map<TopicPartition, Long> offsets) throws Exception {
        Map<TopicPartition, OffsetAndMetadata> wanted = new HashMap<>();
        offsets.forEach((place, offset) -> wanted.put(place, new OffsetAndMetadata(offset)));
        try {
            Object result = AdminClient.class.getMethod("alterConsumerGroupOffsets", String.class, Map.class).invoke(client, group, wanted);
            ((KafkaFuture<?>) result.getClass().getMethod("all").invoke(result)).get();
            return true;
        } catch (NoSuchMethodException old) {
            return false;
        }
    }
}
