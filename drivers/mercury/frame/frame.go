// Package frame packs and unpacks what goes between a till and the INECRMAN service, through which
// registers Mercury (Incotex) are reached: JSON commands and answers, over HTTP or behind four bytes of length.
//
// What will bite: money is whole kopecks and quantities are ten-thousandths, both integers; zero is a word of
// its own in kinds and tax systems, so it is never left out; a fiscal sign is text. Sources of the facts are
// named in drivers/mercury/DESIGN.md.
package frame

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// Transport is how a command travels.
type Transport uint8

// The transports; the words inside are the same.
const (
	HTTP   Transport = iota // POST /api.json, port 50010
	Length                  // four bytes of length, high byte first, then JSON; port 50009
)

// Path is where the service takes commands over HTTP.
const Path = "/api.json"

const (
	// RequestMax bounds a command: a position with everything that it can carry is under 8 KiB.
	RequestMax = 1 << 20
	// AnswerMax bounds an answer; the longest is a sales journal of many shifts.
	AnswerMax = 64 << 20
	lengthLen = 4
)

var (
	// ErrStatus is wrapped when the service answers HTTP with anything but 200.
	ErrStatus = errors.New("the service answers HTTP with a failure")
	// ErrLength is wrapped when a message is longer than can be.
	ErrLength = errors.New("the message is too long")
)

// AppendRequest packs a command. Over HTTP each goes on a connection of its own, as the vendor's clients do:
// an answer on it can belong to no other command.
func (t Transport) AppendRequest(dst, body []byte) []byte {
	if t == Length {
		return appendLength(dst, body)
	}
	dst = append(dst, "POST "+Path+" HTTP/1.1\r\nHost: inecrman\r\nContent-Type: application/json; charset=utf-8\r\nConnection: close\r\nContent-Length: "...)
	return append(append(strconv.AppendInt(dst, int64(len(body)), 10), "\r\n\r\n"...), body...)
}

// AppendAnswer packs an answer.
func (t Transport) AppendAnswer(dst, body []byte) []byte {
	if t == Length {
		return appendLength(dst, body)
	}
	dst = append(dst, "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: "...)
	return append(append(strconv.AppendInt(dst, int64(len(body)), 10), "\r\n\r\n"...), body...)
}

func appendLength(dst, body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(body))), body...)
}

// ReadAnswer reads one answer. An error leaves nothing usable on the stream.
func (t Transport) ReadAnswer(r *bufio.Reader) ([]byte, error) {
	if t == Length {
		return readLength(r, AnswerMax)
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return nil, fmt.Errorf("read the head of the answer: %w", err)
	}
	body, err := readAll(resp.Body, AnswerMax)
	err = errors.Join(err, resp.Body.Close())
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer: %w", err)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%w: %s", ErrStatus, resp.Status)
	}
	return body, nil
}

// ReadRequest reads one command of either transport, as its first byte tells: a length under 16 MiB begins
// with a zero, and no HTTP does. Last says that the host wants the connection closed behind the answer.
func ReadRequest(r *bufio.Reader) (t Transport, body []byte, last bool, err error) {
	first, err := r.Peek(1)
	if err != nil {
		return 0, nil, true, err
	}
	if first[0] == 0 {
		body, err = readLength(r, RequestMax)
		return Length, body, false, err
	}
	req, err := http.ReadRequest(r)
	if err != nil {
		return HTTP, nil, true, err
	}
	body, err = readAll(req.Body, RequestMax)
	err = errors.Join(err, req.Body.Close())
	if err == nil && (req.Method != http.MethodPost || req.URL.Path != Path) {
		err = fmt.Errorf("%w: %s %s, want POST %s", ErrStatus, req.Method, req.URL.Path, Path)
	}
	return HTTP, body, req.Close, err
}

func readLength(r io.Reader, most uint32) ([]byte, error) {
	var head [lengthLen]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > most {
		return nil, fmt.Errorf("%w: %d bytes", ErrLength, n)
	}
	// Read piece by piece: a length that lies must not claim memory for bytes that never come.
	body, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && len(body) < int(n) {
		err = io.ErrUnexpectedEOF
	}
	return body, err
}

func readAll(r io.Reader, most int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(body)) > most {
		err = fmt.Errorf("%w: over %d bytes", ErrLength, most)
	}
	return body, err
}

// headEnd is what stands between the head of HTTP and its body.
var headEnd = []byte("\r\n\r\n")

// Rewrite applies replace, which keeps lengths, to the JSON of every whole message in a burst of bytes that
// ran in one direction. Heads and lengths stay as they are; bytes that are no message go through replace raw.
func Rewrite(burst []byte, replace func([]byte) []byte) []byte {
	var out []byte
	for len(burst) > 0 {
		head, body := message(burst)
		if head == 0 {
			return append(out, replace(burst)...)
		}
		out = append(append(out, burst[:head]...), replace(burst[head:head+body])...)
		burst = burst[head+body:]
	}
	return out
}

// message measures the message that a burst begins with; head is zero where it begins with none that is whole.
func message(burst []byte) (head, body int) {
	if burst[0] == 0 {
		if len(burst) < lengthLen {
			return 0, 0
		}
		n := binary.BigEndian.Uint32(burst)
		if uint64(n) > uint64(len(burst)-lengthLen) {
			return 0, 0
		}
		return lengthLen, int(n)
	}
	if !bytes.HasPrefix(burst, []byte("POST ")) && !bytes.HasPrefix(burst, []byte("HTTP/1.")) {
		return 0, 0
	}
	end := bytes.Index(burst, headEnd)
	if end < 0 {
		return 0, 0
	}
	head = end + len(headEnd)
	n, ok := contentLength(burst[:head])
	if !ok || n > len(burst)-head {
		return 0, 0
	}
	return head, n
}

func contentLength(head []byte) (int, bool) {
	for line := range bytes.Lines(head) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok && bytes.EqualFold(bytes.TrimSpace(name), []byte("Content-Length")) {
			n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 31)
			return int(n), err == nil
		}
	}
	return 0, false
}
