// main.go -- a member of a group on franz-go, which says all that it does.
//
//	member BROKERS TOPIC GROUP [classic|consumer]
//
// The lines are those of tests/clients/groups/member.c, but for their time, which is the wall's.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	batch    = 500
	askLimit = 20 * time.Second
)

var mutex sync.Mutex

func say(at time.Time, format string, words ...any) {
	mutex.Lock()
	defer mutex.Unlock()
	fmt.Printf("%d %s\n", at.UnixNano(), fmt.Sprintf(format, words...))
}

// What the group has committed for these partitions, asked now.
func tellStarts(ctx context.Context, client *kgo.Client, topic, group string, partitions []int32) {
	began := time.Now()
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Group = group
	wanted := kmsg.NewOffsetFetchRequestTopic()
	wanted.Topic, wanted.Partitions = topic, partitions
	request.Topics = append(request.Topics, wanted)
	several := kmsg.NewOffsetFetchRequestGroup()
	several.Group = group
	named := kmsg.NewOffsetFetchRequestGroupTopic()
	named.Topic, named.Partitions = topic, partitions
	several.Topics = append(several.Topics, named)
	request.Groups = append(request.Groups, several)
	limited, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	response, err := request.RequestWith(limited, client)
	if err != nil {
		say(time.Now(), "note committed: %v", err)
		return
	}
	for _, group := range response.Groups {
		if group.ErrorCode != 0 {
			say(time.Now(), "note committed: %d", group.ErrorCode)
		}
		for _, topic := range group.Topics {
			for _, partition := range topic.Partitions {
				say(began, "start %d %d", partition.Partition, partition.Offset)
			}
		}
	}
	for _, topic := range response.Topics {
		for _, partition := range topic.Partitions {
			say(began, "start %d %d", partition.Partition, partition.Offset)
		}
	}
}

func take(client *kgo.Client, records []*kgo.Record) {
	first, last := records[0], records[len(records)-1]
	if last.Offset-first.Offset != int64(len(records)-1) {
		panic("a gap within one answer")
	}
	say(time.Now(), "read %d %d %d", first.Partition, first.Offset, last.Offset)
	limited, cancel := context.WithTimeout(context.Background(), askLimit)
	defer cancel()
	if err := client.CommitRecords(limited, last); err != nil {
		say(time.Now(), "note commit: %v", err)
		return
	}
	say(time.Now(), "committed %d %d", last.Partition, last.Offset+1)
}

func run(brokers, topic, group string, more ...kgo.Opt) error {
	// Lost is what a member owned whom the coordinator knows no more.
	gone := func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
		for _, partition := range partitions[topic] {
			say(time.Now(), "lost %d", partition)
		}
	}
	client, err := kgo.NewClient(append(more, kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(6*time.Second),
		kgo.HeartbeatInterval(500*time.Millisecond), kgo.MetadataMinAge(100*time.Millisecond),
		kgo.OnPartitionsAssigned(func(ctx context.Context, client *kgo.Client, assigned map[string][]int32) {
			if len(assigned[topic]) > 0 {
				tellStarts(ctx, client, topic, group, assigned[topic])
			}
		}),
		kgo.OnPartitionsRevoked(gone), kgo.OnPartitionsLost(gone))...)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	for {
		select {
		case <-ended:
			client.CloseAllowingRebalance()
			return nil
		default:
		}
		limited, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		fetches := client.PollRecords(limited, batch)
		cancel()
		fetches.EachPartition(func(partition kgo.FetchTopicPartition) {
			if len(partition.Records) > 0 {
				take(client, partition.Records)
			}
		})
		client.AllowRebalance()
	}
}

func main() {
	var more []kgo.Opt
	if len(os.Args) > 4 && os.Args[4] == "consumer" {
		more = append(more, kgo.ServerSideBalancer())
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], more...); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
