import { assertEquals } from "@std/assert";
import { detect, type Detected } from "../../../lib/framing/mod.ts";
import { bytesOf } from "../../support/raw.ts";

const framing = (name: "json" | "headers" | "length"): Detected => ({ kind: "framing", name });

const DECIDED: readonly (readonly [input: string | Uint8Array, found: Detected])[] = [
  ["{", framing("json")],
  ["[", framing("json")],
  [" {", framing("json")],
  ["\t\r\n [", framing("json")],
  [" ".repeat(16) + "{", framing("json")],
  ["\ufeff{", framing("json")],
  ["\x1e{", framing("json")],
  ["\x1e\x1e [", framing("json")],
  ["\r\n\ufeff\x1e{", framing("json")],
  ["Content-", framing("headers")],
  ["content-length: 1", framing("headers")],
  ["CONTENT-TYPE: x", framing("headers")],
  ["\r\nContent-", framing("headers")],
  ["\r\n\r\ncontent-length", framing("headers")],
  ["\r\n\r\nGET /", { kind: "http" }],
  [new Uint8Array([0]), framing("length")],
  [new Uint8Array([0, 0, 0, 2]), framing("length")],
  ...["GET ", "POST", "PUT ", "HEAD", "OPTI", "DELE", "PATC"].map((verb) =>
    [verb + "x", { kind: "http" } as Detected] as const
  ),
  [new Uint8Array([0x16, 3]), { kind: "tls" }],
  [new Uint8Array([0x16, 3, 1, 2]), { kind: "tls" }],
];

for (const [input, found] of DECIDED) {
  Deno.test(`detect() finds ${JSON.stringify(found)} when it sees ${Deno.inspect(input)}`, () => {
    const bytes = bytesOf(input);
    assertEquals(detect(bytes), found);
    // Less tells nothing, or the same; never something else.
    for (let length = 0; length < bytes.length; length++) {
      const earlier = detect(bytes.subarray(0, length));
      if (earlier.kind !== "undecided") assertEquals(earlier, found);
    }
  });
}

Deno.test("detect() finds nothing when the bytes begin no framing", () => {
  const unknown: [string | Uint8Array, string][] = [
    ["\ufeffx", "no framing begins with the bytes ef bb bf 78"],
    ["\ufe00{", "no framing begins with the bytes ef b8"],
    ["\ufeffContent-", "no framing begins with the bytes ef bb bf 43"],
    ["\nContent-", "no framing begins with the bytes 0a 43"],
    ["\rContent-", "no framing begins with the bytes 0d 43"],
    ["\x1e\0", "no framing begins with the bytes 1e 00"],
    ["\x1e42", "no framing begins with the bytes 1e 34"],
    ["SSH-2.0", "no framing begins with the bytes 53"],
    [new Uint8Array([0xff]), "no framing begins with the bytes ff"],
    [new Uint8Array([0x16, 0x47]), "no framing begins with the bytes 16 47"],
    [new Uint8Array([1, 0, 0, 0]), "no framing begins with the bytes 01"],
    [" Content-", "no framing begins with the bytes 20 43"],
    ["  x", "no framing begins with the bytes 20 20 78"],
    ["Contents", "no framing begins with the bytes 43 6f 6e 74 65 6e 74 73"],
    ["get /", "no framing begins with the bytes 67"],
    ["GETX", "no framing begins with the bytes 47 45 54 58"],
    ["P{", "no framing begins with the bytes 50 7b"],
    ['"', "no framing begins with the bytes 22"],
    ["1", "no framing begins with the bytes 31"],
    [" ".repeat(17), "more than 16 bytes before the first message"],
    [" ".repeat(17) + "{", "more than 16 bytes before the first message"],
  ];
  for (const [input, reason] of unknown) {
    const bytes = bytesOf(input);
    assertEquals(detect(bytes), { kind: "unknown", reason });
    for (let length = 0; length < bytes.length; length++) {
      const earlier = detect(bytes.subarray(0, length));
      if (earlier.kind !== "undecided") assertEquals(earlier, { kind: "unknown", reason });
    }
  }
});

Deno.test("detect() waits for more when the bytes may become several things", () => {
  const waits = [
    "",
    " ",
    "\n",
    " ".repeat(16),
    "\x1e",
    "\r",
    "\r\nC",
    "\r\nPOS",
    "C",
    "c",
    "Content",
    "G",
    "GET",
    "P",
    "PO",
    "O",
    "H",
  ];
  for (const input of waits) assertEquals(detect(bytesOf(input)), { kind: "undecided" }, input);
  for (const bytes of [[0x16], [0xef], [0xef, 0xbb], [0x20, 0xef]]) {
    assertEquals(detect(new Uint8Array(bytes)), { kind: "undecided" });
  }
});
