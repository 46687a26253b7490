// Go's net/rpc/jsonrpc, at both ends: `net_rpc ADDRESS` is a client, `net_rpc` a server that prints
// where it listens.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"strings"
)

type Text struct{}
type Numbers struct{ Minuend, Subtrahend int }

func (Text) Upper(text *string, result *string) error {
	*result = strings.ToUpper(*text)
	return nil
}

func (Text) Subtract(numbers *Numbers, result *int) error {
	*result = numbers.Minuend - numbers.Subtrahend
	return nil
}

func serve() {
	rpc.Register(Text{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println(listener.Addr())
	for {
		conn, err := listener.Accept()
		check(err)
		go jsonrpc.ServeConn(conn)
	}
}

func call(address string) {
	client := dial(address)
	var text string
	check(client.Call("upper", "hé😀", &text))
	show("call", text)

	var difference int
	check(client.Call("subtract", map[string]int{"minuend": 42, "subtrahend": 23}, &difference))
	show("by name", difference)

	// On a connection of its own, which it ends.
	show("error", dial(address).Call("nope", 1, new(any)).Error())

	calls := make([]*rpc.Call, 100)
	for i := range calls {
		calls[i] = client.Go("upper", fmt.Sprint("n", i), new(string), nil)
	}
	texts := make([]string, len(calls))
	for i, call := range calls {
		<-call.Done
		check(call.Error)
		texts[i] = *call.Reply.(*string)
	}
	show("100 at once", texts)
}

func dial(address string) *rpc.Client {
	client, err := jsonrpc.Dial("tcp", address)
	check(err)
	return client
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

func main() {
	if len(os.Args) > 1 {
		call(os.Args[1])
	} else {
		serve()
	}
}
