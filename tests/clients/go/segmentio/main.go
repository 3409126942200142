// main.go -- segmentio/kafka-go as a client of the matrix.
//
//	segmentio BROKERS
//	segmentio member BROKERS TOPIC GROUP
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/segmentio/kafka-go"

	"skiff/kill-loop/said"
)

var codecs = map[string]kafka.Compression{"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4,
	"zstd": kafka.Zstd}

// It remembers for 6 s that a topic was not there, if it is not told otherwise.
var transport = &kafka.Transport{MetadataTTL: 100 * time.Millisecond}

// A client, and a writer a topic and codec, for as long as the program lives.
type session struct {
	brokers []string
	client  *kafka.Client
	writers map[string]*kafka.Writer
}

func limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), said.AskLimit)
}

// The client leaves it to its user to ask again where the broker says that something is not there yet. What is tried
// again here took no effect, or has the same one.
func patiently(try func(context.Context) error) error {
	ctx, cancel := limited()
	defer cancel()
	for {
		err := try(ctx)
		var code kafka.Error
		if !errors.As(err, &code) || !code.Temporary() || ctx.Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func open(brokers []string) (said.Verbs, error) {
	client := &kafka.Client{Addr: kafka.TCP(brokers...), Timeout: said.AskLimit, Transport: transport}
	session := &session{brokers, client, map[string]*kafka.Writer{}}
	return said.Verbs{"create": session.create, "describe": session.describe, "delete": session.remove,
		"produce": session.produce, "read": session.read, "times": session.times, "commit": session.commit,
		"committed": session.committed, "reset": session.reset}, nil
}

func (session *session) create(words said.Words) error {
	ctx, cancel := limited()
	defer cancel()
	answer, err := session.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: words[0], NumPartitions: int(words.Number(1)), ReplicationFactor: int(words.Number(2))}}})
	if err != nil {
		return err
	}
	return answer.Errors[words[0]]
}

func (session *session) partitions(topic string) ([]kafka.Partition, error) {
	ctx, cancel := limited()
	defer cancel()
	answer, err := session.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, err
	}
	return answer.Topics[0].Partitions, answer.Topics[0].Error
}

func (session *session) describe(words said.Words) error {
	partitions, err := session.partitions(words[0])
	for _, partition := range partitions {
		said.Line("partition %d %d %d", partition.ID, partition.Leader.ID, len(partition.Replicas))
	}
	return err
}

func (session *session) remove(words said.Words) error {
	ctx, cancel := limited()
	defer cancel()
	answer, err := session.client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: words[:1]})
	if err != nil {
		return err
	}
	return answer.Errors[words[0]]
}

func (session *session) writer(topic, codec string) *kafka.Writer {
	if session.writers[topic+" "+codec] == nil {
		session.writers[topic+" "+codec] = &kafka.Writer{Addr: kafka.TCP(session.brokers...), Topic: topic,
			RequiredAcks: kafka.RequireAll, Compression: codecs[codec], BatchTimeout: 10 * time.Millisecond,
			MaxAttempts: 100, Transport: transport}
	}
	return session.writers[topic+" "+codec]
}

func (session *session) produce(words said.Words) error {
	messages := []kafka.Message{}
	for number := words.Number(2); number < words.Number(2)+words.Number(3); number++ {
		messages = append(messages, kafka.Message{Key: fmt.Appendf(nil, "k%d", number),
			Value: fmt.Appendf(nil, "v%d", number)})
	}
	return patiently(func(ctx context.Context) error {
		return session.writer(words[0], words[1]).WriteMessages(ctx, messages...)
	})
}

func (session *session) read(words said.Words) error {
	partitions, err := session.partitions(words[0])
	if err != nil {
		return err
	}
	ctx, cancel := limited()
	defer cancel()
	records, failed := make(chan kafka.Message), make(chan error, len(partitions))
	for _, partition := range partitions {
		reader := kafka.NewReader(kafka.ReaderConfig{Brokers: session.brokers, Topic: words[0],
			Partition: partition.ID, MaxWait: 100 * time.Millisecond})
		defer reader.Close()
		go func() {
			for {
				record, err := reader.ReadMessage(ctx)
				if err != nil {
					failed <- err
					return
				}
				records <- record
			}
		}()
	}
	for count := words.Number(1); count > 0; count-- {
		select {
		case record := <-records:
			said.Record(int32(record.Partition), record.Offset, record.Key, record.Value)
		case err := <-failed:
			return fmt.Errorf("%d records are missing: %w", count, err)
		}
	}
	return nil
}

// What ListOffsets answers for each partition, to a time or to a special one.
func (session *session) list(topic string, when func(int) kafka.OffsetRequest) (map[int]kafka.PartitionOffsets, error) {
	partitions, err := session.partitions(topic)
	if err != nil {
		return nil, err
	}
	wanted := []kafka.OffsetRequest{}
	for _, partition := range partitions {
		wanted = append(wanted, when(partition.ID))
	}
	ctx, cancel := limited()
	defer cancel()
	answer, err := session.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{topic: wanted}})
	if err != nil {
		return nil, err
	}
	found := map[int]kafka.PartitionOffsets{}
	for _, place := range answer.Topics[topic] {
		if place.Error != nil {
			return nil, fmt.Errorf("partition %d: %w", place.Partition, place.Error)
		}
		found[place.Partition] = place
	}
	return found, nil
}

func (session *session) times(words said.Words) error {
	found, err := session.list(words[0], func(partition int) kafka.OffsetRequest {
		return kafka.OffsetRequest{Partition: partition, Timestamp: words.Number(1)}
	})
	for _, place := range found {
		for offset := range place.Offsets {
			said.Offset(int32(place.Partition), offset)
		}
	}
	return err
}

func (session *session) commit(words said.Words) error {
	return session.commitAll(words[0], words[1],
		[]kafka.OffsetCommit{{Partition: int(words.Number(2)), Offset: words.Number(3)}})
}

func (session *session) commitAll(topic, group string, offsets []kafka.OffsetCommit) error {
	request := kafka.OffsetCommitRequest{GroupID: group, GenerationID: -1,
		Topics: map[string][]kafka.OffsetCommit{topic: offsets}}
	return patiently(func(ctx context.Context) error {
		answer, err := session.client.OffsetCommit(ctx, &request)
		if err != nil {
			return err
		}
		for _, place := range answer.Topics[topic] {
			err = errors.Join(err, place.Error)
		}
		return err
	})
}

func (session *session) committed(words said.Words) error {
	partitions, err := session.partitions(words[0])
	if err != nil {
		return err
	}
	places := []int{}
	for _, partition := range partitions {
		places = append(places, partition.ID)
	}
	ctx, cancel := limited()
	defer cancel()
	answer, err := session.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: words[1],
		Topics: map[string][]int{words[0]: places}})
	if err != nil {
		return err
	}
	for _, place := range answer.Topics[words[0]] {
		if place.Error != nil {
			return fmt.Errorf("partition %d: %w", place.Partition, place.Error)
		}
		said.Offset(int32(place.Partition), place.CommittedOffset)
	}
	return answer.Error
}

func (session *session) reset(words said.Words) error {
	found, err := session.list(words[0], kafka.FirstOffsetOf)
	if err != nil {
		return err
	}
	offsets := []kafka.OffsetCommit{}
	for _, place := range found {
		offsets = append(offsets, kafka.OffsetCommit{Partition: place.Partition, Offset: place.FirstOffset})
	}
	return session.commitAll(words[0], words[1], offsets)
}

func main() {
	said.Converse(os.Args[1:], open, join)
}
