/** Does with files and sockets what a Kafka broker does, each once, and ends without a warning. */
import java.io.File;
import java.io.FileOutputStream;
import java.io.RandomAccessFile;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

public class KafkaFiles {
    private static ByteBuffer bytes(int size, char what) {
        byte[] array = new byte[size];
        Arrays.fill(array, (byte) what);
        return ByteBuffer.wrap(array);
    }

    private static FileChannel open(String name) throws Exception {
        return FileChannel.open(Path.of(name), StandardOpenOption.CREATE, StandardOpenOption.READ,
                StandardOpenOption.WRITE);
    }

    private static void syncDirectory() throws Exception {
        try (FileChannel channel = FileChannel.open(Path.of("."), StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static void checkpoint(int size, char what) throws Exception {
        Path temporary = Path.of("checkpoint.tmp");
        try (FileOutputStream stream = new FileOutputStream(temporary.toFile())) {
            stream.write(bytes(size, what).array());
            stream.getFD().sync();
        }
        Files.move(temporary, Path.of("checkpoint"), StandardCopyOption.ATOMIC_MOVE);
    }

    private static MappedByteBuffer map(String name, int size) throws Exception {
        try (RandomAccessFile file = new RandomAccessFile(name, "rw")) {
            file.setLength(size);
            MappedByteBuffer memory = file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, size);
            memory.put(bytes(10, 'm').array());
            return memory;
        }
    }

    public static void main(String[] arguments) throws Exception {
        FileChannel log = open("log");
        log.write(bytes(1000, 'a'));
        log.write(bytes(200, 'b'), 100);
        log.force(false);
        FileChannel gathered = open("gathered");
        gathered.write(new ByteBuffer[] {bytes(500, 'c'), bytes(500, 'd')});
        gathered.force(true);
        new FileOutputStream("deleted").close();
        checkpoint(9, 'x');
        MappedByteBuffer index = map("index", 4096);
        MappedByteBuffer unsynced = map("unsynced-index", 8192);
        syncDirectory();

        log.write(bytes(1000, 'e'));
        log.truncate(50);
        gathered.write(new ByteBuffer[] {bytes(500, 'f'), bytes(500, 'g')});
        index.force();
        checkpoint(9, 'y');
        new File("deleted").delete();
        open("new").force(true);

        if (arguments.length > 0) {
            SocketChannel.open(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0]))).close();
        }
        System.out.println(System.currentTimeMillis() + " " + unsynced.capacity());
        Runtime.getRuntime().halt(0);
    }
}
