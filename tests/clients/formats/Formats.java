/* Formats.java -- Kafka's own classes make records for our conversions, and judge what comes back.
 *
 *   java Formats.java CONVERT FOLDER      CONVERT is the program of convert.c
 *
 * Kafka 3.9 is the last that writes formats 0 and 1. Records must be the same one by one; where nothing is
 * compressed, the bytes must be too. The last line counts what was compared. */
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.MutableRecordBatch;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.utils.Time;

public final class Formats {
    private static final int RECORDS = 50;
    private static final long BASE = 7000;
    private static String convert;
    private static Path folder;
    private static int compared;

    private record Sample(long timestamp, byte[] key, byte[] value, Header[] headers) {
    }

    private static List<Sample> samples() {
        Random chance = new Random(1);
        List<Sample> all = new ArrayList<>();
        for (int i = 0; i < RECORDS; i++) {
            byte[] noise = new byte[chance.nextInt(2000)];
            chance.nextBytes(noise);
            byte[] value = i % 7 == 3 ? null : i % 7 == 5 ? new byte[90000] : noise;
            byte[] key = i % 5 == 2 ? null : ("key " + i).getBytes();
            Header[] headers = i % 3 == 0 ? new Header[] {new RecordHeader("h", value)} : new Header[0];
            all.add(new Sample(1_700_000_000_000L + chance.nextInt(5000), key, value, headers));
        }
        return all;
    }

    private static MemoryRecords build(byte magic, CompressionType codec, TimestampType type, long base, boolean headers) {
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(1 << 16), magic,
            Compression.of(codec).build(), type, base, 1_800_000_000_000L);
        for (Sample sample : samples()) {
            long timestamp = magic == 0 ? RecordBatch.NO_TIMESTAMP : sample.timestamp;
            if (headers)
                builder.append(timestamp, sample.key, sample.value, sample.headers);
            else
                builder.append(timestamp, sample.key, sample.value);
        }
        return builder.build();
    }

    private static byte[] bytes(MemoryRecords records) {
        ByteBuffer buffer = records.buffer().duplicate();
        byte[] out = new byte[buffer.remaining()];
        buffer.get(out);
        return out;
    }

    private static byte[] run(byte[] in, String verb, String... words) throws IOException, InterruptedException {
        Path from = folder.resolve("in"), to = folder.resolve("out");
        Files.write(from, in);
        Files.deleteIfExists(to);
        List<String> command = new ArrayList<>(List.of(convert, verb, from.toString(), to.toString()));
        command.addAll(Arrays.asList(words));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes());
        if (process.waitFor() != 0)
            throw new AssertionError(command + ": " + said);
        return Files.readAllBytes(to);
    }

    private static void check(boolean holds, String what) {
        if (!holds)
            throw new AssertionError(what);
    }

    private static List<Record> recordsOf(MemoryRecords records, String what) {
        List<Record> all = new ArrayList<>();
        for (MutableRecordBatch batch : records.batches()) {
            batch.ensureValid();
            for (Record record : batch) {
                record.ensureValid();
                all.add(record);
            }
        }
        check(!all.isEmpty(), what + ": nothing");
        return all;
    }

    /* Offsets count from the first record, since a producer's mean nothing. */
    private static void same(MemoryRecords ours, MemoryRecords theirs, boolean offsets, String what) {
        List<Record> left = recordsOf(ours, what), right = recordsOf(theirs, what);
        check(left.size() == right.size(), what + ": " + left.size() + " records, not " + right.size());
        for (int i = 0; i < left.size(); i++) {
            Record a = left.get(i), b = right.get(i);
            check(a.offset() == (offsets ? b.offset() : i), what + ": offset of record " + i + ": " + a.offset());
            check(a.timestamp() == b.timestamp(), what + ": timestamp of record " + i + ": " + a.timestamp());
            check(a.hasKey() == b.hasKey() && a.hasValue() == b.hasValue(), what + ": nulls of record " + i);
            check(!a.hasKey() || a.key().equals(b.key()), what + ": key of record " + i);
            check(!a.hasValue() || a.value().equals(b.value()), what + ": value of record " + i);
            check(Arrays.equals(a.headers(), b.headers()), what + ": headers of record " + i);
        }
        compared++;
    }

    private static MemoryRecords records(byte[] bytes) {
        return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes));
    }

    private static long greatest(MemoryRecords records) {
        long greatest = RecordBatch.NO_TIMESTAMP;
        for (Record record : records.records())
            greatest = Math.max(greatest, record.timestamp());
        return greatest;
    }

    /* The same records as one batch of format 2. */
    private static MemoryRecords rebuilt(MemoryRecords records) {
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(1 << 16), (byte) 2, Compression.NONE,
            TimestampType.CREATE_TIME, 0);
        for (Record record : records.records())
            builder.append(record);
        return builder.build();
    }

    private static void produced(byte magic, CompressionType codec) throws Exception {
        MemoryRecords sent = build(magic, codec, TimestampType.CREATE_TIME, 0, magic == 2);
        for (int to = -1; to <= 4; to++) {
            String what = "format " + magic + " " + codec + " to " + to;
            byte[] out = run(bytes(sent), "admit", String.valueOf(to));
            MemoryRecords got = records(out);
            MutableRecordBatch batch = got.batches().iterator().next();
            check(batch.magic() == 2 && batch.compressionType().id == (to < 0 ? codec.id : to), what + ": codec");
            check(batch.maxTimestamp() == greatest(sent), what + ": greatest timestamp");
            same(got, sent, false, what);
            if (magic < 2 && (to == 0 || to < 0 && codec == CompressionType.NONE))
                check(Arrays.equals(out, bytes(rebuilt(sent))), what + ": bytes");
            if (magic == 2 && (to < 0 || to == codec.id))
                check(Arrays.equals(out, bytes(sent)), what + ": bytes that need no change changed");
        }
    }

    private static void fetched(byte magic, CompressionType codec, TimestampType type, long from) throws Exception {
        String what = "format 2 " + codec + " " + type + " from " + from + " to format " + magic;
        MemoryRecords stored = build((byte) 2, codec, type, BASE, true);
        MemoryRecords theirs = (MemoryRecords) stored.downConvert(magic, from, Time.SYSTEM).records();
        byte[] out = run(bytes(stored), "fetch", String.valueOf(magic), String.valueOf(from));
        same(records(out), theirs, true, what);
        if (codec == CompressionType.NONE)
            check(Arrays.equals(out, bytes(theirs)), what + ": bytes");
        for (MutableRecordBatch batch : records(out).batches())
            check(batch.magic() == magic && batch.timestampType() == (magic == 0
                ? TimestampType.NO_TIMESTAMP_TYPE : type), what + ": timestamp type");
    }

    public static void main(String[] words) throws Exception {
        convert = words[0];
        folder = Path.of(words[1]);
        for (CompressionType codec : CompressionType.values())
            for (byte magic = 0; magic <= 2; magic++)
                if (magic == 2 || codec != CompressionType.ZSTD)
                    produced(magic, codec);
        for (CompressionType codec : CompressionType.values())
            for (byte magic = 0; magic <= 1; magic++)
                for (TimestampType type : new TimestampType[] {TimestampType.CREATE_TIME, TimestampType.LOG_APPEND_TIME})
                    for (long from : new long[] {0, BASE + 20})
                        if (codec != CompressionType.ZSTD)
                            fetched(magic, codec, type, from);
        System.out.println(compared + " conversions compared");
    }
}
