// kill_loop.go -- franz-go against nodes that somebody else kills.
//
//	kill-loop BROKERS TOPIC RATE RECORDS
//
// An idempotent producer (its defaults: acks=all) writes RATE records a second until standard input ends
// and RECORDS were sent; it says "producing" when the first is acknowledged. Then a client that consumes
// partitions directly reads from the start, and each acknowledged record must stand at its offset, exactly
// once, in order by partition; one without an acknowledgement may stand there at most once. Exit 0, or 11
// with a witness, or 1 when it could not run.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	valueSize  = 64
	queueMax   = 20_000
	flushLimit = 2 * time.Minute
	readLimit  = time.Minute
)

// What producers were told; the promises of one client may run in several goroutines.
type ledger struct {
	mutex        sync.Mutex
	acknowledged map[int64]int64 // Number -> offset.
	failed       int
	firstFailure error
	longestGap   time.Duration
	lastAck      time.Time
}

func (ledger *ledger) report(number int64, record *kgo.Record, err error) {
	ledger.mutex.Lock()
	defer ledger.mutex.Unlock()
	if err != nil {
		if ledger.failed++; ledger.firstFailure == nil {
			ledger.firstFailure = err
		}
		return
	}
	now := time.Now()
	if ledger.lastAck.IsZero() {
		fmt.Println("producing")
	} else {
		ledger.longestGap = max(ledger.longestGap, now.Sub(ledger.lastAck))
	}
	ledger.lastAck = now
	ledger.acknowledged[number] = record.Offset
}

// The loop ends only when nobody will kill any more.
func watchInput() *atomic.Bool {
	var ended atomic.Bool
	go func() {
		io.Copy(io.Discard, os.Stdin)
		ended.Store(true)
	}()
	return &ended
}

// Returns how many records were sent.
func (ledger *ledger) produce(brokers []string, topic string, partitions int64, rate, records int64) (int64, error) {
	// It asks again for leaders at most every 5 s by default: kills come as often.
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MaxBufferedRecords(queueMax), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ended := watchInput()
	start := time.Now()
	var sent int64
	for !ended.Load() || sent < records {
		for due := time.Since(start).Microseconds() * rate / 1_000_000; sent < due; sent++ {
			number := sent
			record := &kgo.Record{Topic: topic, Partition: int32(number % partitions), Value: make([]byte, valueSize)}
			binary.BigEndian.PutUint64(record.Value, uint64(number))
			client.Produce(context.Background(), record, func(record *kgo.Record, err error) {
				ledger.report(number, record, err)
			})
		}
		time.Sleep(time.Millisecond)
	}
	limited, cancel := context.WithTimeout(context.Background(), flushLimit)
	defer cancel()
	return sent, client.Flush(limited)
}

// The end of each partition, from Metadata and ListOffsets.
func partitionEnds(client *kgo.Client, topic string) (map[int32]int64, error) {
	limited, cancel := context.WithTimeout(context.Background(), readLimit)
	defer cancel()
	metadata := kmsg.NewPtrMetadataRequest()
	wanted := kmsg.NewMetadataRequestTopic()
	wanted.Topic = kmsg.StringPtr(topic)
	metadata.Topics = append(metadata.Topics, wanted)
	described, err := metadata.RequestWith(limited, client)
	if err != nil {
		return nil, err
	}
	if len(described.Topics) != 1 {
		return nil, fmt.Errorf("Metadata told of %d topics", len(described.Topics))
	}
	if err := kerr.ErrorForCode(described.Topics[0].ErrorCode); err != nil {
		return nil, err
	}
	ends := map[int32]int64{}
	for _, partition := range described.Topics[0].Partitions {
		ends[partition.Partition] = -1
	}
	return ends, listEnds(limited, client, topic, ends)
}

func listEnds(limited context.Context, client *kgo.Client, topic string, ends map[int32]int64) error {
	request := kmsg.NewPtrListOffsetsRequest()
	wanted := kmsg.NewListOffsetsRequestTopic()
	wanted.Topic = topic
	for index := range ends {
		partition := kmsg.NewListOffsetsRequestTopicPartition()
		partition.Partition = index
		partition.Timestamp = -1 // The end.
		wanted.Partitions = append(wanted.Partitions, partition)
	}
	request.Topics = append(request.Topics, wanted)
	listed, err := request.RequestWith(limited, client)
	if err != nil {
		return err
	}
	for _, topic := range listed.Topics {
		for _, partition := range topic.Partitions {
			if err := kerr.ErrorForCode(partition.ErrorCode); err != nil {
				return err
			}
			ends[partition.Partition] = partition.Offset
		}
	}
	return nil
}

