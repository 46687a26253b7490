// What proxies say of where a request comes from, and how much of it is believed.

import { assertEquals } from "@std/assert";
import { addressOf, membersFromEnd, originOf } from "../../../lib/http/forwarded.ts";
import { Networks } from "../../../lib/transport/networks.ts";
import { Dice } from "../../support/dice.ts";

const PROXIES = new Networks(["10.0.0.0/8", "fd00::/8"], "http.trustProxy");

/** The address that is found; "" if the proxy named none; the status if the request is refused. */
function found(headers: Readonly<Record<string, string>>): string | number {
  const origin = originOf(new Map(Object.entries(headers)), PROXIES);
  if (origin === undefined) return "";
  return "status" in origin ? origin.status : addressOf(origin, "tcp://10.0.0.1:1");
}

const LISTED: Readonly<Record<string, string>> = {
  "203.0.113.7": "tcp://203.0.113.7",
  "203.0.113.7:4711": "tcp://203.0.113.7:4711",
  "2001:db8::7": "tcp://[2001:db8::7]",
  "[2001:DB8::7]": "tcp://[2001:db8::7]",
  "[2001:db8::7]:65535": "tcp://[2001:db8::7]:65535",
  "::ffff:203.0.113.7": "tcp://203.0.113.7",
  // From the right, through what is trusted, to the first that is not.
  "198.51.100.1, 203.0.113.7": "tcp://203.0.113.7",
  "198.51.100.1, 203.0.113.7, 10.0.0.2": "tcp://203.0.113.7",
  "198.51.100.1,203.0.113.7 ,\t10.0.0.2,fd00::1": "tcp://203.0.113.7",
  "10.0.0.9, 203.0.113.7, 10.0.0.2": "tcp://203.0.113.7",
  "10.0.0.3, 10.0.0.2": "tcp://10.0.0.3",
  ", ,203.0.113.7,,": "tcp://203.0.113.7",
  // Up to where it makes sense.
  "203.0.113.7, unknown": "",
  "203.0.113.7, unknown, 10.0.0.2": "tcp://10.0.0.2",
  "203.0.113.7, _hidden, 10.0.0.2": "tcp://10.0.0.2",
  "unknown, 203.0.113.7": "tcp://203.0.113.7",
  '", 203.0.113.7': "tcp://203.0.113.7",
  "203.0.113.7, 10.0.0.2 10.0.0.3": "",
  "": "",
  ",": "",
  "localhost": "",
  "203.0.113.256": "",
  "203.0.113.07": "",
  "203.0.113.7:": "",
  "203.0.113.7:65536": "",
  "203.0.113.7:123456": "",
  "2001:db8::7:4711:x": "",
  "[203.0.113.7]": "",
  "[2001:db8::7": "",
  "for=203.0.113.7": "",
};

const FORWARDED: Readonly<Record<string, string>> = {
  "for=203.0.113.7": "tcp://203.0.113.7",
  'for="203.0.113.7"': "tcp://203.0.113.7",
  'For="203.0.113.7:4711"': "tcp://203.0.113.7:4711",
  'for="203.0.113.7:_port"': "tcp://203.0.113.7",
  'for="[2001:db8::7]"': "tcp://[2001:db8::7]",
  'FOR="[2001:db8:CAFE::17]:4711"': "tcp://[2001:db8:cafe::17]:4711",
  'for="\\2\\03.0.113.7"': "tcp://203.0.113.7",
  "for=203.0.113.7;proto=https;by=10.0.0.1;host=api.example": "tcp://203.0.113.7",
  'host="a,b;for=1.2.3.4\\"";for=203.0.113.7': "tcp://203.0.113.7",
  "proto=https; for=203.0.113.7 ; by=_x": "tcp://203.0.113.7",
  ";;for=203.0.113.7;;": "tcp://203.0.113.7",
  "for=198.51.100.1, for=203.0.113.7": "tcp://203.0.113.7",
  'for=198.51.100.1,for=203.0.113.7, for="[fd00::2]:1" ,for=10.0.0.2': "tcp://203.0.113.7",
  ",for=203.0.113.7,, ,": "tcp://203.0.113.7",
  "for=10.0.0.3, for=10.0.0.2": "tcp://10.0.0.3",
  // A caller cannot swallow what stands behind its own words.
  'for="x, for=203.0.113.7': "tcp://203.0.113.7",
  'for="x\\, for=203.0.113.7': "tcp://203.0.113.7",
  'for="x, for="[2001:db8::7]:1"': "tcp://[2001:db8::7]:1",
  'for="\\", for="[2001:db8::7]", for=10.0.0.2': "tcp://[2001:db8::7]",
  // Hidden, and nonsense.
  "for=unknown": "",
  "for=_secret": "",
  'for="_secret:80"': "",
  "for=203.0.113.7, for=unknown": "",
  "for=203.0.113.7, for=_x, for=10.0.0.2": "tcp://10.0.0.2",
  "for=203.0.113.7, proto=https": "",
  "": "",
  ";": "",
  "203.0.113.7": "",
  "for": "",
  "for=": "",
  "for =203.0.113.7": "",
  "for= 203.0.113.7": "",
  "for=203.0.113.7:80": "",
  "for=[2001:db8::7]": "",
  'for="2001:db8::7"': "",
  'for="203.0.113.7': "",
  'for="203.0.113.7"x': "",
  'for="203.0.113.7\\"': "",
  "for=203.0.113.7;for=203.0.113.7": "",
  "for=203.0.113.7;proto=a;PROTO=b": "",
  "for=203.0.113.7 proto=a": "",
  "for=203.0.113.7;=a": "",
  'for="203.0.113.7:70000"': "",
};

