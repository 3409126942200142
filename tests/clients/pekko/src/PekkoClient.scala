// PekkoClient.scala -- the matrix' program on Pekko's connectors; matrix/client.py says what it is asked.
//
//   scala PekkoClient BROKERS
//   scala PekkoClient member BROKERS TOPIC GROUP

import java.time.Instant
import scala.collection.mutable
import scala.concurrent.duration.*
import scala.concurrent.{Await, Future}
import org.apache.kafka.clients.consumer.{ConsumerInterceptor, ConsumerRecords, OffsetAndMetadata}
import org.apache.kafka.clients.producer.ProducerRecord
import org.apache.kafka.common.TopicPartition
import org.apache.kafka.common.serialization.{StringDeserializer, StringSerializer}
import org.apache.pekko.actor.ActorSystem
import org.apache.pekko.kafka.{CommitterSettings, ConsumerSettings, ProducerSettings, RestrictedConsumer, Subscriptions}
import org.apache.pekko.kafka.scaladsl.{Committer, Consumer, MetadataClient, PartitionAssignmentHandler, Producer}
import org.apache.pekko.stream.scaladsl.{Keep, Sink, Source}

final class PekkoClient(brokers: String)(using system: ActorSystem) {
  import system.dispatcher
  private val producers = mutable.Map.empty[String, ProducerSettings[String, String]]

  def settings(group: String): ConsumerSettings[String, String] =
    ConsumerSettings(system, new StringDeserializer, new StringDeserializer)
      .withBootstrapServers(brokers).withGroupId(group).withProperty("auto.offset.reset", "earliest")
      .withProperty("session.timeout.ms", "6000").withProperty("heartbeat.interval.ms", "500")

  def wait[T](future: Future[T]): T = Await.result(future, 100.seconds)

  private def asking[T](group: String)(ask: MetadataClient => Future[T]): T = {
    val client = MetadataClient.create(settings(group), 30.seconds)
    try wait(ask(client)) finally client.close()
  }

  private def places(topic: String): List[TopicPartition] =
    asking("nobody")(_.getPartitionsFor(topic)).map(place => new TopicPartition(topic, place.partition)).sortBy(_.partition)

  /** Settings that hold a producer, so that it lives as long as we do. */
  private def producer(codec: String) = producers.getOrElseUpdate(codec, {
    val settings = ProducerSettings(system, new StringSerializer, new StringSerializer).withBootstrapServers(brokers)
      .withProperty("compression.type", codec).withProperty("acks", "all").withProperty("linger.ms", "5")
      .withProperty("enable.idempotence", "true")
    settings.withProducer(settings.createKafkaProducer())
  })

  private def produce(topic: String, codec: String, first: Int, count: Int): Unit =
    wait(Source(first until first + count).map(number => new ProducerRecord(topic, s"k$number", s"v$number"))
      .runWith(Producer.plainSink(producer(codec))))

  private def read(topic: String, count: Int): Unit =
    wait(Consumer.plainSource(settings("nobody"), Subscriptions.assignmentWithOffset(places(topic).map(_ -> 0L).toMap))
      .take(count).runWith(Sink.foreach(record =>
        println(s"record ${record.partition} ${record.offset} ${record.key} ${record.value}"))))

  /** The first record that a stream from this time gives; none within a while when there is none. */
  private def times(topic: String, time: Long): Unit =
    places(topic).foreach { place =>
      val found = wait(Consumer.plainSource(settings("nobody").withProperty("auto.offset.reset", "latest"),
        Subscriptions.assignmentOffsetsForTimes(place -> time)).takeWithin(3.seconds).take(1).runWith(Sink.headOption))
      println(s"offset ${place.partition} ${found.fold(-1L)(_.offset)}")
    }

  /** It commits what it has read. */
  private def commit(topic: String, group: String, partition: Int, offset: Int): Unit =
    wait(Consumer.committableSource(settings(group), Subscriptions.assignmentWithOffset(new TopicPartition(topic, partition), 0L))
      .take(offset).map(_.committableOffset).runWith(Committer.sink(CommitterSettings(system))))

