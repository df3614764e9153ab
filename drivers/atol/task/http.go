package task

import (
	"bufio"
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

// The web server's addresses.
const (
	Path = "/api/v2/requests"
	Host = "127.0.0.1:16732"
)

// AppendHTTP writes a request of HTTP/1.1 with no header that is not needed; auth is the value of Authorization,
// empty for none. The body may be nil.
func AppendHTTP(dst []byte, method, path, auth string, body []byte) []byte {
	dst = append(dst, method+" "+path+" HTTP/1.1\r\nHost: "+Host+"\r\n"...)
	if auth != "" {
		dst = append(dst, "Authorization: "+auth+"\r\n"...)
	}
	if body != nil {
		dst = append(dst, "Content-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n"...)
	}
	return append(append(dst, "\r\n"...), body...)
}

// Rewrite applies replace, which must keep the length, to the body of each whole HTTP message of a burst; heads
// stay, but the password in them goes. What is no message goes through replace as it is.
func Rewrite(burst []byte, replace func([]byte) []byte) []byte {
	var out []byte
	for len(burst) > 0 {
		head, body := split(burst)
		if head < 0 {
			return append(out, replace(hide(burst))...)
		}
		out = append(out, hide(burst[:head])...)
		if body > 0 {
			out = append(out, replace(burst[head:head+body])...)
		}
		burst = burst[head+body:]
	}
	return out
}

// split gives the lengths of the first message's head and body, or -1 where it is none or not whole.
func split(burst []byte) (head, body int) {
	end := bytes.Index(burst, []byte("\r\n\r\n"))
	if end < 0 {
		return -1, 0
	}
	head = end + len("\r\n\r\n")
	r := bufio.NewReader(bytes.NewReader(burst[:head]))
	length := ""
	if bytes.HasPrefix(burst, []byte("HTTP/")) {
		answer, err := http.ReadResponse(r, nil)
		if err != nil {
			return -1, 0
		}
		length = answer.Header.Get("Content-Length")
		if err := answer.Body.Close(); err != nil {
			return -1, 0
		}
	} else {
		request, err := http.ReadRequest(r)
		if err != nil {
			return -1, 0
		}
		length = request.Header.Get("Content-Length")
	}
	if length == "" {
		return head, 0
	}
	n, err := strconv.ParseUint(length, 10, 31)
	if err != nil || int(n) > len(burst)-head {
		return -1, 0
	}
	return head, int(n)
}

// hide puts stars over the value of Authorization.
func hide(head []byte) []byte {
	out := bytes.Clone(head)
	const name = "authorization:"
	at := strings.Index(strings.ToLower(string(out)), name)
	if at < 0 {
		return out
	}
	for i := at + len(name); i < len(out) && out[i] != '\r'; i++ {
		if out[i] != ' ' {
			out[i] = '*'
		}
	}
	return out
}
