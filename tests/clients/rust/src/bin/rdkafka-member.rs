// rdkafka-member.rs -- a member of a group on rdkafka, which says what groups/member.c says.
//
//     rdkafka-member BROKERS TOPIC GROUP [consumer]
//
// What it read is committed a few times a second, and forgotten when its partition is taken away: a later commit of
// this member would set back whoever has it now.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{stdin, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

const ASK: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
const COMMIT_EVERY: Duration = Duration::from_millis(100);

/// Of CLOCK_MONOTONIC, which all processes share.
fn now_ns() -> i64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

struct Member {
    pending: Mutex<BTreeMap<i32, i64>>, // Partition -> what is to be committed.
}

impl ClientContext for Member {}

impl ConsumerContext for Member {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(places) => tell_starts(consumer, places),
            Rebalance::Revoke(places) => self.forget(places),
            Rebalance::Error(why) => println!("{} note rebalance: {why}", now_ns()),
        }
    }
}

impl Member {
    fn forget(&self, places: &TopicPartitionList) {
        for place in places.elements() {
            self.pending.lock().unwrap().remove(&place.partition());
            println!("{} lost {}", now_ns(), place.partition());
        }
    }
}

fn tell_starts(consumer: &BaseConsumer<Member>, places: &TopicPartitionList) {
    let began = now_ns();
    match consumer.committed_offsets(places.clone(), ASK) {
        Ok(found) => {
            for place in found.elements() {
                let offset = if let Offset::Offset(offset) = place.offset() {
                    offset
                } else {
                    -1
                };
                println!("{began} start {} {offset}", place.partition());
            }
        }
        Err(why) => println!("{} note committed: {why}", now_ns()),
    }
}

fn commit(consumer: &BaseConsumer<Member>, topic: &str) -> Result<(), Box<dyn Error>> {
    let pending = std::mem::take(&mut *consumer.context().pending.lock().unwrap());
    if pending.is_empty() {
        return Ok(());
    }
    let mut list = TopicPartitionList::new();
    for (partition, offset) in &pending {
        list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
    }
    match consumer.commit(&list, CommitMode::Sync) {
        Ok(()) => {
            for place in list.elements().iter().filter(|place| place.error().is_ok()) {
                println!(
                    "{} committed {} {}",
                    now_ns(),
                    place.partition(),
                    pending[&place.partition()]
                );
            }
        }
        Err(why) => println!("{} note commit: {why}", now_ns()),
    }
    Ok(())
}

fn config(words: &[String]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &words[0])
        .set("group.id", &words[2])
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("reconnect.backoff.max.ms", "200");
    if words.get(3).is_some_and(|word| word == "consumer") {
        config.set("group.protocol", "consumer");
    } else {
        config
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "500");
    }
    config
}

fn end_of_input() -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let told = ended.clone();
    thread::spawn(move || {
        while matches!(stdin().read(&mut [0]), Ok(1)) {}
        told.store(true, Ordering::Relaxed);
    });
    ended
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.len() < 3 {
        return Err("usage: rdkafka-member BROKERS TOPIC GROUP [consumer]".into());
    }
    let member = Member {
        pending: Mutex::default(),
    };
    let consumer: BaseConsumer<Member> = config(&words).create_with_context(member)?;
    consumer.subscribe(&[&words[1]])?;
    let (ended, mut committed_at) = (end_of_input(), Instant::now());
    while !ended.load(Ordering::Relaxed) {
        match consumer.poll(POLL) {
            Some(Ok(found)) => {
                let (partition, offset) = (found.partition(), found.offset());
                println!("{} read {partition} {offset} {offset}", now_ns());
                consumer
                    .context()
                    .pending
                    .lock()
                    .unwrap()
                    .insert(partition, offset + 1);
            }
            Some(Err(why)) => println!("{} note {why}", now_ns()),
            None => (),
        }
        if committed_at.elapsed() > COMMIT_EVERY {
            commit(&consumer, &words[1])?;
            committed_at = Instant::now();
        }
    }
    commit(&consumer, &words[1])
}