for (const [name, rows] of [["x-forwarded-for", LISTED], ["forwarded", FORWARDED]] as const) {
  for (const [value, expected] of Object.entries(rows)) {
    Deno.test(`originOf() finds ${expected || "nobody"} in ${name}: ${value}`, () => {
      assertEquals(found({ [name]: value }), expected);
    });
  }
}

Deno.test("originOf() refuses two headers that do not say the same", () => {
  const both = (forwarded: string, list: string) => found({ forwarded, "x-forwarded-for": list });
  assertEquals(both("for=203.0.113.7", "203.0.113.7"), "tcp://203.0.113.7");
  assertEquals(both('for="203.0.113.7:1"', "198.51.100.1, 203.0.113.7"), "tcp://203.0.113.7:1");
  assertEquals(both('for="[2001:db8::7]"', "2001:DB8:0::7"), "tcp://[2001:db8::7]");
  assertEquals(both("for=unknown", "unknown"), "");
  for (
    const [forwarded, list] of [
      ["for=198.51.100.1", "203.0.113.7"],
      ["for=unknown", "203.0.113.7"],
      ["nonsense", "203.0.113.7"],
      ["", "203.0.113.7"],
      ["for=203.0.113.7", "unknown"],
      ["for=203.0.113.7", ""],
      ["for=203.0.113.7", "203.0.113.7, 10.0.0.2, nonsense"],
    ] as const
  ) assertEquals(both(forwarded, list), 400, `${forwarded} and ${list}`);
  assertEquals(found({}), "");
});

Deno.test("addressOf() says whether the proxy came over TLS", () => {
  const origin = originOf(new Map([["x-forwarded-for", "2001:db8::7"]]), PROXIES)!;
  assertEquals("ip" in origin && addressOf(origin, "tls://10.0.0.1:1"), "tls://[2001:db8::7]");
  assertEquals("ip" in origin && addressOf(origin, "unix:"), "tcp://[2001:db8::7]");
});

Deno.test("what a caller sends before it changes nothing of what proxies have written", () => {
  const pieces = [
    '"',
    "\\",
    ",",
    ";",
    " ",
    "for=",
    "for=1.2.3.4",
    "1.2.3.4",
    "=",
    "[",
    "]",
    "\xff",
  ];
  for (let seed = 0; seed < 2000; seed++) {
    const dice = new Dice(seed);
    const sent = Array.from({ length: dice.int(0, 12) }, () => dice.pick(pieces)).join("");
    const behind = ["203.0.113.7", ...Array(dice.int(0, 3)).fill("10.0.0.2")];
    const forwarded = behind.map((ip) => dice.chance(50) ? `for=${ip}` : `for="${ip}"`);
    assertEquals(found({ "x-forwarded-for": [sent, ...behind].join(", ") }), "tcp://203.0.113.7");
    assertEquals(found({ forwarded: [sent, ...forwarded].join(", ") }), "tcp://203.0.113.7", sent);
  }
});

Deno.test("membersFromEnd() gives what split() gives where nothing is quoted", () => {
  for (let seed = 0; seed < 500; seed++) {
    const dice = new Dice(seed);
    const list = Array.from({ length: dice.int(0, 20) }, () => dice.pick([",", "a", " ", "\\"]));
    const members = list.join("").split(",").map((it) => it.trim()).filter((it) => it !== "");
    assertEquals([...membersFromEnd(list.join(""))].reverse(), members);
  }
});
