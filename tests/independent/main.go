// An independent verifier of a deponent store: written from docs/format.md alone, on golang.org/x/mod, with no code of deponent's.
//
// Build on Debian 12, offline, in this folder (packages golang-go and golang-golang-x-mod-dev):
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o /tmp/independent .
//
// Use:
//
//	independent [-head CHECKPOINT]... DIR VKEY [PROOF]
//
// It opens DIR/log/checkpoint with the key, reads all entry bundles, checks the signature of every batch header, rehashes the log and compares
// root and tiles, checks the consistency of older heads (those given, the ones in the proof file, and half of the log) with it, and checks a
// deponent-proof/v1 file: each record in its batch, each entry in its checkpoint and in this log. It prints one line a check. Exit 0: all hold;
// 1: the first one that does not, named; 2: usage.
//
// Everything is hashed anew from the entries: tlog.TileHashReader of x/mod 0.7.0 (Debian 12) accepts forged tiles (CVE-2026-56865) and is not used.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// head is what a checkpoint says.
type head struct {
	origin string
	size   int64
	root   tlog.Hash
}

// batch is what of a batch header is needed to check a record.
type batch struct {
	records int64
	root    tlog.Hash
}

// log is the whole log, hashed anew.
type log struct {
	head    head
	entries [][]byte
	// hashes are the stored hashes of package tlog.
	hashes []tlog.Hash
}

// heads collects the -head flags.
type heads []string

func (h *heads) String() string     { return strings.Join(*h, " ") }
func (h *heads) Set(s string) error { *h = append(*h, s); return nil }

func main() {
	var older heads
	flag.Var(&older, "head", "an older checkpoint `file` that the log must be an extension of; may be given again")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: independent [-head CHECKPOINT]... DIR VKEY [PROOF]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() < 2 || flag.NArg() > 3 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Arg(1), flag.Arg(2), older); err != nil {
		fmt.Printf("FAIL %v\n", err)
		os.Exit(1)
	}
}

func ok(format string, arguments ...interface{}) {
	fmt.Printf("ok   "+format+"\n", arguments...)
}

func run(dir, vkey, proof string, older heads) error {
	key, err := note.NewVerifier(strings.TrimSpace(vkey))
	if err != nil {
		return fmt.Errorf("key: %v", err)
	}
	l, err := open(dir, key)
	if err != nil {
		return err
	}
	if err := l.checkTiles(dir); err != nil {
		return err
	}
	if half := l.head.size / 2; half > 0 {
		root, err := l.treeHash(half)
		if err != nil {
			return fmt.Errorf("tree of %d entries: %v", half, err)
		}
		if err := l.extends(head{l.head.origin, half, root}); err != nil {
			return err
		}
		ok("consistent: %d entries are a prefix of %d", half, l.head.size)
	}
	for _, name := range older {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		h, err := openCheckpoint(text, key)
		if err != nil {
			return fmt.Errorf("%s: %v", name, err)
		}
		if err := l.extends(h); err != nil {
			return fmt.Errorf("%s: %v", name, err)
		}
		ok("consistent: %s, %d entries, is a prefix of %d", name, h.size, l.head.size)
	}
	if proof == "" {
		return nil
	}
	if err := l.checkProof(proof, key); err != nil {
		return fmt.Errorf("%s, %v", proof, err)
	}
	return nil
}

// openCheckpoint checks a checkpoint's signature and reads its three lines.
func openCheckpoint(text []byte, key note.Verifier) (head, error) {
	n, err := note.Open(text, note.VerifierList(key))
	if err != nil {
		return head{}, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return head{}, fmt.Errorf("the checkpoint has %d lines instead of 3", len(lines)-1)
	}
	if lines[0] != key.Name() {
		return head{}, fmt.Errorf("the checkpoint is of %q, not of %q", lines[0], key.Name())
	}
	size, err := decimal(lines[1])
	if err != nil {
		return head{}, fmt.Errorf("size: %v", err)
	}
	root, err := hash(lines[2])
	if err != nil {
		return head{}, fmt.Errorf("root: %v", err)
	}
	return head{lines[0], size, root}, nil
}

// open reads the log, hashes all of it and compares the root with the checkpoint's.
func open(dir string, key note.Verifier) (*log, error) {
	text, err := os.ReadFile(filepath.Join(dir, "log", "checkpoint"))
	if err != nil {
		return nil, err
	}
	h, err := openCheckpoint(text, key)
	if err != nil {
		return nil, fmt.Errorf("log/checkpoint: %v", err)
	}
	ok("checkpoint: %s, %d entries, root %v", h.origin, h.size, h.root)
	l := &log{head: h}
	for n := int64(0); n*256 < h.size; n++ {
		width := h.size - n*256
		if width > 256 {
			width = 256
		}
		if err := l.readBundle(dir, tilePath("entries", n, width), width, key); err != nil {
			return nil, err
		}
	}
	ok("entries: %d read, every batch header signed by %s", len(l.entries), key.Name())
	root, err := l.treeHash(h.size)
	if err != nil {
		return nil, fmt.Errorf("rehash: %v", err)
	}
	if root != h.root {
		return nil, fmt.Errorf("log/checkpoint: the entries hash to %v, the checkpoint says %v", root, h.root)
	}
	ok("rehash: %d entries give the checkpoint's root", h.size)
	return l, nil
}

