// Go's clients of HTTP and WebSocket: `web http 127.0.0.1:8080`, `web gorilla …`, `web nhooyr …`; and a
// server of both, `web serve`, that prints where it listens.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
	nhooyr "nhooyr.io/websocket"
)

type object = map[string]interface{}
type list = []interface{}

type answer struct {
	Id     *int                `json:"id"`
	Method string              `json:"method"`
	Params json.RawMessage     `json:"params"`
	Result interface{}         `json:"result"`
	Error  *struct{ Code int } `json:"error"`
}

// What a message before the answer says.
type told struct {
	Value  interface{} `json:"value"`
	Values list        `json:"values"`
}

func call(id int, method string, params interface{}) object {
	return object{"jsonrpc": "2.0", "id": id, "method": method, "params": params}
}

func note(method string, params interface{}) object {
	return object{"jsonrpc": "2.0", "method": method, "params": params}
}

func both(answers []answer) (outcomes list) {
	for _, it := range answers {
		if it.Error != nil {
			outcomes = append(outcomes, it.Error.Code)
		} else {
			outcomes = append(outcomes, it.Result)
		}
	}
	return
}

// How many letters a long text came back with, if it came back as it should.
func long(it answer) interface{} {
	if it.Result == strings.ToUpper(longText) {
		return len(longText) / 2
	}
	return it
}

func itemsOf(params json.RawMessage) list {
	var it told
	check(json.Unmarshal(params, &it))
	if it.Values != nil {
		return it.Values
	}
	return list{it.Value}
}

func show(feature string, value interface{}) {
	text, err := json.Marshal(list{feature, value})
	check(err)
	fmt.Println(string(text))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func encoded(message interface{}) []byte {
	text, err := json.Marshal(message)
	check(err)
	return text
}

var batch = list{call(1, "upper", list{"a"}), call(2, "nope", list{})}
var longText = strings.Repeat("é", 300000)
var numbers = object{"minuend": 42, "subtrahend": 23}
var working = object{"_meta": object{"progressToken": "t"}}

// ---- HTTP --------------------------------------------------------------------------------------

func overHttp(address string) {
	post := func(ctx context.Context, message interface{}, accept string) (*http.Response, error) {
		request, err := http.NewRequestWithContext(ctx, "POST", "http://"+address+"/", bytes.NewReader(encoded(message)))
		check(err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Accept", accept)
		return http.DefaultClient.Do(request)
	}
	sent := func(message interface{}, accept string) *http.Response {
		response, err := post(context.Background(), message, accept)
		check(err)
		return response
	}
	ask := func(message interface{}, to interface{}) {
		response := sent(message, "application/json")
		defer response.Body.Close()
		check(json.NewDecoder(response.Body).Decode(to))
	}
	request := func(method string, params interface{}) (it answer) {
		ask(call(1, method, params), &it)
		return
	}
	// Messages that come as lines.
	messages := func(message interface{}, hear func(answer)) {
		response := sent(message, "application/x-ndjson")
		defer response.Body.Close()
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			var it answer
			check(json.Unmarshal(lines.Bytes(), &it))
			hear(it)
		}
	}

	show("call", request("upper", list{"hé😀"}).Result)
	show("by name", request("subtract", numbers).Result)
	show("error", request("nope", list{}).Error.Code)
	response := sent(note("note", object{"text": "noted"}), "application/json")
	body, err := io.ReadAll(response.Body)
	check(err)
	if response.StatusCode == 202 && len(body) == 0 {
		show("notification", nil)
	} else {
		show("notification", response.StatusCode)
	}
	var answers []answer
	ask(batch, &answers)
	show("batch", both(answers))
	texts, all := make(list, 100), sync.WaitGroup{}
	for n := range texts {
		n := n
		all.Add(1)
		go func() {
			defer all.Done()
			texts[n] = request("upper", list{fmt.Sprint("n", n)}).Result
		}()
	}
	all.Wait()
	show("100 at once", texts)
	show("600 KB", long(request("upper", list{longText})))
	items := list{}
	messages(call(1, "count", list{3}), func(it answer) {
		if it.Method != "" {
			items = append(items, itemsOf(it.Params)...)
		} else {
			items = append(items, it.Result)
		}
	})
	show("stream", items)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		request("begun", nil)
		cancel()
	}()
	if _, err := post(ctx, call(1, "wait", nil), "application/json"); err != nil {
		show("cancel", "hung up")
	}
	reports := list{}
	messages(call(1, "work", working), func(it answer) {
		if it.Method == "$/progress" {
			reports = append(reports, itemsOf(it.Params)...)
		}
	})
	show("progress", reports)
}

