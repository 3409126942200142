/* OldClient.java -- kafka-clients 0.10 writes and reads: Produce 2 and Fetch 3, messages of format 1.
 *
 *   java OldClient.java BROKERS TOPIC write CODEC COUNT
 *   java OldClient.java BROKERS TOPIC read COUNT
 *
 * Reads print a record a line: offset, key, value. */
import java.util.Collections;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

public final class OldClient {
    private static final String STRINGS = "org.apache.kafka.common.serialization.String";
    private static final long LIMIT_MS = 180_000;

    private static Properties settings(String brokers) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", brokers);
        for (String side : new String[] {"key", "value"}) {
            settings.put(side + ".serializer", STRINGS + "Serializer");
            settings.put(side + ".deserializer", STRINGS + "Deserializer");
        }
        return settings;
    }

    private static void write(Properties settings, String topic, String codec, int count) throws Exception {
        settings.put("compression.type", codec);
        settings.put("acks", "all");
        settings.put("linger.ms", "20");
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings)) {
            java.util.List<java.util.concurrent.Future<?>> sent = new java.util.ArrayList<>();
            for (int i = 0; i < count; i++)
                sent.add(producer.send(new ProducerRecord<>(topic, 0, "key " + i, "value " + i)));
            for (java.util.concurrent.Future<?> one : sent)
                one.get();
        }
    }

    private static void read(Properties settings, String topic, int count) {
        settings.put("enable.auto.commit", "false");
        TopicPartition partition = new TopicPartition(topic, 0);
        long end = System.currentTimeMillis() + LIMIT_MS;
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings)) {
            consumer.assign(Collections.singletonList(partition));
            consumer.seekToBeginning(Collections.singletonList(partition));
            for (int seen = 0; seen < count && System.currentTimeMillis() < end;)
                for (ConsumerRecord<String, String> record : consumer.poll(200)) {
                    System.out.println(record.offset() + " " + record.key() + " " + record.value());
                    seen++;
                }
        }
    }

    public static void main(String[] words) throws Exception {
        Properties settings = settings(words[0]);
        if (words[2].equals("write"))
            write(settings, words[1], words[3], Integer.parseInt(words[4]));
        else
            read(settings, words[1], Integer.parseInt(words[3]));
    }
}