func (l *log) readBundle(dir, path string, width int64, key note.Verifier) error {
	bundle, err := os.ReadFile(filepath.Join(dir, "log", path))
	if err != nil {
		return err
	}
	for i := int64(0); i < width; i++ {
		if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
			return fmt.Errorf("log/%s: cut off in entry %d", path, len(l.entries))
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		entry := bundle[2:end]
		bundle = bundle[end:]
		if _, err := openEntry(entry, key); err != nil {
			return fmt.Errorf("log/%s: entry %d: %v", path, len(l.entries), err)
		}
		stored, err := tlog.StoredHashes(int64(len(l.entries)), entry, l)
		if err != nil {
			return fmt.Errorf("log/%s: entry %d: %v", path, len(l.entries), err)
		}
		l.hashes = append(l.hashes, stored...)
		l.entries = append(l.entries, entry)
	}
	if len(bundle) != 0 {
		return fmt.Errorf("log/%s: %d bytes behind the last entry", path, len(bundle))
	}
	return nil
}

// ReadHashes is tlog.HashReader.
func (l *log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, 0, len(indexes))
	for _, index := range indexes {
		if index < 0 || index >= int64(len(l.hashes)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		hashes = append(hashes, l.hashes[index])
	}
	return hashes, nil
}

// checkTiles compares every hash tile on disk with what the entries give.
func (l *log) checkTiles(dir string) error {
	tiles := tilesOf(l.head.size)
	for _, tile := range tiles {
		path := tilePath(strconv.Itoa(tile.L), tile.N, int64(tile.W))
		want, err := tlog.ReadTileData(tile, l)
		if err != nil {
			return fmt.Errorf("log/%s: %v", path, err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "log", path))
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("log/%s: not the hashes of the entries", path)
		}
	}
	ok("tiles: %d are the hashes of the entries", len(tiles))
	return nil
}

// tilesOf lists the tiles of a tree: all full ones, and the last partial one of each level.
func tilesOf(size int64) []tlog.Tile {
	var tiles []tlog.Tile
	for level, nodes := 0, size; nodes > 0; level, nodes = level+1, nodes/256 {
		for n := int64(0); n*256 < nodes; n++ {
			width := nodes - n*256
			if width > 256 {
				width = 256
			}
			tiles = append(tiles, tlog.Tile{H: 8, L: level, N: n, W: int(width)})
		}
	}
	return tiles
}

// treeHash is the root over the first n entries; tlog.TreeHash of Debian 12 does not know the one of none.
func (l *log) treeHash(n int64) (tlog.Hash, error) {
	if n == 0 {
		return sha256.Sum256(nil), nil
	}
	return tlog.TreeHash(n, l)
}

// extends checks that an older head is a prefix of this log, with a proof made from the rehashed tree.
func (l *log) extends(old head) error {
	if old.origin != l.head.origin {
		return fmt.Errorf("a head of %q, not of %q", old.origin, l.head.origin)
	}
	if old.size > l.head.size {
		return fmt.Errorf("rolled back: a head of %d entries was signed, the log has %d", old.size, l.head.size)
	}
	if old.size == 0 {
		return nil
	}
	proof, err := tlog.ProveTree(l.head.size, old.size, l)
	if err != nil {
		return fmt.Errorf("consistency from %d to %d: %v", old.size, l.head.size, err)
	}
	if err := tlog.CheckTree(proof, l.head.size, l.head.root, old.size, old.root); err != nil {
		return fmt.Errorf("consistency from %d to %d: %v: the history was changed", old.size, l.head.size, err)
	}
	return nil
}

// openEntry takes the batch header out of a log entry and checks its signature.
func openEntry(entry []byte, key note.Verifier) (batch, error) {
	at := bytes.Index(entry, []byte("\n\n"))
	if at < 0 || !bytes.HasPrefix(entry, []byte("deponent-entry/v1\n")) {
		return batch{}, fmt.Errorf("not a deponent-entry/v1")
	}
	n, err := note.Open(entry[at+2:], note.VerifierList(key))
	if err != nil {
		return batch{}, fmt.Errorf("batch header: %v", err)
	}
	lines := strings.Split(n.Text, "\n")
	if lines[0] != "deponent-batch/v1" {
		return batch{}, fmt.Errorf("not a deponent-batch/v1")
	}
	var b batch
	var seen int
	for _, line := range lines {
		name, value, _ := strings.Cut(line, " ")
		switch name {
		case "records":
			seen++
			if b.records, err = decimal(value); err != nil {
				return batch{}, fmt.Errorf("records: %v", err)
			}
		case "root":
			seen++
			root, err := hex.DecodeString(value)
			if err != nil || len(root) != tlog.HashSize {
				return batch{}, fmt.Errorf("root: %q", value)
			}
			copy(b.root[:], root)
		}
	}
	if seen != 2 || b.records < 1 || b.records > 1000 {
		return batch{}, fmt.Errorf("batch header without records and root")
	}
	return b, nil
}

func tilePath(kind string, n, width int64) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	if width < 256 {
		path += fmt.Sprintf(".p/%d", width)
	}
	return "tile/" + kind + "/" + path
}

func decimal(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != text {
		return 0, fmt.Errorf("%q is no decimal number", text)
	}
	return n, nil
}

func unbase64(text string) ([]byte, error) {
	return base64.StdEncoding.Strict().DecodeString(text)
}

func hash(text string) (tlog.Hash, error) {
	var h tlog.Hash
	b, err := unbase64(text)
	if err != nil || len(b) != tlog.HashSize {
		return h, fmt.Errorf("%q is no hash in base64", text)
	}
	copy(h[:], b)
	return h, nil
}
