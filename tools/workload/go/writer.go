// writer.go -- franz-go as a writer of the chaos bench: skiff-workload write in Go.
//
//	chaos-writer write -b BROKERS -t TOPIC --run HEX --history FILE [--rate N] [--size BYTES]
//	             [--first-client C] [--flush TIME] [--timeout TIME]
//
// One client with its defaults (idempotent, acks=all), until SIGTERM. docs/chaos-history.md has the lines. A partition
// that has inFlightMax records without an answer is passed over: the client's buffer is one for all, so a leader that
// hangs would hold up the others. Exit 0, 1 when it could not run, 2 for words that mean nothing.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	inFlightMax = 1000
	bufferedMax = 200_000
	lateMax     = 100 * time.Millisecond
	topics      = "skiff-chaos-"
)

// Nanoseconds of CLOCK_MONOTONIC, as in all histories; time.Now() does not tell them.
func now() int64 {
	const clockMonotonic = 1
	var moment syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&moment)), 0)
	return moment.Nano()
}

// The lines of this process; times do not go back, since they are taken under the lock.
type history struct {
	mutex  sync.Mutex
	buffer *bufio.Writer
	isOver bool // Whatever is told from now on comes too late.
}

func (history *history) add(format string, words ...any) {
	history.mutex.Lock()
	defer history.mutex.Unlock()
	if !history.isOver {
		fmt.Fprintf(history.buffer, format+" %d\n", append(words, now())...)
	}
}

// A line without a time.
func (history *history) addAlone(format string, words ...any) {
	history.mutex.Lock()
	defer history.mutex.Unlock()
	fmt.Fprintf(history.buffer, format+"\n", words...)
}

func (history *history) end() error {
	history.add(".")
	history.mutex.Lock()
	history.isOver = true
	history.mutex.Unlock()
	return history.flush()
}

// The first error of a write comes back from every flush after it.
func (history *history) flush() error {
	history.mutex.Lock()
	defer history.mutex.Unlock()
	return history.buffer.Flush()
}

type settings struct {
	brokers, topic, run, history string
	rate, size, client           int64
	flush, timeout               time.Duration
}

type writer struct {
	settings
	history       *history
	client        *kgo.Client
	inFlight      []atomic.Int64 // By partition.
	acked, failed atomic.Int64
	written       int64
	passedOver    int64
}

func (writer *writer) value(number int64) []byte {
	head := fmt.Sprintf("%s:%d:%d", writer.run, writer.settings.client, number)
	crc := crc32.Checksum([]byte(head), crc32.MakeTable(crc32.Castagnoli))
	whole := fmt.Appendf(nil, "%s:%08x", head, crc)
	if missing := int(writer.size) - len(whole); missing > 0 {
		whole = append(append(whole, ':'), bytes.Repeat([]byte("."), missing-1)...)
	}
	return whole
}

// Kafka's name of an error, or the client's own.
func name(err error) string {
	var answered *kerr.Error
	switch {
	case errors.As(err, &answered):
		return answered.Message
	case errors.Is(err, kgo.ErrMaxBuffered):
		return "ErrMaxBuffered"
	case errors.Is(err, kgo.ErrRecordTimeout):
		return "ErrRecordTimeout"
	case errors.Is(err, kgo.ErrRecordRetries):
		return "ErrRecordRetries"
	}
	return strings.ReplaceAll(strings.SplitN(err.Error(), "\n", 2)[0], " ", "_")
}

func (writer *writer) write(partition int32) {
	if writer.inFlight[partition].Load() >= inFlightMax {
		writer.passedOver++
		return
	}
	number := writer.written
	writer.written++
	writer.inFlight[partition].Add(1)
	writer.history.add("w %d %d %d", writer.settings.client, number, partition)
	record := &kgo.Record{Topic: writer.topic, Partition: partition, Value: writer.value(number)}
	writer.client.TryProduce(context.Background(), record, func(record *kgo.Record, err error) {
		writer.inFlight[partition].Add(-1)
		if err != nil {
			writer.failed.Add(1)
			writer.history.add("e %d %d %s", writer.settings.client, number, name(err))
			return
		}
		writer.acked.Add(1)
		writer.history.add("a %d %d %d", writer.settings.client, number, record.Offset)
	})
}

