// States: what is kept comes back equal, what could not is refused by name, and nothing is encoded that is too large.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EMPTY_STATE } from "../../../storage/messages.js";
import type { SessionState } from "../../../workers/app/app.js";
import { SessionStateError } from "../../../workers/session/session-error.js";
import { StateCodec, sameBytes } from "../../../workers/session/session-state.js";

const codec = new StateCodec(4096);

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof SessionStateError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "no error";
}

const leaf = fc.oneof(
  fc.string(),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 20 }),
);
const key = fc.string({ maxLength: 8 }).filter((name) => name !== "__proto__");
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4 }),
  ),
}));

test("state, anything that may be kept, comes back equal and with the same encoding", () => {
  const large = new StateCodec(1 << 20);
  fc.assert(
    fc.property(fc.dictionary(key, value, { maxKeys: 5 }), (state) => {
      const bytes = new Uint8Array(large.encode(state as SessionState));
      const decoded = large.decode(bytes);
      assert.equal(JSON.stringify(decoded, bigints), JSON.stringify(state, bigints));
      assert.ok(sameBytes(large.encode(decoded), bytes));
    }),
    { numRuns: 500 },
  );
});

test("state, empty, is one byte", () => {
  assert.equal(new Uint8Array(codec.encode({})), new Uint8Array(EMPTY_STATE));
});

test("state, with what cannot be kept, is refused with its place", () => {
  const refused: readonly (readonly [SessionState, string])[] = [
    [{ cart: [{ total: () => 1 }] }, "session.state.cart[0].total is a function"],
    [{ a: Symbol("s") }, "session.state.a is a symbol"],
    [{ a: 2n ** 64n }, "session.state.a is a bigint beyond 64 bits"],
    [{ a: new Map() }, "session.state.a is an instance of Map"],
    [{ a: new Date(Number.NaN) }, "session.state.a is an invalid Date"],
    [{ a: { b: new (class Cart {})() } }, "session.state.a.b is an instance of Cart"],
    [{ a: new Float64Array(2) }, "session.state.a is an instance of Float64Array"],
  ];
  for (const [state, message] of refused) {
    assert.is(
      codeOf(() => codec.encode(state)),
      `state_not_encodable: ${message}`,
    );
  }
  for (const state of [null, 7, [], new Date(), undefined]) {
    assert.match(
      codeOf(() => codec.encode(state as never)),
      /^state_not_encodable: .*not a plain object/,
    );
  }
});

test("state, containing itself, is refused", () => {
  const state: SessionState = {};
  state.self = state;
  assert.match(
    codeOf(() => codec.encode(state)),
    /nested more than 64 deep, or contains itself/,
  );
  assert.equal(codec.decode(codec.encode({ after: 1 })), { after: 1 });
});

test("state, containing itself together with much text, is refused before it is encoded", () => {
  const state: SessionState = { text: "x".repeat(4000) };
  state.self = state;
  assert.match(
    codeOf(() => codec.encode(state)),
    /^state_too_large/,
  );
});

test("state, one object met 2^60 times, is refused at once", () => {
  let state: SessionState = {};
  for (let level = 0; level < 60; level++) state = { a: state, b: state };
  assert.match(
    codeOf(() => codec.encode(state)),
    /^state_too_large/,
  );
});

test("state, at the limit and one byte above, is kept and refused", () => {
  const atLimit = { a: "x".repeat(4096 - 6) };
  assert.is(codec.encode(atLimit).length, 4096);
  assert.match(
    codeOf(() => codec.encode({ a: `${atLimit.a}x` })),
    /larger than 4096 bytes/,
  );
  assert.match(
    codeOf(() => codec.encode({ a: new Uint8Array(5000) })),
    /larger than 4096 bytes/,
  );
  assert.match(
    codeOf(() => codec.encode({ a: new Array(5000).fill(1) })),
    /larger than 4096 bytes/,
  );
});

test("decode, any bytes, gives a plain object or the error of a corrupt state", () => {
  for (const bytes of [
    [],
    [0xc1],
    [0x90],
    [0xc0],
    [0x80, 0x80],
    [0x81, 1],
    [0xdf, 255, 255, 255, 255],
    [0x05],
  ]) {
    assert.match(
      codeOf(() => codec.decode(Uint8Array.from(bytes))),
      /^state_corrupt/,
    );
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      assert.match(
        codeOf(() => codec.decode(bytes)),
        /^(no error|state_corrupt)/,
      );
    }),
    { numRuns: 2_000 },
  );
});

test("decode, a state cut off anywhere, does not read on into another's", () => {
  const whole = new Uint8Array(
    codec.encode({ user: "ada", cart: [1, 2.5, "three"], bytes: Buffer.from("four") }),
  );
  for (let length = 0; length < whole.length; length++) {
    codec.decode(whole);
    assert.match(
      codeOf(() => codec.decode(whole.slice(0, length))),
      /^state_corrupt/,
    );
  }
});

test("decode, a state stored under a higher limit, is read", () => {
  const state = { text: "x".repeat(10_000) };
  assert.equal(codec.decode(new Uint8Array(new StateCodec(20_000).encode(state))), state);
});

test("state, stored under a higher limit, may stay as large as it is or shrink, and not grow", () => {
  const state = { text: "x".repeat(10_000) };
  const storedBytes = new StateCodec(20_000).encode(state).length;
  assert.is(codec.encode(state, storedBytes).length, storedBytes);
  assert.ok(codec.encode({ text: state.text.slice(1) }, storedBytes).length > codec.maxStateBytes);
  assert.match(
    codeOf(() => codec.encode({ text: `${state.text}x` }, storedBytes)),
    /^state_too_large: .*larger than 4096 bytes/,
  );
});

test("error, of a state, is the client's if it is too large, and the server's otherwise", () => {
  assert.is(new SessionStateError("state_too_large", "").status, 413);
  assert.is(new SessionStateError("state_not_encodable", "").status, 500);
  assert.is(new SessionStateError("state_corrupt", "").status, 500);
});

test("decode, bytes within the state, cannot be used to change the cached state", () => {
  const bytes = new Uint8Array(codec.encode({ a: Buffer.from("abc") }));
  const before = new Uint8Array(bytes);
  (codec.decode(bytes).a as Uint8Array).fill(0);
  assert.equal(bytes, before);
});

function bigints(_key: string, item: unknown): unknown {
  return typeof item === "bigint" ? `${item}n` : item;
}

test.run();
