// main.go -- franz-go, with its admin client kadm, as a client of the matrix. Its member of a group is member/main.go.
//
//	franz BROKERS
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"skiff/kill-loop/said"
)

var codecs = map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}

// A client that administers, and one a codec that produces, for as long as the program lives.
type session struct {
	brokers   []string
	admin     *kadm.Client
	producers map[string]*kgo.Client
}

func limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), said.AskLimit)
}

func open(brokers []string) (said.Verbs, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return nil, err
	}
	session := &session{brokers, kadm.NewClient(client), map[string]*kgo.Client{}}
	return said.Verbs{"create": session.create, "describe": session.describe, "delete": session.remove,
		"produce": session.produce, "read": session.read, "times": session.times, "commit": session.commit,
		"committed": session.committed, "reset": session.reset}, nil
}

func (session *session) create(words said.Words) error {
	ctx, cancel := limited()
	defer cancel()
	_, err := session.admin.CreateTopic(ctx, int32(words.Number(1)), int16(words.Number(2)), nil, words[0])
	return err
}

func (session *session) describe(words said.Words) error {
	ctx, cancel := limited()
	defer cancel()
	topics, err := session.admin.ListTopics(ctx, words[0])
	if err != nil {
		return err
	}
	for _, partition := range topics[words[0]].Partitions {
		said.Line("partition %d %d %d", partition.Partition, partition.Leader, len(partition.Replicas))
	}
	return topics[words[0]].Err
}

func (session *session) remove(words said.Words) error {
	ctx, cancel := limited()
	defer cancel()
	_, err := session.admin.DeleteTopic(ctx, words[0])
	return err
}

func (session *session) producer(codec string) (*kgo.Client, error) {
	if producer := session.producers[codec]; producer != nil {
		return producer, nil
	}
	producer, err := kgo.NewClient(kgo.SeedBrokers(session.brokers...), kgo.ProducerBatchCompression(codecs[codec]),
		kgo.ProducerLinger(5*time.Millisecond), kgo.MetadataMinAge(100*time.Millisecond))
	session.producers[codec] = producer
	return producer, err
}

func (session *session) produce(words said.Words) error {
	producer, err := session.producer(words[1])
	if err != nil {
		return err
	}
	records := []*kgo.Record{}
	for number := words.Number(2); number < words.Number(2)+words.Number(3); number++ {
		records = append(records, &kgo.Record{Topic: words[0], Key: fmt.Appendf(nil, "k%d", number),
			Value: fmt.Appendf(nil, "v%d", number)})
	}
	ctx, cancel := limited()
	defer cancel()
	return producer.ProduceSync(ctx, records...).FirstErr()
}

func (session *session) read(words said.Words) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(session.brokers...), kgo.ConsumeTopics(words[0]),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := limited()
	defer cancel()
	for count := words.Number(1); count > 0; {
		fetches := client.PollRecords(ctx, int(count))
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("%d records are missing: %w", count, err)
		}
		fetches.EachRecord(func(record *kgo.Record) {
			said.Record(record.Partition, record.Offset, record.Key, record.Value)
			count--
		})
	}
	return nil
}

// Where no record is as young, the client answers the end of the partition, and no time.
func (session *session) times(words said.Words) error {
	ctx, cancel := limited()
	defer cancel()
	found, err := session.admin.ListOffsetsAfterMilli(ctx, words.Number(1), words[0])
	if err != nil {
		return err
	}
	found.Each(func(place kadm.ListedOffset) {
		if place.Timestamp < 0 {
			place.Offset = -1
		}
		said.Offset(place.Partition, place.Offset)
	})
	return found.Error()
}

func (session *session) commit(words said.Words) error {
	offsets := kadm.Offsets{}
	offsets.AddOffset(words[0], int32(words.Number(2)), words.Number(3), -1)
	ctx, cancel := limited()
	defer cancel()
	return session.admin.CommitAllOffsets(ctx, words[1], offsets)
}

func (session *session) committed(words said.Words) error {
	ctx, cancel := limited()
	defer cancel()
	found, err := session.admin.FetchOffsetsForTopics(ctx, words[1], words[0])
	if err != nil {
		return err
	}
	found.Each(func(place kadm.OffsetResponse) {
		said.Offset(place.Partition, place.At)
		err = errors.Join(err, place.Err)
	})
	return err
}

func (session *session) reset(words said.Words) error {
	ctx, cancel := limited()
	defer cancel()
	first, err := session.admin.ListStartOffsets(ctx, words[0])
	if err != nil {
		return err
	}
	return session.admin.CommitAllOffsets(ctx, words[1], first.Offsets())
}

func main() {
	said.Converse(os.Args[1:], open, nil)
}
