// A process that locks with the published go-azuremutex, and does what it is told: one order a line on standard input,
// one answer a line on standard output. What the module logs comes in lines of its own.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azmutex "github.com/youscan/go-azuremutex"
)

type order struct {
	Do      string `json:"do"`
	Key     string `json:"key"`
	Seconds int32  `json:"seconds"`
	Race    race   `json:"race"`
}

type answer struct {
	Kind string `json:"kind"` // done, held, failed or log
	// The service's error code, if it was the service that refused.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

var output sync.Mutex

func say(line answer) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	output.Lock()
	defer output.Unlock()
	fmt.Println(string(text))
}

func answerTo(err error) answer {
	if err == nil {
		return answer{Kind: "done"}
	}
	var held *azmutex.LeaseAlreadyPresentError
	if errors.As(err, &held) {
		return answer{Kind: "held", Message: err.Error()}
	}
	var refused *azcore.ResponseError
	if errors.As(err, &refused) {
		message := fmt.Sprintf("%d %s", refused.StatusCode, refused.ErrorCode)
		return answer{Kind: "failed", Code: refused.ErrorCode, Message: message}
	}
	return answer{Kind: "failed", Message: err.Error()}
}

type peer struct {
	options azmutex.MutexOptions
	mutex   *azmutex.AzureMutex
	lockers map[string]*azmutex.Locker
}

func newPeer(container string) *peer {
	options := azmutex.MutexOptions{
		ContainerName:      container,
		UseStorageEmulator: true,
		LogFunc:            func(message string) { say(answer{Kind: "log", Message: message}) },
	}
	return &peer{options: options, mutex: azmutex.NewMutex(options), lockers: map[string]*azmutex.Locker{}}
}

func (p *peer) obey(o order) error {
	switch o.Do {
	case "acquire":
		return p.mutex.Acquire(o.Key, o.Seconds)
	case "release":
		return p.mutex.Release(o.Key)
	case "lock":
		locker := azmutex.NewLocker(p.options, o.Key)
		p.lockers[o.Key] = locker
		return locker.Lock()
	case "unlock":
		locker, found := p.lockers[o.Key]
		if !found {
			// The module itself would wait for ever.
			return fmt.Errorf("no locker has locked %s", o.Key)
		}
		delete(p.lockers, o.Key)
		return locker.Unlock()
	case "race":
		return o.Race.run(p.options, o.Key)
	}
	return fmt.Errorf("no such order: %s", o.Do)
}

// Adds one to a number in a file, several times for each lock.
type race struct {
	Worker     string `json:"worker"`
	Folder     string `json:"folder"`
	Locks      int    `json:"locks"`
	Increments int    `json:"increments"`
	// In milliseconds, at most: between two locks, and between reading the number and writing it.
	RestMs int `json:"restMs"`
	WorkMs int `json:"workMs"`
}

func (r race) run(options azmutex.MutexOptions, key string) error {
	for range r.Locks {
		pause(r.RestMs)
		askedAt := now()
		// A locker of this module locks once.
		locker := azmutex.NewLocker(options, key)
		if err := locker.Lock(); err != nil {
			return err
		}
		for range r.Increments {
			if err := r.increment(askedAt); err != nil {
				return err
			}
		}
		if err := locker.Unlock(); err != nil {
			return err
		}
	}
	return nil
}

func (r race) increment(askedAt float64) error {
	if err := r.note(map[string]any{"kind": "enter", "worker": r.Worker, "at": now(), "askedAt": askedAt}); err != nil {
		return err
	}
	file := filepath.Join(r.Folder, "count.txt")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	pause(r.WorkMs)
	if err := write(file, os.O_WRONLY, fmt.Sprintf("%08d\n", count+1)); err != nil {
		return err
	}
	return r.note(map[string]any{"kind": "leave", "worker": r.Worker, "at": now(), "read": count})
}

// A line of the journal, in one write: the order of its lines is the order of what happened.
func (r race) note(entry map[string]any) error {
	text, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	return write(filepath.Join(r.Folder, "journal.jsonl"), os.O_APPEND|os.O_WRONLY, string(text)+"\n")
}

func write(path string, flags int, text string) error {
	file, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(text)
	return err
}

// Milliseconds since 1970.
func now() float64 {
	return float64(time.Now().UnixMicro()) / 1000
}

func pause(mostMs int) {
	time.Sleep(time.Duration(rand.Float64() * float64(mostMs) * float64(time.Millisecond)))
}

func main() {
	peer := newPeer(os.Args[1])
	orders := make(chan order)
	go func() {
		for order := range orders {
			say(answerTo(peer.obey(order)))
		}
	}()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var next order
		if err := json.Unmarshal(lines.Bytes(), &next); err != nil {
			panic(err)
		}
		orders <- next
	}
	// The suite is gone, which says when to unlock.
}
