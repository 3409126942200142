// member.go -- a member of a group, which says all that it does: the client's ConsumerGroup, and a Reader for each
// partition that it is given.
package main

import (
	"context"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"skiff/kill-loop/said"
)

const (
	batch    = 500
	patience = 20 * time.Millisecond
)

// What lies ready of a partition, up to a batch, once there is something.
func next(ctx context.Context, reader *kafka.Reader) (first, last kafka.Message, err error) {
	if first, err = reader.ReadMessage(ctx); err != nil {
		return
	}
	last = first
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for last.Offset < first.Offset+batch {
		record, err := reader.ReadMessage(soon)
		if err != nil {
			break // It has not come yet, or the generation ends: the next call says so.
		}
		last = record
	}
	return
}

func follow(ctx context.Context, generation *kafka.Generation, brokers []string, topic string,
	given kafka.PartitionAssignment) {
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: brokers, Topic: topic, Partition: given.ID,
		MaxWait: 100 * time.Millisecond})
	defer reader.Close()
	defer func() { said.Deed(time.Now(), "lost %d", given.ID) }()
	reader.SetOffset(given.Offset)
	for ctx.Err() == nil {
		first, last, err := next(ctx, reader)
		if err != nil {
			if ctx.Err() == nil {
				said.Deed(time.Now(), "note read: %v", err)
			}
			continue
		}
		said.Deed(time.Now(), "read %d %d %d", given.ID, first.Offset, last.Offset)
		end := last.Offset + 1
		if err := generation.CommitOffsets(map[string]map[int]int64{topic: {given.ID: end}}); err != nil {
			said.Deed(time.Now(), "note commit: %v", err)
			continue
		}
		said.Deed(time.Now(), "committed %d %d", given.ID, end)
	}
}

// The group ends a generation only when whatever was started in it has.
func take(generation *kafka.Generation, brokers []string, topic string, running *sync.WaitGroup) {
	for _, given := range generation.Assignments[topic] {
		said.Deed(time.Now(), "start %d %d", given.ID, max(given.Offset, -1))
		running.Add(1)
		generation.Start(func(ctx context.Context) {
			defer running.Done()
			follow(ctx, generation, brokers, topic, given)
		})
	}
}

func join(brokers []string, topic, name, _ string, ended <-chan struct{}) error {
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: name, Brokers: brokers, Topics: []string{topic},
		SessionTimeout: 6 * time.Second, HeartbeatInterval: 500 * time.Millisecond, RebalanceTimeout: 6 * time.Second,
		JoinGroupBackoff: 500 * time.Millisecond, StartOffset: kafka.FirstOffset})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-ended
		cancel()
	}()
	var running sync.WaitGroup
	for ctx.Err() == nil {
		generation, err := group.Next(ctx)
		if err == nil {
			take(generation, brokers, topic, &running)
		} else if ctx.Err() == nil {
			said.Deed(time.Now(), "note join: %v", err)
		}
	}
	err = group.Close()
	running.Wait()
	return err
}
