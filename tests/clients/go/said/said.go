// said.go -- the conversation of a client program of the matrix, as tests/clients/matrix/client.py has it.
//
//	PROGRAM [ITS OWN WORDS] BROKERS                                  verbs come on standard input, a line each
//	PROGRAM [ITS OWN WORDS] member BROKERS TOPIC GROUP [PROTOCOL]    a member of a group, until standard input ends
package said

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// AskLimit is how long a client may take for what takes milliseconds.
const AskLimit = 60 * time.Second

// ErrLacks stands for what a client has no call for.
var ErrLacks = errors.New("lacks")

// Lacks is the error of a verb that a client cannot be asked.
func Lacks(why string) error {
	return fmt.Errorf("%w %s", ErrLacks, why)
}

// Words are what follows a verb.
type Words []string

// Number is the word at a place, which must be one.
func (words Words) Number(place int) int64 {
	number, err := strconv.ParseInt(words[place], 10, 64)
	if err != nil {
		panic(err)
	}
	return number
}

// Verbs is what a client can be asked.
type Verbs map[string]func(Words) error

// Member is what a client does in a group until `ended` is closed.
type Member func(brokers []string, topic, group, protocol string, ended <-chan struct{}) error

// Converse is a whole program.
func Converse(words []string, open func(brokers []string) (Verbs, error), member Member) {
	if err := converse(words, open, member); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func converse(words []string, open func(brokers []string) (Verbs, error), member Member) error {
	switch {
	case len(words) >= 4 && words[0] == "member":
		return member(strings.Split(words[1], ","), words[2], words[3], strings.Join(words[4:], ""), inputEnd())
	case len(words) != 1:
		return errors.New("PROGRAM BROKERS, or PROGRAM member BROKERS TOPIC GROUP")
	}
	verbs, err := open(strings.Split(words[0], ","))
	if err != nil {
		return err
	}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		words := strings.Fields(input.Text())
		verb := verbs[words[0]]
		if verb == nil {
			verb = func(Words) error { return Lacks("no such call") }
		}
		answer(verb(Words(words[1:])))
	}
	return input.Err()
}

func answer(err error) {
	switch {
	case err == nil:
		Line("ok")
	case errors.Is(err, ErrLacks):
		Line("%v", err)
	default:
		Line("error %s", strings.ReplaceAll(err.Error(), "\n", " "))
	}
}

var mutex sync.Mutex

// Line says a line, whole.
func Line(format string, words ...any) {
	mutex.Lock()
	defer mutex.Unlock()
	fmt.Printf(format+"\n", words...)
}

// Offset says one of a partition.
func Offset(partition int32, offset int64) {
	Line("offset %d %d", partition, offset)
}

// Record says where a record stands, and what it is.
func Record(partition int32, offset int64, key, value []byte) {
	Line("record %d %d %s %s", partition, offset, key, value)
}

// Deed says what a member of a group did, and when.
func Deed(at time.Time, format string, words ...any) {
	Line("%d %s", at.UnixNano(), fmt.Sprintf(format, words...))
}

func inputEnd() <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	return ended
}
