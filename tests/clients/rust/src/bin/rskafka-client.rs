// rskafka-client.rs -- rskafka as a client of the matrix (matrix/client.py), which has neither groups nor a partitioner.
//
//     rskafka-client BROKERS

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::io::{stdin, BufRead};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use rskafka::client::controller::ControllerClient;
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::{Record, RecordAndOffset};
use tokio::runtime::Builder;
use tokio::time::timeout;

const ASK: Duration = Duration::from_secs(60);
const ASK_MS: i32 = 30_000;
const WAIT_MS: i32 = 100;
const FETCH_BYTES: std::ops::Range<i32> = 1..1_000_000;

type Answer<T> = Result<T, Box<dyn Error>>;

struct Session {
    client: Client,
    controller: ControllerClient,
    partitions: HashMap<(String, i32), PartitionClient>, // They live as long as the program does.
}

fn codec(name: &str) -> Answer<Compression> {
    match name {
        "none" => Ok(Compression::NoCompression),
        "gzip" => Ok(Compression::Gzip),
        "snappy" => Ok(Compression::Snappy),
        "lz4" => Ok(Compression::Lz4),
        "zstd" => Ok(Compression::Zstd),
        _ => Err("no such codec".into()),
    }
}

fn now() -> Answer<DateTime<Utc>> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(DateTime::from_timestamp_millis(since.as_millis() as i64).ok_or("no such time")?)
}

fn text(bytes: &Option<Vec<u8>>) -> String {
    String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned()
}

fn tell(partition: i32, found: &RecordAndOffset) {
    println!(
        "record {partition} {} {} {}",
        found.offset,
        text(&found.record.key),
        text(&found.record.value)
    );
}

impl Session {
    /// The partitions of a topic that somebody else may have made just now.
    async fn places(&self, topic: &str) -> Answer<Vec<i32>> {
        loop {
            let topics = self.client.list_topics().await?;
            if let Some(found) = topics.into_iter().find(|found| found.name == topic) {
                return Ok(found.partitions.into_iter().collect());
            }
            tokio::time::sleep(Duration::from_millis(WAIT_MS as u64)).await;
        }
    }

    async fn partition(&mut self, topic: &str, index: i32) -> Answer<&PartitionClient> {
        let key = (topic.to_string(), index);
        if !self.partitions.contains_key(&key) {
            let made = self
                .client
                .partition_client(topic, index, UnknownTopicHandling::Retry)
                .await?;
            self.partitions.insert(key.clone(), made);
        }
        Ok(&self.partitions[&key])
    }

    async fn produce(
        &mut self,
        topic: &str,
        codec_name: &str,
        first: i64,
        count: i64,
    ) -> Answer<()> {
        let compression = codec(codec_name)?;
        let places = self.places(topic).await?;
        let mut batches: BTreeMap<i32, Vec<Record>> = BTreeMap::new();
        for number in first..first + count {
            let place = places[number as usize % places.len()];
            batches.entry(place).or_default().push(Record {
                key: Some(format!("k{number}").into_bytes()),
                value: Some(format!("v{number}").into_bytes()),
                headers: BTreeMap::new(),
                timestamp: now()?,
            });
        }
        for (place, records) in batches {
            self.partition(topic, place)
                .await?
                .produce(records, compression)
                .await?;
        }
        Ok(())
    }

    async fn read(&mut self, topic: &str, count: usize) -> Answer<()> {
        let mut left = count;
        for place in self.places(topic).await? {
            let partition = self.partition(topic, place).await?;
            let mut next = partition.get_offset(OffsetAt::Earliest).await?;
            let end = partition.get_offset(OffsetAt::Latest).await?;
            while next < end && left > 0 {
                let (records, _) = partition.fetch_records(next, FETCH_BYTES, WAIT_MS).await?;
                for found in records.iter().take(left) {
                    tell(place, found);
                    next = found.offset + 1;
                    left -= 1;
                }
            }
        }
        if left > 0 {
            Err(format!("{left} records are missing").into())
        } else {
            Ok(())
        }
    }

    async fn times(&mut self, topic: &str, time_ms: i64) -> Answer<()> {
        let time = DateTime::<Utc>::from_timestamp_millis(time_ms).ok_or("no such time")?;
        for place in self.places(topic).await? {
            let offset = self
                .partition(topic, place)
                .await?
                .get_offset(OffsetAt::Timestamp(time))
                .await?;
            println!("offset {place} {offset}");
        }
        Ok(())
    }

    async fn obey(&mut self, words: &[&str]) -> Answer<()> {
        match words {
            ["create", topic, partitions, replicas] => Ok(self
                .controller
                .create_topic(*topic, partitions.parse()?, replicas.parse()?, ASK_MS)
                .await?),
            ["delete", topic] => Ok(self.controller.delete_topic(*topic, ASK_MS).await?),
            ["produce", topic, codec, first, count] => {
                self.produce(topic, codec, first.parse()?, count.parse()?)
                    .await
            }
            ["read", topic, count] => self.read(topic, count.parse()?).await,
            ["times", topic, time_ms] => self.times(topic, time_ms.parse()?).await,
            _ => Err("no such call".into()),
        }
    }

    async fn answer(&mut self, words: &[&str]) -> String {
        if words[0] == "describe" {
            return "lacks it names the partitions of a topic, and neither leaders nor replicas"
                .into();
        }
        match timeout(ASK, self.obey(words)).await {
            Ok(Ok(())) => "ok".into(),
            Ok(Err(why)) => format!("error {}", why.to_string().replace('\n', " ")),
            Err(_) => "error no answer".into(),
        }
    }
}

async fn converse(brokers: &str) -> Answer<()> {
    let client = ClientBuilder::new(brokers.split(',').map(String::from).collect())
        .build()
        .await?;
    let controller = client.controller_client()?;
    let mut session = Session {
        client,
        controller,
        partitions: HashMap::new(),
    };
    for line in stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        println!("{}", session.answer(&words).await);
    }
    Ok(())
}

fn main() -> Answer<()> {
    let brokers = std::env::args()
        .nth(1)
        .ok_or("usage: rskafka-client BROKERS")?;
    Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(converse(&brokers))
}
