// Judges histories by Porcupine: is there an order in which all operations on an object took effect one after the
// other, each between its call and its return?
//
//	judge history.jsonl …
//
// Says one line of JSON for each object for which there is none, and one for all. The lines that it reads are described
// in lab/shared/history.ts.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// For one object. Beyond it nothing is known, which is no success.
const timeLimit = 30 * time.Second

// A line of a history.
type operation struct {
	Object   string   `json:"object"`
	Model    string   `json:"model"`
	Client   string   `json:"client"`
	Op       string   `json:"op"`
	Call     float64  `json:"call"`
	Return   *float64 `json:"return"`
	Weight   int      `json:"weight"`
	Limit    int      `json:"limit"`
	Token    *int64   `json:"token"`
	Accepted *bool    `json:"accepted"`
	Version  *int     `json:"version"`
	Base     *int     `json:"base"`
}

// Who has how much of a lock, and the highest token given out. `holders` has a comma after each name.
type lock struct {
	holders string
	used    int
	token   int64
}

// A lock of which the holders have no more than there is, and whose tokens grow.
func stepLock(state, input, _ any) []any {
	before, op := state.(lock), input.(operation)
	isUnknown := op.Return == nil
	var after []any
	switch op.Op {
	case "acquire":
		if before.used+op.Weight <= op.Limit && (op.Token == nil || *op.Token > before.token) {
			next := lock{before.holders + name(op), before.used + op.Weight, before.token}
			if op.Token != nil {
				next.token = *op.Token
			}
			after = append(after, next)
		}
	case "release":
		if at := strings.Index(before.holders, "\n"+op.Client+"="); at >= 0 {
			entry := before.holders[at:]
			entry = entry[:strings.Index(entry, ",")+1]
			var weight int
			fmt.Sscanf(entry[strings.LastIndex(entry, "=")+1:], "%d", &weight)
			after = append(after, lock{strings.Replace(before.holders, entry, "", 1), before.used - weight, before.token})
		}
	case "forget":
		after = append(after, lock{before.holders, before.used, 0})
	}
	if isUnknown {
		after = append(after, before)
	}
	return after
}

func name(op operation) string {
	return fmt.Sprintf("\n%s=%d,", op.Client, op.Weight)
}

// The highest token that a register has seen, and how many writes it took.
type register struct {
	token   int64
	version int
}

// A register that refuses every token lower than one it has seen. A write that it takes builds on what its writer read.
func stepRegister(state, input, _ any) []any {
	before, op := state.(register), input.(operation)
	isUnknown := op.Return == nil
	var after []any
	if op.Token == nil {
		return nil
	}
	isHighEnough := *op.Token >= before.token
	if isHighEnough && (isUnknown || *op.Accepted) {
		next := register{*op.Token, before.version}
		isSound := true
		if op.Op == "write" {
			isSound = op.Base == nil || *op.Base == before.version
			next.version++
		}
		if isSound && (op.Version == nil || *op.Version == next.version) {
			after = append(after, next)
		}
	}
	if isUnknown || (!isHighEnough && !*op.Accepted) {
		after = append(after, before)
	}
	return after
}

var models = map[string]porcupine.NondeterministicModel{
	"lock":     {Init: func() []any { return []any{lock{}} }, Step: stepLock},
	"register": {Init: func() []any { return []any{register{}} }, Step: stepRegister},
}

// The object "a" of the model "lock" is another than that of the model "register".
type key struct{ model, object string }

func readHistory(file string, histories map[key][]porcupine.Operation) error {
	opened, err := os.Open(file)
	if err != nil {
		return err
	}
	defer opened.Close()
	lines := bufio.NewScanner(opened)
	lines.Buffer(nil, 1<<20)
	for number := 1; lines.Scan(); number++ {
		var op operation
		if err := json.Unmarshal(lines.Bytes(), &op); err != nil {
			return fmt.Errorf("%s:%d: %w", file, number, err)
		}
		until := int64(math.MaxInt64)
		if op.Return != nil {
			until = micros(*op.Return)
		}
		if op.Model == "register" && op.Return != nil && op.Accepted == nil {
			return fmt.Errorf("%s:%d: an operation that returned was accepted or refused", file, number)
		}
		at := key{op.Model, op.Object}
		histories[at] = append(histories[at], porcupine.Operation{Input: op, Call: micros(op.Call), Return: until})
	}
	return lines.Err()
}

func micros(ms float64) int64 {
	return int64(math.Round(ms * 1000))
}

func say(what any) {
	text, err := json.Marshal(what)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

func main() {
	histories := map[key][]porcupine.Operation{}
	for _, file := range os.Args[1:] {
		if err := readHistory(file, histories); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(64)
		}
	}
	keys := make([]key, 0, len(histories))
	for at := range histories {
		keys = append(keys, at)
	}
	sort.Slice(keys, func(a, b int) bool { return fmt.Sprint(keys[a]) < fmt.Sprint(keys[b]) })
	operations, illegal, undecided := 0, 0, 0
	for _, at := range keys {
		model, isKnown := models[at.model]
		if !isKnown {
			fmt.Fprintf(os.Stderr, "there is no model %q\n", at.model)
			os.Exit(64)
		}
		operations += len(histories[at])
		switch porcupine.CheckOperationsTimeout(model.ToModel(), histories[at], timeLimit) {
		case porcupine.Illegal:
			illegal++
			say(map[string]any{"model": at.model, "object": at.object, "verdict": "illegal"})
		case porcupine.Unknown:
			undecided++
			say(map[string]any{"model": at.model, "object": at.object, "verdict": "undecided"})
		}
	}
	say(map[string]any{"objects": len(keys), "operations": operations, "illegal": illegal, "undecided": undecided})
}