// What was read, held against the ledger.
type comparison struct {
	ledger     *ledger
	sent       int64
	partitions int64
	found      map[int64]int64 // Number -> offset.
	newest     map[int32]int64 // Partition -> number.
	violations int
}

func (comparison *comparison) violation(format string, words ...any) {
	if comparison.violations++; comparison.violations <= 10 {
		fmt.Printf("VIOLATION: "+format+"\n", words...)
	}
}

func (comparison *comparison) add(record *kgo.Record) {
	number := int64(-1)
	if len(record.Value) == valueSize {
		number = int64(binary.BigEndian.Uint64(record.Value))
	}
	if number < 0 || number >= comparison.sent || number%comparison.partitions != int64(record.Partition) {
		comparison.violation("partition %d offset %d: a record that nobody sent there", record.Partition,
			record.Offset)
		return
	}
	if before, isThere := comparison.found[number]; isThere {
		comparison.violation("record %d stands at offset %d and at %d", number, before, record.Offset)
	}
	comparison.found[number] = record.Offset
	if promised, isThere := comparison.ledger.acknowledged[number]; isThere && promised != record.Offset {
		comparison.violation("record %d was acknowledged at %d and stands at %d", number, promised,
			record.Offset)
	}
	if last, isThere := comparison.newest[record.Partition]; isThere && last >= number {
		comparison.violation("partition %d offset %d: record %d stands after record %d", record.Partition,
			record.Offset, number, last)
	}
	comparison.newest[record.Partition] = number
}

func (comparison *comparison) finish() {
	for number, offset := range comparison.ledger.acknowledged {
		if _, isThere := comparison.found[number]; !isThere {
			comparison.violation("record %d was acknowledged at offset %d and is not there", number, offset)
		}
	}
}

// Everything from offset 0 to the ends; an offset out of range would be a record that is gone.
func (comparison *comparison) readAll(brokers []string, topic string, ends map[int32]int64) error {
	starts := map[int32]kgo.Offset{}
	for index := range ends {
		starts[index] = kgo.NewOffset().At(0)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: starts}))
	if err != nil {
		return err
	}
	defer client.Close()
	limited, cancel := context.WithTimeout(context.Background(), readLimit)
	defer cancel()
	missing := map[int32]bool{}
	for index, end := range ends {
		if end > 0 {
			missing[index] = true
		}
	}
	for len(missing) > 0 {
		fetches := client.PollFetches(limited)
		if limited.Err() != nil {
			return fmt.Errorf("not everything could be read within %v", readLimit)
		}
		fetches.EachError(func(_ string, partition int32, err error) {
			comparison.violation("partition %d could not be read: %v", partition, err)
		})
		fetches.EachRecord(func(record *kgo.Record) {
			comparison.add(record)
			if record.Offset+1 >= ends[record.Partition] {
				delete(missing, record.Partition)
			}
		})
	}
	return nil
}

func run(words []string) (violations int, err error) {
	brokers, topic := strings.Split(words[0], ","), words[1]
	rate, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil {
		return 0, err
	}
	records, err := strconv.ParseInt(words[3], 10, 64)
	if err != nil {
		return 0, err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ends, err := partitionEnds(client, topic)
	if err != nil {
		return 0, err
	}
	partitions := int64(len(ends))
	ledger := &ledger{acknowledged: map[int64]int64{}}
	sent, err := ledger.produce(brokers, topic, partitions, rate, records)
	if err != nil {
		return 0, err
	}
	if ends, err = partitionEnds(client, topic); err != nil {
		return 0, err
	}
	comparison := &comparison{ledger: ledger, sent: sent, partitions: partitions,
		found: map[int64]int64{}, newest: map[int32]int64{}}
	if err = comparison.readAll(brokers, topic, ends); err != nil {
		return 0, err
	}
	comparison.finish()
	failure := ""
	if ledger.firstFailure != nil {
		failure = fmt.Sprintf(" (%v)", ledger.firstFailure)
	}
	fmt.Printf("%d sent, %d acknowledged, %d not%s, %d read; longest gap between acknowledgements %.3f s\n",
		sent, len(ledger.acknowledged), ledger.failed, failure, len(comparison.found),
		ledger.longestGap.Seconds())
	return comparison.violations, nil
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "kill-loop BROKERS TOPIC RATE RECORDS")
		os.Exit(2)
	}
	violations, err := run(os.Args[1:])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if violations > 0 {
		os.Exit(11)
	}
}
