// WordCount.java -- Kafka Streams counts the words of a topic into another one, until it is ended.
//
//   java WordCount BROKERS FROM TO STATE_FOLDER

import java.util.Arrays;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.KStream;

public final class WordCount {
    private static Properties settings(String brokers, String folder) {
        Properties settings = new Properties();
        settings.put("application.id", "word-count");
        settings.put("bootstrap.servers", brokers);
        settings.put("default.key.serde", Serdes.StringSerde.class.getName());
        settings.put("default.value.serde", Serdes.StringSerde.class.getName());
        settings.put("replication.factor", "3");
        settings.put("commit.interval.ms", "200");
        settings.put("state.dir", folder);
        settings.put("consumer.session.timeout.ms", "6000");
        settings.put("consumer.heartbeat.interval.ms", "500");
        return settings;
    }

    public static void main(String[] words) {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, String> lines = builder.stream(words[1]);
        lines.flatMapValues(line -> Arrays.asList(line.split(" ")))
            .groupBy((key, word) -> word)
            .count()
            .toStream()
            .mapValues(count -> count.toString())
            .to(words[2]);
        KafkaStreams streams = new KafkaStreams(builder.build(), settings(words[0], words[3]));
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }
}
