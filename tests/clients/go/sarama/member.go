// member.go -- a member of a group, which says all that it does. sarama tells of a commit's failure later and
// elsewhere, so what is committed is asked.
package main

import (
	"context"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"skiff/kill-loop/said"
)

const batch = 500

type member struct {
	topic, group string
	client       sarama.Client
	admin        sarama.ClusterAdmin
}

func (member *member) Setup(sarama.ConsumerGroupSession) error { return nil }

func (member *member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// One goroutine a partition that is owned.
func (member *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	said.Deed(time.Now(), "start %d %d", claim.Partition(), max(claim.InitialOffset(), -1))
	defer func() { said.Deed(time.Now(), "lost %d", claim.Partition()) }()
	for first := range claim.Messages() {
		last := first
		for last != nil && len(claim.Messages()) > 0 && last.Offset < first.Offset+batch {
			last = <-claim.Messages()
		}
		if last == nil {
			return nil // Closed: the session ends.
		}
		said.Deed(time.Now(), "read %d %d %d", claim.Partition(), first.Offset, last.Offset)
		member.commit(session, last)
	}
	return nil
}

func (member *member) commit(session sarama.ConsumerGroupSession, last *sarama.ConsumerMessage) {
	session.MarkMessage(last, "")
	session.Commit()
	answer, err := member.admin.ListConsumerGroupOffsets(member.group,
		map[string][]int32{member.topic: {last.Partition}})
	if err != nil {
		said.Deed(time.Now(), "note commit: %v", err)
		// The admin asks for another coordinator when a connection breaks, not when none can be made: told of the old
		// one once more, it would ask there for ever.
		_ = member.client.RefreshCoordinator(member.group)
		return
	}
	if block := answer.GetBlock(member.topic, last.Partition); block != nil && block.Offset >= 0 {
		said.Deed(time.Now(), "committed %d %d", last.Partition, block.Offset)
	}
}

func join(brokers []string, topic, name, _ string, ended <-chan struct{}) error {
	client, err := sarama.NewClient(brokers, newConfig())
	if err != nil {
		return err
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return err
	}
	group, err := sarama.NewConsumerGroup(brokers, name, newConfig())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-ended
		cancel()
	}()
	for ctx.Err() == nil {
		if err := group.Consume(ctx, []string{topic}, &member{topic, name, client, admin}); err != nil {
			said.Deed(time.Now(), "note join: %s", strings.ReplaceAll(err.Error(), "\n", " "))
		}
	}
	return group.Close()
}
