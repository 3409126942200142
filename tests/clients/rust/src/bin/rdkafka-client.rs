// rdkafka-client.rs -- rdkafka as a client of the matrix (matrix/client.py); its member of a group is rdkafka-member.rs.
//
//     rdkafka-client BROKERS

use std::collections::HashMap;
use std::error::Error;
use std::io::{stdin, BufRead};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication, TopicResult};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};
use tokio::runtime::{Builder, Runtime};

const ASK: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

type Answer<T> = Result<T, Box<dyn Error>>;

/// Keeps the first failure of a produce.
#[derive(Default)]
struct Deliveries(Mutex<Option<String>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if let Err((why, _)) = result {
            self.0.lock().unwrap().get_or_insert(why.to_string());
        }
    }
}

struct Session {
    brokers: String,
    runtime: Runtime,
    admin: AdminClient<DefaultClientContext>,
    producers: HashMap<String, ThreadedProducer<Deliveries>>, // One a codec, as long as the program lives.
}

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("reconnect.backoff.max.ms", "200");
    config
}

fn first_of(results: Vec<TopicResult>) -> Answer<()> {
    match results.into_iter().next().ok_or("no answer")? {
        Ok(_) => Ok(()),
        Err((_, why)) => Err(why.into()),
    }
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

impl Session {
    fn consumer(&self, group: &str) -> Answer<BaseConsumer> {
        Ok(config(&self.brokers)
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .create()?)
    }

    fn producer(&mut self, codec: &str) -> Answer<&ThreadedProducer<Deliveries>> {
        if !self.producers.contains_key(codec) {
            let made = config(&self.brokers)
                .set("enable.idempotence", "true")
                .set("linger.ms", "20")
                .set("sticky.partitioning.linger.ms", "0")
                .set("compression.type", codec)
                .create_with_context(Deliveries::default())?;
            self.producers.insert(codec.to_string(), made);
        }
        Ok(&self.producers[codec])
    }

    /// All partitions of a topic, at an offset.
    fn places(
        &self,
        consumer: &BaseConsumer,
        topic: &str,
        offset: Offset,
    ) -> Answer<TopicPartitionList> {
        let metadata = consumer.fetch_metadata(Some(topic), ASK)?;
        let mut list = TopicPartitionList::new();
        for place in metadata.topics()[0].partitions() {
            list.add_partition_offset(topic, place.id(), offset)?;
        }
        Ok(list)
    }

    fn create(&self, topic: &str, partitions: i32, replicas: i32) -> Answer<()> {
        let made = NewTopic::new(topic, partitions, TopicReplication::Fixed(replicas));
        first_of(
            self.runtime
                .block_on(self.admin.create_topics(&[made], &AdminOptions::new()))?,
        )
    }

    fn delete(&self, topic: &str) -> Answer<()> {
        first_of(
            self.runtime
                .block_on(self.admin.delete_topics(&[topic], &AdminOptions::new()))?,
        )
    }

    fn describe(&self, topic: &str) -> Answer<()> {
        let metadata = self.admin.inner().fetch_metadata(Some(topic), ASK)?;
        for place in metadata.topics()[0].partitions() {
            println!(
                "partition {} {} {}",
                place.id(),
                place.leader(),
                place.replicas().len()
            );
        }
        Ok(())
    }

    fn produce(&mut self, topic: &str, codec: &str, first: i64, count: i64) -> Answer<()> {
        let producer = self.producer(codec)?;
        producer.context().0.lock().unwrap().take();
        for number in first..first + count {
            let (key, value) = (format!("k{number}"), format!("v{number}"));
            producer
                .send(BaseRecord::to(topic).key(&key).payload(&value))
                .map_err(|(why, _)| why)?;
        }
        producer.flush(ASK)?;
        match producer.context().0.lock().unwrap().take() {
            Some(why) => Err(why.into()),
            None => Ok(()),
        }
    }

    fn read(&self, topic: &str, count: usize) -> Answer<()> {
        let consumer = self.consumer("none")?;
        consumer.assign(&self.places(&consumer, topic, Offset::Beginning)?)?;
        let (began, mut left) = (Instant::now(), count);
        while left > 0 {
            if began.elapsed() > ASK {
                return Err(format!("{left} records are missing").into());
            }
            if let Some(found) = consumer.poll(POLL) {
                let found = found?;
                let (key, value) = (text(found.key()), text(found.payload()));
                println!(
                    "record {} {} {key} {value}",
                    found.partition(),
                    found.offset()
                );
                left -= 1;
            }
        }
        Ok(())
    }

    fn tell(&self, list: &TopicPartitionList) -> Answer<()> {
        for place in list.elements() {
            place.error()?;
            let offset = if let Offset::Offset(offset) = place.offset() {
                offset
            } else {
                -1
            };
            println!("offset {} {offset}", place.partition());
        }
        Ok(())
    }

    fn times(&self, topic: &str, time_ms: i64) -> Answer<()> {
        let consumer = self.consumer("none")?;
        let asked = self.places(&consumer, topic, Offset::Offset(time_ms))?;
        self.tell(&consumer.offsets_for_times(asked, ASK)?)
    }

    fn commit(&self, topic: &str, group: &str, partition: i32, offset: i64) -> Answer<()> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        Ok(self.consumer(group)?.commit(&list, CommitMode::Sync)?)
    }

    fn committed(&self, topic: &str, group: &str) -> Answer<()> {
        let consumer = self.consumer(group)?;
        let asked = self.places(&consumer, topic, Offset::Invalid)?;
        self.tell(&consumer.committed_offsets(asked, ASK)?)
    }

    fn reset(&self, topic: &str, group: &str) -> Answer<()> {
        let consumer = self.consumer(group)?;
        let list = self.places(&consumer, topic, Offset::Invalid)?;
        for mut place in list.elements() {
            let (earliest, _) = consumer.fetch_watermarks(topic, place.partition(), ASK)?;
            place.set_offset(Offset::Offset(earliest))?;
        }
        Ok(consumer.commit(&list, CommitMode::Sync)?)
    }

    fn obey(&mut self, words: &[&str]) -> Answer<()> {
        match words {
            ["create", topic, partitions, replicas] => {
                self.create(topic, partitions.parse()?, replicas.parse()?)
            }
            ["describe", topic] => self.describe(topic),
            ["delete", topic] => self.delete(topic),
            ["produce", topic, codec, first, count] => {
                self.produce(topic, codec, first.parse()?, count.parse()?)
            }
            ["read", topic, count] => self.read(topic, count.parse()?),
            ["times", topic, time_ms] => self.times(topic, time_ms.parse()?),
            ["commit", topic, group, partition, offset] => {
                self.commit(topic, group, partition.parse()?, offset.parse()?)
            }
            ["committed", topic, group] => self.committed(topic, group),
            ["reset", topic, group] => self.reset(topic, group),
            _ => Err("no such call".into()),
        }
    }
}

fn main() -> Answer<()> {
    let brokers = std::env::args()
        .nth(1)
        .ok_or("usage: rdkafka-client BROKERS")?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let admin = config(&brokers).create()?;
    let mut session = Session {
        brokers,
        runtime,
        admin,
        producers: HashMap::new(),
    };
    for line in stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match session.obey(&words) {
            Ok(()) => println!("ok"),
            Err(why) => println!("error {}", why.to_string().replace('\n', " ")),
        }
    }
    Ok(())
}
