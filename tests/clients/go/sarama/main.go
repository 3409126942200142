// main.go -- sarama as a client of the matrix, told to speak one version of the protocol.
//
//	sarama VERSION BROKERS                  VERSION: as sarama writes it, or "default"
//	sarama VERSION member BROKERS TOPIC GROUP
package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"

	"skiff/kill-loop/said"
)

var version = sarama.DefaultVersion

var codecs = map[string]sarama.CompressionCodec{"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP,
	"snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD}

func newConfig() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = version
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Retry.Max = 300
	if version.IsAtLeast(sarama.V0_11_0_0) {
		config.Producer.Idempotent = true
		config.Net.MaxOpenRequests = 1
	}
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Session.Timeout = 6 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	return config
}

// A client, an admin, and a producer a codec, for as long as the program lives.
type session struct {
	brokers   []string
	client    sarama.Client
	admin     sarama.ClusterAdmin
	producers map[string]sarama.SyncProducer
}

func open(brokers []string) (said.Verbs, error) {
	client, err := sarama.NewClient(brokers, newConfig())
	if err != nil {
		return nil, err
	}
	admin, err := sarama.NewClusterAdmin(brokers, newConfig())
	if err != nil {
		return nil, err
	}
	session := &session{brokers, client, admin, map[string]sarama.SyncProducer{}}
	return said.Verbs{"create": session.create, "describe": session.describe, "delete": session.remove,
		"produce": session.produce, "read": session.read, "times": session.times, "commit": session.commit,
		"committed": session.committed, "reset": session.reset}, nil
}

func (session *session) create(words said.Words) error {
	detail := sarama.TopicDetail{NumPartitions: int32(words.Number(1)), ReplicationFactor: int16(words.Number(2))}
	return session.admin.CreateTopic(words[0], &detail, false)
}

func (session *session) describe(words said.Words) error {
	topics, err := session.admin.DescribeTopics(words[:1])
	if err != nil {
		return err
	}
	if topics[0].Err != sarama.ErrNoError {
		return topics[0].Err
	}
	for _, partition := range topics[0].Partitions {
		said.Line("partition %d %d %d", partition.ID, partition.Leader, len(partition.Replicas))
	}
	return nil
}

func (session *session) remove(words said.Words) error {
	return session.admin.DeleteTopic(words[0])
}

func (session *session) producer(codec string) (sarama.SyncProducer, error) {
	if producer := session.producers[codec]; producer != nil {
		return producer, nil
	}
	config := newConfig()
	config.Producer.Compression = codecs[codec]
	producer, err := sarama.NewSyncProducer(session.brokers, config)
	session.producers[codec] = producer
	return producer, err
}

func (session *session) produce(words said.Words) error {
	producer, err := session.producer(words[1])
	if err != nil {
		return err
	}
	messages := []*sarama.ProducerMessage{}
	for number := words.Number(2); number < words.Number(2)+words.Number(3); number++ {
		messages = append(messages, &sarama.ProducerMessage{Topic: words[0],
			Key:   sarama.StringEncoder(fmt.Sprintf("k%d", number)),
			Value: sarama.StringEncoder(fmt.Sprintf("v%d", number))})
	}
	return producer.SendMessages(messages)
}

func (session *session) read(words said.Words) error {
	partitions, err := session.client.Partitions(words[0])
	if err != nil {
		return err
	}
	consumer, err := sarama.NewConsumerFromClient(session.client)
	if err != nil {
		return err
	}
	records := make(chan *sarama.ConsumerMessage)
	for _, place := range partitions {
		partition, err := consumer.ConsumePartition(words[0], place, sarama.OffsetOldest)
		if err != nil {
			return err
		}
		defer partition.AsyncClose()
		go func() {
			for record := range partition.Messages() {
				records <- record
			}
		}()
	}
	limit := time.After(said.AskLimit)
	for count := words.Number(1); count > 0; count-- {
		select {
		case record := <-records:
			said.Record(record.Partition, record.Offset, record.Key, record.Value)
		case <-limit:
			return fmt.Errorf("%d records are missing", count)
		}
	}
	return nil
}

// sarama answers the end of a partition where the broker says that there is none: that is told apart here.
func (session *session) times(words said.Words) error {
	partitions, err := session.client.Partitions(words[0])
	if err != nil {
		return err
	}
	for _, place := range partitions {
		offset, err := session.client.GetOffset(words[0], place, words.Number(1))
		if err != nil {
			return err
		}
		said.Offset(place, offset)
	}
	return nil
}

func (session *session) commit(words said.Words) error {
	return session.alter(words[0], words[1], map[int32]int64{int32(words.Number(2)): words.Number(3)})
}

// A coordinator that has just begun to be one says so, and the client hands that on.
func (session *session) alter(topic, group string, wanted map[int32]int64) error {
	for limit := time.Now().Add(said.AskLimit); ; time.Sleep(20 * time.Millisecond) {
		err := session.alterNow(topic, group, wanted)
		if !errors.Is(err, sarama.ErrOffsetsLoadInProgress) || time.Now().After(limit) {
			return err
		}
	}
}

func (session *session) alterNow(topic, group string, wanted map[int32]int64) error {
	offsets := map[int32]sarama.OffsetAndMetadata{}
	for place, offset := range wanted {
		offsets[place] = sarama.OffsetAndMetadata{Offset: offset, LeaderEpoch: -1}
	}
	answer, err := session.admin.AlterConsumerGroupOffsets(group,
		map[string]map[int32]sarama.OffsetAndMetadata{topic: offsets}, nil)
	if err != nil {
		return err
	}
	for place, code := range answer.Errors[topic] {
		if code != sarama.ErrNoError {
			return fmt.Errorf("partition %d: %w", place, code)
		}
	}
	return nil
}

func (session *session) committed(words said.Words) error {
	partitions, err := session.client.Partitions(words[0])
	if err != nil {
		return err
	}
	answer, err := session.admin.ListConsumerGroupOffsets(words[1], map[string][]int32{words[0]: partitions})
	if err != nil {
		return err
	}
	for _, place := range partitions {
		block := answer.GetBlock(words[0], place)
		if block == nil {
			return fmt.Errorf("no answer for partition %d: %w", place, answer.Err)
		}
		if block.Err != sarama.ErrNoError {
			return fmt.Errorf("partition %d: %w", place, block.Err)
		}
		said.Offset(place, block.Offset)
	}
	return nil
}

func (session *session) reset(words said.Words) error {
	partitions, err := session.client.Partitions(words[0])
	if err != nil {
		return err
	}
	first := map[int32]int64{}
	for _, place := range partitions {
		if first[place], err = session.client.GetOffset(words[0], place, sarama.OffsetOldest); err != nil {
			return err
		}
	}
	return session.alter(words[0], words[1], first)
}

func main() {
	if len(os.Args) < 3 {
		os.Exit(2)
	}
	if os.Args[1] != "default" {
		var err error
		if version, err = sarama.ParseKafkaVersion(os.Args[1]); err != nil {
			fmt.Println(err)
			os.Exit(2)
		}
	}
	said.Converse(os.Args[2:], open, join)
}
