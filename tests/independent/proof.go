package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// record is one record section of a proof file.
type record struct {
	leaf, number int64
	salt, bytes  []byte
	path         tlog.RecordProof
}

// lines reads a proof file line by line.
type lines struct {
	text   string
	number int
}

func (l *lines) more() bool { return l.text != "" }

func (l *lines) next() (string, error) {
	line, rest, found := strings.Cut(l.text, "\n")
	if !found {
		return "", fmt.Errorf("line %d: cut off", l.number+1)
	}
	l.text = rest
	l.number++
	return line, nil
}

// field is the next line, of this name.
func (l *lines) field(name string) (string, error) {
	line, err := l.next()
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(line, name+" ") {
		return "", fmt.Errorf("line %d: %q where %q is expected", l.number, line, name)
	}
	return line[len(name)+1:], nil
}

func (l *lines) exactly(want string) error {
	line, err := l.next()
	if err == nil && line != want {
		err = fmt.Errorf("line %d: %q where %q is expected", l.number, line, want)
	}
	return err
}

// checkProof checks a deponent-proof/v1 file by itself and against the log.
func (l *log) checkProof(name string, key note.Verifier) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	in := &lines{text: string(text)}
	if err := in.exactly("deponent-proof/v1"); err != nil {
		return err
	}
	event, err := in.field("event")
	if err != nil {
		return err
	}
	if err := in.exactly(""); err != nil {
		return err
	}
	var records []record
	for strings.HasPrefix(in.text, "record ") {
		r, err := in.record()
		if err != nil {
			return err
		}
		records = append(records, r)
	}
	batches := map[int64]batch{}
	for in.more() {
		leaf, b, err := l.checkEntry(in, key)
		if err != nil {
			return err
		}
		batches[leaf] = b
	}
	if len(records) == 0 {
		return fmt.Errorf("no record in it")
	}
	for _, r := range records {
		b, found := batches[r.leaf]
		if !found {
			return fmt.Errorf("record %d of entry %d: the entry is not in the file", r.number, r.leaf)
		}
		leaf := tlog.RecordHash(append(append([]byte{}, r.salt...), r.bytes...))
		if err := tlog.CheckRecord(r.path, b.records, b.root, r.number, leaf); err != nil {
			return fmt.Errorf("record %d of entry %d: %v", r.number, r.leaf, err)
		}
		ok("record %d of entry %d, %d bytes, is in its batch", r.number, r.leaf, len(r.bytes))
	}
	ok("proof of event %s: %d records, %d entries", event, len(records), len(batches))
	return nil
}

func (l *lines) record() (r record, err error) {
	place, err := l.field("record")
	if err != nil {
		return r, err
	}
	leaf, number, _ := strings.Cut(place, " ")
	if r.leaf, err = decimal(leaf); err == nil {
		r.number, err = decimal(number)
	}
	if err != nil {
		return r, fmt.Errorf("line %d: %v", l.number, err)
	}
	salt, err := l.field("salt")
	if err != nil {
		return r, err
	}
	if r.salt, err = hex.DecodeString(salt); err != nil || len(r.salt) != 16 {
		return r, fmt.Errorf("line %d: no salt of 16 bytes", l.number)
	}
	path, err := l.field("path")
	if err != nil {
		return r, err
	}
	if path != "-" {
		for _, text := range strings.Split(path, " ") {
			h, err := hash(text)
			if err != nil {
				return r, fmt.Errorf("line %d: %v", l.number, err)
			}
			r.path = append(r.path, h)
		}
	}
	content, err := l.field("bytes")
	if err != nil {
		return r, err
	}
	if r.bytes, err = unbase64(content); err != nil {
		return r, fmt.Errorf("line %d: %v", l.number, err)
	}
	return r, l.exactly("")
}

// checkEntry reads an entry section and checks it: header signature, inclusion in its checkpoint, the checkpoint against this log.
func (l *log) checkEntry(in *lines, key note.Verifier) (int64, batch, error) {
	fail := func(err error) (int64, batch, error) {
		return 0, batch{}, fmt.Errorf("line %d: %v", in.number, err)
	}
	text, err := in.field("entry")
	if err != nil {
		return fail(err)
	}
	leaf, err := decimal(text)
	if err != nil {
		return fail(err)
	}
	if text, err = in.field("bytes"); err != nil {
		return fail(err)
	}
	entry, err := unbase64(text)
	if err != nil {
		return fail(err)
	}
	b, err := openEntry(entry, key)
	if err != nil {
		return fail(fmt.Errorf("entry %d: %v", leaf, err))
	}
	for _, want := range []string{"proof", "c2sp.org/tlog-proof@v1", fmt.Sprintf("index %d", leaf)} {
		if err := in.exactly(want); err != nil {
			return fail(err)
		}
	}
	var path tlog.RecordProof
	for {
		line, err := in.next()
		if err != nil {
			return fail(err)
		}
		if line == "" {
			break
		}
		h, err := hash(line)
		if err != nil {
			return fail(err)
		}
		path = append(path, h)
	}
	var checkpoint strings.Builder
	for line := ""; ; {
		if line, err = in.next(); err != nil {
			return fail(err)
		}
		if line == "end" {
			break
		}
		checkpoint.WriteString(line + "\n")
	}
	h, err := openCheckpoint([]byte(checkpoint.String()), key)
	if err != nil {
		return fail(fmt.Errorf("entry %d: checkpoint: %v", leaf, err))
	}
	if err := tlog.CheckRecord(path, h.size, h.root, leaf, tlog.RecordHash(entry)); err != nil {
		return fail(fmt.Errorf("entry %d: %v", leaf, err))
	}
	ok("entry %d is in the proof's checkpoint of %d entries", leaf, h.size)
	if err := l.extends(h); err != nil {
		return fail(fmt.Errorf("entry %d: %v", leaf, err))
	}
	if leaf >= int64(len(l.entries)) || !bytes.Equal(entry, l.entries[leaf]) {
		return fail(fmt.Errorf("entry %d: not the entry of the log", leaf))
	}
	ok("consistent: the proof's checkpoint is a prefix of the log, and entry %d is the log's", leaf)
	return leaf, b, nil
}