// ---- WebSocket ---------------------------------------------------------------------------------

// A WebSocket, whichever package it is of.
type line struct {
	send func([]byte) error
	read func() ([]byte, error)
}

func overGorilla(address string) line {
	conn, _, err := websocket.DefaultDialer.Dial("ws://"+address+"/", nil)
	check(err)
	return line{
		send: func(text []byte) error { return conn.WriteMessage(websocket.TextMessage, text) },
		read: func() ([]byte, error) {
			_, text, err := conn.ReadMessage()
			return text, err
		},
	}
}

func overNhooyr(address string) line {
	ctx := context.Background()
	conn, _, err := nhooyr.Dial(ctx, "ws://"+address+"/", nil)
	check(err)
	conn.SetReadLimit(1 << 20) // it is 32 KiB
	return line{
		send: func(text []byte) error { return conn.Write(ctx, nhooyr.MessageText, text) },
		read: func() ([]byte, error) {
			_, text, err := conn.Read(ctx)
			return text, err
		},
	}
}

func (it line) tell(message interface{}) { check(it.send(encoded(message))) }

// Reads on to the next answer; hear is told what comes before it.
func (it line) answer(hear func(answer)) []byte {
	for {
		text, err := it.read()
		check(err)
		var message answer
		if strings.HasPrefix(string(text), "[") {
			return text
		}
		check(json.Unmarshal(text, &message))
		if message.Method == "" {
			return text
		}
		if message.Id == nil {
			if hear != nil {
				hear(message)
			}
			continue
		}
		reply := object{"jsonrpc": "2.0", "id": *message.Id}
		if message.Method == "ask" {
			var params []string
			check(json.Unmarshal(message.Params, &params))
			reply["result"] = params[0] + " Yes."
		} else {
			reply["error"] = object{"code": -32601, "message": "Method not found"}
		}
		it.tell(reply)
	}
}

func (it line) request(id int, method string, params interface{}, hear func(answer)) (got answer) {
	it.tell(call(id, method, params))
	check(json.Unmarshal(it.answer(hear), &got))
	return
}

func overWebSocket(it line) {
	show("call", it.request(1, "upper", list{"hé😀"}, nil).Result)
	show("by name", it.request(2, "subtract", numbers, nil).Result)
	show("error", it.request(3, "nope", list{}, nil).Error.Code)
	it.tell(note("note", object{"text": "noted"}))
	show("notification", nil)
	it.tell(batch)
	var answers []answer
	check(json.Unmarshal(it.answer(nil), &answers))
	show("batch", both(answers))
	texts := make(list, 100)
	for n := range texts {
		it.tell(call(n, "upper", list{fmt.Sprint("n", n)}))
	}
	for range texts {
		var got answer
		check(json.Unmarshal(it.answer(nil), &got))
		texts[*got.Id] = got.Result
	}
	show("100 at once", texts)
	show("600 KB", long(it.request(4, "upper", list{longText}, nil)))
	items := list{}
	last := it.request(4, "count", object{"value": 3, "_meta": object{"stream": object{"credit": 1}}}, func(got answer) {
		items = append(items, itemsOf(got.Params)...)
		it.tell(note("$/stream/credit", object{"id": 4, "n": 1}))
	})
	show("stream", append(items, last.Result))
	up := it.request(9, "total", list{}, func(answer) {
		it.tell(note("$/stream/item", object{"id": 9, "values": list{1, 2, 4}, "dir": "up"}))
		it.tell(note("$/stream/end", object{"id": 9, "dir": "up"}))
	})
	show("items up", up.Result)
	it.tell(call(5, "wait", nil))
	it.request(6, "begun", nil, nil)
	it.tell(note("$/cancelRequest", object{"id": 5}))
	var cancelled answer
	check(json.Unmarshal(it.answer(nil), &cancelled))
	show("cancel", cancelled.Error.Code)
	reports := list{}
	it.request(7, "work", working, func(got answer) { reports = append(reports, itemsOf(got.Params)...) })
	show("progress", reports)
	show("calls back", it.request(8, "ask", nil, nil).Result)
}

