// Keys.java -- sends one record for each key and prints where the Java client's partitioner put it.
//
//     java -cp 'JARS/*' Keys.java BROKERS TOPIC < keys      a key a line, in hexadecimal; prints partition numbers
import java.io.*;
import java.util.*;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.ByteArraySerializer;

class Keys {
    public static void main(String[] words) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", words[0]);
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (String line; (line = lines.readLine()) != null; )
                sent.add(producer.send(new ProducerRecord<>(words[1], HexFormat.of().parseHex(line), new byte[0])));
            for (var one : sent)
                System.out.println(one.get().partition());
        }
    }
}