  private def committed(topic: String, group: String): Unit = {
    val found = asking(group)(_.getCommittedOffsets(places(topic).toSet))
    places(topic).foreach(place =>
      println(s"offset ${place.partition} ${found.get(place).flatMap(Option(_)).fold(-1L)(_.offset)}"))
  }

  private def obey(words: Array[String]): String = {
    words(0) match {
      case "produce" => produce(words(1), words(2), words(3).toInt, words(4).toInt)
      case "read" => read(words(1), words(2).toInt)
      case "times" => times(words(1), words(2).toLong)
      case "commit" => commit(words(1), words(2), words(3).toInt, words(4).toInt)
      case "committed" => committed(words(1), words(2))
    }
    "ok"
  }

  def obeyAll(): Unit = {
    Iterator.continually(scala.io.StdIn.readLine()).takeWhile(_ != null).foreach { line =>
      println(try obey(line.split(" ")) catch { case error: Exception =>
        error.printStackTrace()
        s"error $error"
      })
      Console.out.flush()
    }
    producers.values.foreach(settings => wait(settings.createKafkaProducerAsync()).close())
  }
}

/** The lines of groups/member.c, each whole whichever thread says it. */
object Lines {
  def say(at: Long, words: String): Unit = synchronized {
    println(s"$at $words")
    Console.out.flush()
  }
}

/** Hears from the consumer what the broker has confirmed. A committing stream says less: it also calls those offsets
 *  committed that it did not send because their partition was taken away in between. */
final class Confirmed extends ConsumerInterceptor[String, String] {
  override def onCommit(offsets: java.util.Map[TopicPartition, OffsetAndMetadata]): Unit =
    offsets.forEach((place, found) => Lines.say(System.nanoTime(), s"committed ${place.partition} ${found.offset}"))

  override def onConsume(records: ConsumerRecords[String, String]): ConsumerRecords[String, String] = records
  override def configure(settings: java.util.Map[String, ?]): Unit = ()
  override def close(): Unit = ()
}

/** Told of its partitions while the consumer is asked. */
final class Member(client: PekkoClient, topic: String, group: String)(using system: ActorSystem)
    extends PartitionAssignmentHandler {
  import Lines.say

  override def onAssign(assigned: Set[TopicPartition], consumer: RestrictedConsumer): Unit =
    assigned.foreach { place =>
      val began = System.nanoTime()
      val found = consumer.committed(java.util.Set.of(place)).get(place)
      say(began, s"start ${place.partition} ${if (found == null) -1 else found.offset}")
    }

  override def onRevoke(revoked: Set[TopicPartition], consumer: RestrictedConsumer): Unit =
    revoked.foreach(place => say(System.nanoTime(), s"lost ${place.partition}"))

  override def onLost(lost: Set[TopicPartition], consumer: RestrictedConsumer): Unit = onRevoke(lost, consumer)
  override def onStop(current: Set[TopicPartition], consumer: RestrictedConsumer): Unit = ()

  def run(): Unit = {
    val settings = client.settings(group).withProperty("interceptor.classes", classOf[Confirmed].getName)
      .withStopTimeout(Duration.Zero) // It is drained first.
    val committing = CommitterSettings(system).withMaxInterval(100.millis).withMaxBatch(500)
    val (control, done) = Consumer
      .committableSource(settings, Subscriptions.topics(topic).withPartitionAssignmentHandler(this))
      .map { record =>
        say(System.nanoTime(), s"read ${record.record.partition} ${record.record.offset} ${record.record.offset}")
        record.committableOffset
      }
      .toMat(Committer.sink(committing))(Keep.both).run()
    while (System.in.read() >= 0) {}
    client.wait(control.drainAndShutdown(done)(using system.dispatcher))
  }
}

object PekkoClient {
  def main(words: Array[String]): Unit = {
    System.setProperty("pekko.logger-startup-timeout", "60s") // Its five seconds are not enough on a busy machine.
    List("pekko.loglevel", "pekko.stdout-loglevel").foreach(System.setProperty(_, "OFF")) // It would log among the answers.
    given system: ActorSystem = ActorSystem()
    if (words(0) == "member")
      new Member(new PekkoClient(words(1)), words(2), words(3)).run()
    else
      new PekkoClient(words(0)).obeyAll()
    Await.result(system.terminate(), 30.seconds)
    System.exit(0)
  }
}
