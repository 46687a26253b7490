// github.com/sourcegraph/jsonrpc2 as a client: `jsonrpc2 ADDRESS`.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"sync"

	"github.com/sourcegraph/jsonrpc2"
)

// What the server may call.
type handler struct{}

func (handler) Handle(ctx context.Context, conn *jsonrpc2.Conn, request *jsonrpc2.Request) {
	if request.Method != "ask" {
		unknown := &jsonrpc2.Error{Code: jsonrpc2.CodeMethodNotFound, Message: "Method not found"}
		check(conn.ReplyWithError(ctx, request.ID, unknown))
		return
	}
	var params []string
	check(json.Unmarshal(*request.Params, &params))
	check(conn.Reply(ctx, request.ID, params[0]+" Yes."))
}

func main() {
	ctx := context.Background()
	socket, err := net.Dial("tcp", os.Args[1])
	check(err)
	stream := jsonrpc2.NewBufferedStream(socket, jsonrpc2.VSCodeObjectCodec{})
	conn := jsonrpc2.NewConn(ctx, stream, jsonrpc2.AsyncHandler(handler{}))

	var text string
	check(conn.Call(ctx, "upper", []string{"hé😀"}, &text))
	show("call", text)

	var difference int
	numbers := map[string]int{"minuend": 42, "subtrahend": 23}
	check(conn.Call(ctx, "subtract", numbers, &difference))
	show("by name", difference)

	// Without params it sends null.
	show("error", conn.Call(ctx, "nope", nil, nil).(*jsonrpc2.Error).Code)

	check(conn.Notify(ctx, "note", map[string]string{"text": "noted"}))
	show("notification", nil)

	texts := make([]string, 100)
	var answers sync.WaitGroup
	for i := range texts {
		answers.Add(1)
		go func(i int) {
			defer answers.Done()
			check(conn.Call(ctx, "upper", []string{fmt.Sprint("n", i)}, &texts[i]))
		}(i)
	}
	answers.Wait()
	show("100 at once", texts)

	check(conn.Call(ctx, "ask", nil, &text))
	show("calls back", text)
}

func show(feature string, value any) {
	text, err := json.Marshal([]any{feature, value})
	check(err)
	fmt.Println(string(text))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