func (writer *writer) writeUntil(end <-chan os.Signal) error {
	start := time.Now()
	late := int64(lateMax)*writer.rate/int64(time.Second) + 1
	for slot := int64(0); ; {
		select {
		case <-end:
			return nil
		case <-time.After(time.Millisecond):
		}
		due := time.Since(start).Microseconds()*writer.rate/1_000_000 + 1
		if due > slot+late {
			writer.passedOver += due - late - slot
			slot = due - late
		}
		for ; slot < due; slot++ {
			writer.write(int32(slot % int64(len(writer.inFlight))))
		}
		if err := writer.history.flush(); err != nil {
			return err
		}
	}
}

// What comes within the time.
func (writer *writer) waitForAnswers() {
	deadline := time.Now().Add(writer.settings.flush)
	for writer.acked.Load()+writer.failed.Load() < writer.written && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
}

func (writer *writer) countPartitions() (int, error) {
	limited, cancel := context.WithTimeout(context.Background(), writer.timeout)
	defer cancel()
	request := kmsg.NewPtrMetadataRequest()
	wanted := kmsg.NewMetadataRequestTopic()
	wanted.Topic = kmsg.StringPtr(writer.topic)
	request.Topics = append(request.Topics, wanted)
	described, err := request.RequestWith(limited, writer.client)
	if err != nil {
		return 0, err
	}
	if len(described.Topics) != 1 {
		return 0, fmt.Errorf("Metadata told of %d topics", len(described.Topics))
	}
	return len(described.Topics[0].Partitions), kerr.ErrorForCode(described.Topics[0].ErrorCode)
}

func (writer *writer) openHistory(partitions int) error {
	file, err := os.Create(writer.settings.history)
	if err != nil {
		return err
	}
	writer.history = &history{buffer: bufio.NewWriterSize(file, 1<<18)}
	writer.history.addAlone("# skiff-history 1 run=%s topic=%s partitions=%d", writer.run, writer.topic, partitions)
	writer.history.addAlone("c %d writer franz franz-go", writer.settings.client)
	return writer.history.flush()
}

func run(settings settings, end <-chan os.Signal) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(settings.brokers, ",")...),
		kgo.ClientID("skiff-chaos"), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MaxBufferedRecords(bufferedMax))
	if err != nil {
		return err
	}
	writer := &writer{settings: settings, client: client}
	partitions, err := writer.countPartitions()
	if err != nil {
		return fmt.Errorf("no broker told of topic %s: %w", settings.topic, err)
	}
	if err := writer.openHistory(partitions); err != nil {
		return err
	}
	writer.inFlight = make([]atomic.Int64, partitions)
	err = writer.writeUntil(end)
	if err == nil {
		writer.waitForAnswers()
	}
	note := fmt.Sprintf("%d written, %d acknowledged, %d failed, %d passed over", writer.written,
		writer.acked.Load(), writer.failed.Load(), writer.passedOver)
	writer.history.addAlone("n %s", note)
	fmt.Println(note)
	return errors.Join(err, writer.history.end())
}

func readSettings() (settings, error) {
	var settings settings
	flags := flag.NewFlagSet("chaos-writer write", flag.ContinueOnError)
	flags.StringVar(&settings.brokers, "b", "", "brokers")
	flags.StringVar(&settings.topic, "t", "", "topic")
	flags.StringVar(&settings.run, "run", "", "the run's name")
	flags.StringVar(&settings.history, "history", "", "where the history goes")
	flags.Int64Var(&settings.rate, "rate", 1000, "records a second")
	flags.Int64Var(&settings.size, "size", 0, "of a value at least")
	flags.Int64Var(&settings.client, "first-client", 0, "the client's number")
	flags.DurationVar(&settings.flush, "flush", 10*time.Second, "how long answers are waited for")
	flags.DurationVar(&settings.timeout, "timeout", 10*time.Second, "how long brokers are waited for")
	if len(os.Args) < 2 || os.Args[1] != "write" {
		return settings, errors.New("write is the only verb")
	}
	if err := flags.Parse(os.Args[2:]); err != nil {
		return settings, err
	}
	if settings.brokers == "" || settings.run == "" || settings.history == "" {
		return settings, errors.New("-b, -t, --run and --history must be there")
	}
	if !strings.HasPrefix(settings.topic, topics) {
		return settings, errors.New("only topics whose names begin with " + topics + " are touched")
	}
	return settings, nil
}

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGXFSZ)
	settings, err := readSettings()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos-writer:", err)
		os.Exit(2)
	}
	if err := run(settings, end); err != nil {
		fmt.Fprintln(os.Stderr, "chaos-writer:", err)
		os.Exit(1)
	}
}