// ---- A server ----------------------------------------------------------------------------------

// What was noted, and whether a call waits and was given up.
var noted, begun, aborted = make(chan interface{}, 1), make(chan bool, 1), make(chan bool, 1)

// The answer to one message; nil for a notification.
func handled(ctx context.Context, message json.RawMessage, ask func() interface{}) interface{} {
	var it answer
	check(json.Unmarshal(message, &it))
	reply := object{"jsonrpc": "2.0", "id": it.Id}
	switch it.Method {
	case "upper":
		var params []string
		check(json.Unmarshal(it.Params, &params))
		reply["result"] = strings.ToUpper(params[0])
	case "subtract":
		var params struct{ Minuend, Subtrahend int }
		check(json.Unmarshal(it.Params, &params))
		reply["result"] = params.Minuend - params.Subtrahend
	case "note":
		noted <- it.Params
	case "noted":
		reply["result"] = <-noted
	case "wait":
		begun <- true
		<-ctx.Done()
		aborted <- true
	case "begun":
		reply["result"] = <-begun
	case "aborted":
		reply["result"] = <-aborted
	case "ask":
		reply["result"] = ask()
	default:
		reply["error"] = object{"code": -32601, "message": "Method not found"}
	}
	if it.Id == nil {
		return nil
	}
	return reply
}

// The answer to a text, which may be a batch; nil for none.
func answered(ctx context.Context, text []byte, ask func() interface{}) interface{} {
	var batch []json.RawMessage
	if json.Unmarshal(text, &batch) != nil {
		return handled(ctx, text, ask)
	}
	answers := list{}
	for _, message := range batch {
		answers = append(answers, handled(ctx, message, ask))
	}
	return answers
}

func handle(response http.ResponseWriter, request *http.Request) {
	if websocket.IsWebSocketUpgrade(request) {
		handleWebSocket(response, request)
		return
	}
	text, err := io.ReadAll(request.Body)
	check(err)
	reply := answered(request.Context(), text, nil)
	if reply == nil {
		response.WriteHeader(http.StatusNoContent)
		return
	}
	response.Header().Set("Content-Type", "application/json")
	response.Write(encoded(reply))
}

func handleWebSocket(response http.ResponseWriter, request *http.Request) {
	conn, err := (&websocket.Upgrader{}).Upgrade(response, request, nil)
	check(err)
	defer conn.Close()
	ask := func() interface{} {
		check(conn.WriteJSON(call(1, "ask", list{"Really?"})))
		var got answer
		check(conn.ReadJSON(&got))
		return got.Result
	}
	for {
		_, text, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if reply := answered(request.Context(), text, ask); reply != nil {
			check(conn.WriteJSON(reply))
		}
	}
}

func serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println(listener.Addr())
	check(http.Serve(listener, http.HandlerFunc(handle)))
}

func main() {
	switch os.Args[1] {
	case "http":
		overHttp(os.Args[2])
	case "gorilla":
		overWebSocket(overGorilla(os.Args[2]))
	case "nhooyr":
		overWebSocket(overNhooyr(os.Args[2]))
	case "serve":
		serve()
	}
}
