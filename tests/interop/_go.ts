// Go's net/rpc/jsonrpc, at both ends, compiled in a folder of its own.

import { TextLineStream, toText } from "@std/streams";
import { within } from "../support/deadline.ts";

const PROGRAM = `
package main

import (
	"bufio"
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
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go jsonrpc.ServeConn(conn)
	}
}

// Each line of the input is a method and its value; so many calls are made at once, on a connection
// of their own.
func call(address string) {
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		client, err := jsonrpc.Dial("tcp", address)
		if err != nil {
			log.Fatal(err)
		}
		var count int
		words := strings.SplitN(input.Text(), " ", 3)
		fmt.Sscan(words[1], &count)
		calls := make([]*rpc.Call, count)
		for i := range calls {
			var value any
			text := strings.ReplaceAll(words[2], "N", fmt.Sprint(i))
			if err := json.Unmarshal([]byte(text), &value); err != nil {
				log.Fatal(err)
			}
			calls[i] = client.Go(words[0], value, new(any), nil)
		}
		results := make([]any, count)
		for i, call := range calls {
			<-call.Done
			if call.Error != nil {
				results[i] = call.Error.Error()
			} else {
				results[i] = call.Reply
			}
		}
		text, _ := json.Marshal(results)
		fmt.Println(string(text))
		client.Close()
	}
}

func main() {
	if len(os.Args) > 1 {
		call(os.Args[1])
	} else {
		serve()
	}
}
`;

/** The program, running. Without an address it is the server. */
export class GoProgram implements AsyncDisposable {
  readonly #folder: string;
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #errors: Promise<string>;

  private constructor(folder: string, args: readonly string[]) {
    this.#folder = folder;
    this.#child = new Deno.Command(`${folder}/program`, {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#errors = toText(this.#child.stderr);
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
  }

  /** Compiles and starts it. */
  static async start(...args: string[]): Promise<GoProgram> {
    const folder = await Deno.makeTempDir({ prefix: "landline-go-" });
    await Deno.writeTextFile(`${folder}/program.go`, PROGRAM);
    const { success, stderr } = await new Deno.Command("go", {
      args: ["build", "-o", `${folder}/program`, `${folder}/program.go`],
      cwd: folder,
      env: { GO111MODULE: "off", GOCACHE: `${folder}/cache` },
    }).output();
    if (!success) throw new Error(`Cannot compile: ${new TextDecoder().decode(stderr)}`);
    return new GoProgram(folder, args);
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    const { value } = await within(this.#lines.read(), "a line of the Go program's");
    if (value === undefined) throw new Error(`The Go program ended: ${await this.#errors}`);
    return value;
  }

  /**
   * Has the client call a method so many times at once: the results, or the texts of errors.
   *
   * @param value JSON, in which N is the number of the call
   */
  async call(method: string, value: string, count = 1): Promise<unknown[]> {
    await this.#input.write(new TextEncoder().encode(`${method} ${count} ${value}\n`));
    return JSON.parse(await this.line());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // has ended
    }
    await this.#lines.cancel();
    await this.#input.abort().catch(() => {});
    await this.#errors;
    await this.#child.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}
