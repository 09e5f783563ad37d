// Reassembly: however a packet was cut, and in whatever order its fragments come, it is the same packet again; nothing comes of
// fragments that overlap; and what is kept is bounded in every way.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FRAGMENT_FATES, FRAGMENT_WHOLE } from "../../../core/flow/fragment-fates.js";
import { Fragments, MAX_FRAGMENTS, REASSEMBLY_TIMEOUT_MS } from "../../../core/flow/fragments.js";
import { allocatePacketPool, FreeSlots, PacketPool } from "../../../core/memory/packet-pool.js";
import { FAULT_FRAGMENT, PARSE_OK } from "../../../core/wire/faults.js";
import { parsePacket } from "../../../core/wire/packet.js";
import { PacketView } from "../../../core/wire/packet-view.js";
import { cutIntoFragments, dataOf, fragmentOf, fragmentWith, type Piece } from "../../support/fragments.js";
import { icmpPacket, ipPacket, tcpPacket, udpPacket } from "../../support/packets.js";

const V6 = { source: "fd00::2", destination: "fd98:18::1" };
/** What a large slot of 32 * 2048 bytes takes behind a plain IPv4 header. */
const MAX_DATA_4 = 65_536 - 16 - 20;

/** A reassembly with its pool: fragments go in, and names of fates or whole packets come out. */
class Fixture {
  tick = 1000;
  readonly fragments: Fragments;
  readonly free: FreeSlots;
  readonly places: number;
  readonly #pool: PacketPool;
  readonly #view = new PacketView();

  constructor(places = 128) {
    this.places = places;
    const memory = allocatePacketPool(4, 2048, places);
    this.#pool = new PacketPool(memory);
    this.free = new FreeSlots(memory);
    this.fragments = new Fragments(this.#pool, this.free, places);
  }

  /** The fate's name, or the whole packet; its slot is held for as long as `holds` says. */
  give(fragment: Uint8Array, holds = false): string | Uint8Array {
    const { bytes, halves } = this.#pool;
    const offset = this.#pool.packetOffset(0);
    bytes.set(fragment, offset);
    const fault = parsePacket(bytes, halves, offset, fragment.length, 0, this.#view);
    assert.is(fault, FAULT_FRAGMENT);
    const fate = this.fragments.add(this.#view, this.tick);
    bytes.fill(0xee, offset, offset + 2032);
    if (fate !== FRAGMENT_WHOLE) return FRAGMENT_FATES[fate]!;
    const { slot, length } = this.fragments;
    const at = this.#pool.packetOffset(slot);
    const whole = bytes.slice(at, at + length);
    assert.is(parsePacket(bytes, halves, at, length, 0, this.#view), PARSE_OK);
    if (!holds) this.free.release(slot);
    return whole;
  }

  giveAll(fragments: readonly Uint8Array[]): (string | Uint8Array)[] {
    return fragments.map((fragment) => this.give(fragment));
  }

  /** Large slots that are neither free nor a packet's in the making. */
  get missing(): number {
    return this.places - this.free.largeCount - this.fragments.pending;
  }
}

/** A datagram of `length` bytes of data, UDP header included, that differs with `salt`. */
function datagram(ipVersion: number, length: number, salt: number): Uint8Array {
  const payload = Array.from({ length: length - 8 }, (_, i) => (i * 7 + (i >> 8) + salt) & 255);
  return udpPacket(ipVersion === 4 ? {} : V6, payload);
}

/** What is the same in a packet that was put together: all but IPv4's DF and checksum. */
function essence(packet: Uint8Array): unknown[] {
  const isIpv4 = packet[0]! >>> 4 === 4;
  const addresses = isIpv4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  return [packet[isIpv4 ? 9 : 6], [...addresses], [...dataOf(packet)]];
}

const arbitraryVersion = fc.constantFrom(4, 6);

/** A packet and the pieces it is cut into: at least two. */
const arbitraryCut = fc
  .tuple(
    arbitraryVersion,
    fc.integer({ min: 17, max: 4000 }),
    fc.nat(255),
    fc.uniqueArray(fc.integer({ min: 1, max: 499 }), { minLength: 1, maxLength: 12 }),
  )
  .map(([version, length, salt, places]) => {
    const packet = datagram(version, length, salt);
    const cuts = [...new Set(places.map((place) => 8 * (1 + (place % Math.floor((length - 1) / 8)))))].sort(
      (a, b) => a - b,
    );
    const edges = [0, ...cuts.filter((cut) => cut < length), length];
    const pieces = edges.slice(1).map((end, i): Piece => ({ start: edges[i]!, end }));
    return { packet, pieces };
  });

test("fragments, of several packets, cut anywhere, in any order, and doubled, are the same packets again", () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryCut, { minLength: 1, maxLength: 5 }),
      fc.infiniteStream(fc.nat()),
      fc.nat(2),
      (cuts, numbers, doubled) => {
        const random = (bound: number) => numbers.next().value % bound;
        const fixture = new Fixture();
        const queues = cuts.map(({ packet, pieces }, id) => {
          const fragments = pieces.map((piece) => fragmentOf(packet, id, piece));
          const order = fragments
            .map((fragment) => ({ fragment, at: random(1000) }))
            .sort((a, b) => a.at - b.at);
          const shuffled = order.map(({ fragment }) => fragment);
          // Doubled ones come before the last: what comes after it would begin the packet anew.
          const last = shuffled.pop()!;
          for (let i = 0; i < doubled && shuffled.length > 0; i++) {
            const from = random(shuffled.length);
            shuffled.splice(from + random(shuffled.length - from) + 1, 0, shuffled[from]!);
          }
          return [...shuffled, last];
        });
        const wholes: Uint8Array[] = [];
        for (let left = queues.flat().length; left > 0; left--) {
          const waiting = queues.filter((queue) => queue.length > 0);
          const result = fixture.give(waiting[random(waiting.length)]!.shift()!);
          if (typeof result !== "string") wholes.push(result);
          else assert.ok(result === "fragment-kept" || result === "fragment-duplicate", result);
        }
        const sorted = (packets: Uint8Array[]) =>
          packets.map((packet) => JSON.stringify(essence(packet))).sort();
        assert.equal(sorted(wholes), sorted(cuts.map(({ packet }) => packet)));
        assert.equal([fixture.fragments.pending, fixture.missing], [0, 0]);
        assert.is(fixture.fragments.counters.get("packets_reassembled"), cuts.length);
      },
    ),
    { numRuns: 300 },
  );
});

test("fragments, one of which overlaps another that is there, come to nothing, whatever comes after it", () => {
  fc.assert(
    fc.property(arbitraryCut, fc.infiniteStream(fc.nat()), ({ packet, pieces }, numbers) => {
      const random = (bound: number) => numbers.next().value % bound;
      const fixture = new Fixture();
      const fragments = pieces.map((piece) => fragmentOf(packet, 1, piece));
      // All but one, in order, so that the packet is not whole yet; then one that overlaps one of them.
      const missing = random(pieces.length);
      const there = pieces.filter((_, i) => i !== missing);
      for (const result of fixture.giveAll(fragments.filter((_, i) => i !== missing)))
        assert.is(result, "fragment-kept");
      const victim = there[random(there.length)]!;
      const { length } = dataOf(packet);
      const start = Math.max(0, victim.start - 8 * random(3));
      const end = Math.min(length, victim.start + 8 * (1 + random(4)));
      // All of it would be no fragment.
      fc.pre(start > 0 || end < length);
      const data = dataOf(packet).slice(start, end);
      // With the very same edges, it has to be another content to be no duplicate.
      if (start === victim.start && end === victim.end) data[random(data.length)]! ^= 1;
      assert.is(fixture.give(fragmentWith(packet, 1, start, data, end < length)), "fragment-overlap");
      for (const result of fixture.giveAll([...fragments, ...fragments]))
        assert.is(result, "fragment-abandoned");
      assert.is(fixture.free.largeCount, fixture.places);
      fixture.tick += REASSEMBLY_TIMEOUT_MS;
      fixture.fragments.expire(fixture.tick);
      assert.is(fixture.fragments.pending, 0);
      assert.equal(essence(fixture.giveAll(fragments).at(-1) as Uint8Array), essence(packet));
    }),
    { numRuns: 300 },
  );
});

/** The rules once more, by a map of bytes. */
class Model {
  readonly #bytes = new Map<number, number>();
  readonly #edges: string[] = [];
  #total = -1;
  isOver = false;

  give(start: number, data: Uint8Array, more: boolean): string {
    if (this.isOver) return "fragment-abandoned";
    const end = start + data.length;
    const places = Array.from(data, (_, i) => start + i);
    const isSame =
      this.#edges.includes(`${start}-${end}-${more}`) &&
      places.every((at, i) => this.#bytes.get(at) === data[i]);
    if (isSame) return "fragment-duplicate";
    const furthest = Math.max(-1, ...this.#bytes.keys());
    const isBeyond = this.#total >= 0 && (more ? end >= this.#total : end !== this.#total);
    const isShort = !more && this.#total < 0 && end <= furthest + 1;
    if (isBeyond || isShort || places.some((at) => this.#bytes.has(at))) {
      this.isOver = true;
      return "fragment-overlap";
    }
    for (const [i, at] of places.entries()) this.#bytes.set(at, data[i]!);
    this.#edges.push(`${start}-${end}-${more}`);
    if (!more) this.#total = end;
    return this.#bytes.size === this.#total ? "whole" : "fragment-kept";
  }
}

test("fragments, of any kind, have the fates that a map of bytes gives them", () => {
  const arbitraryFragment = fc.record({
    start: fc.nat(6).map((n) => n * 8),
    units: fc.integer({ min: 1, max: 3 }),
    shorter: fc.nat(7),
    salt: fc.nat(9),
    isLast: fc.boolean(),
  });
  fc.assert(
    fc.property(arbitraryVersion, fc.array(arbitraryFragment, { maxLength: 12 }), (version, fragments) => {
      const fixture = new Fixture();
      const packet = datagram(version, 100, 0);
      let model = new Model();
      for (const { start, units, shorter, salt, isLast } of fragments) {
        // What is first and last is no fragment.
        const more = start === 0 || !isLast;
        const length = units * 8 - (more ? 0 : shorter);
        // Seldom another content than what is there.
        const data = Uint8Array.from({ length }, (_, i) => (salt === 0 ? 1 : 0) + start + i);
        const expected = model.give(start, data, more);
        const actual = giveUnparsed(fixture, fragmentWith(packet, 9, start, data, more));
        assert.is(actual, expected);
        if (expected === "whole") model = new Model();
      }
      assert.is(fixture.missing, model.isOver ? -1 : 0);
    }),
    { numRuns: 1000 },
  );
});

/** Gives a fragment whose whole need not be a sound packet. */
function giveUnparsed(fixture: Fixture, fragment: Uint8Array): string {
  try {
    const result = fixture.give(fragment);
    return typeof result === "string" ? result : "whole";
  } catch (error) {
    // The whole has been found, and is no datagram.
    if ((error as { code?: string }).code !== "ERR_ASSERTION") throw error;
    fixture.free.release(fixture.fragments.slot);
    return "whole";
  }
}

test("fragments, with the same numbers but other addresses, protocol, or IP version, are of other packets", () => {
  const fixture = new Fixture();
  const whole = udpPacket({}, new Array<number>(24).fill(1));
  const halves = (packet: Uint8Array, id = 5): Uint8Array[] => cutIntoFragments(packet, id, 16);
  const others = [
    udpPacket({ source: "198.18.0.3" }, new Array<number>(24).fill(2)),
    udpPacket({ destination: "198.18.0.9" }, new Array<number>(24).fill(3)),
    udpPacket(V6, new Array<number>(24).fill(4)),
    icmpPacket({}, 8, 0, new Array<number>(28).fill(5)),
  ];
  const firsts = [whole, ...others].map((packet) => halves(packet)[0]!);
  assert.equal(fixture.giveAll(firsts), new Array(5).fill("fragment-kept"));
  assert.is(fixture.give(halves(whole, 6)[0]!), "fragment-kept");
  assert.is(fixture.fragments.pending, 6);
  for (const packet of [whole, ...others]) {
    const results = fixture.giveAll(halves(packet).slice(1));
    assert.equal(essence(results.at(-1) as Uint8Array), essence(packet));
  }
});

test("fragments of IPv6, with extension headers before and behind the fragment header, are a packet without the former", () => {
  const fixture = new Fixture();
  const option = (next: number) => [next, 0, 1, 4, 0, 0, 0, 0];
  const datagramBytes = [...udpPacket(V6, new Array<number>(24).fill(7)).subarray(40)];
  const data = [...option(17), ...datagramBytes];
  const piece = (start: number, end: number) => {
    const header = [60, 0, 0, start | (end < data.length ? 1 : 0), 0, 0, 0, 9];
    const extensions = [...option(44), ...header];
    return ipPacket({ ...V6, firstHeader: 60, extensions }, data.slice(start, end));
  };
  assert.is(fixture.give(piece(24, data.length)), "fragment-kept");
  const whole = fixture.give(piece(0, 24)) as Uint8Array;
  assert.equal(whole, ipPacket({ ...V6, firstHeader: 60, extensions: option(17) }, datagramBytes));
});

test("first fragment, without all of the upper layer's header, is dropped and begins nothing", () => {
  const fixture = new Fixture();
  const withOptions = tcpPacket({}, new Array<number>(64).fill(0)).slice();
  withOptions[20 + 12] = 0xf0;
  const echo6 = icmpPacket(V6, 128, 0, new Array<number>(28).fill(0));
  for (const [packet, bytes, fate] of [
    [tcpPacket({}, new Array<number>(64).fill(0)), 8, "fragment-tiny"],
    [tcpPacket({}, new Array<number>(64).fill(0)), 16, "fragment-tiny"],
    [tcpPacket({}, new Array<number>(64).fill(0)), 24, "fragment-kept"],
    [withOptions, 56, "fragment-tiny"],
    [tcpPacket(V6, new Array<number>(64).fill(0)), 16, "fragment-tiny"],
    [udpPacket({}, new Array<number>(64).fill(0)), 8, "fragment-kept"],
    [echo6, 8, "fragment-kept"],
  ] as const) {
    const before = fixture.fragments.pending;
    assert.is(fixture.give(cutIntoFragments(packet, 77 + bytes + before, bytes)[0]!), fate);
    assert.is(fixture.fragments.pending, before + (fate === "fragment-kept" ? 1 : 0));
  }
});

test("packet, as long as a large slot takes, is put together; one of a byte more is given up", () => {
  for (const [length, isWhole] of [
    [MAX_DATA_4, true],
    [MAX_DATA_4 + 1, false],
  ] as const) {
    const fixture = new Fixture();
    const packet = datagram(4, length, 3);
    const results = fixture.giveAll(cutIntoFragments(packet, 1, 1480));
    assert.is(typeof results.at(-1) !== "string", isWhole);
    if (isWhole) continue;
    assert.is(results.at(-1), "fragment-oversize");
    assert.is(fixture.give(cutIntoFragments(packet, 1, 1480)[0]!), "fragment-abandoned");
    assert.equal([fixture.free.largeCount, fixture.fragments.counters.get("packets_abandoned")], [128, 1]);
  }
});

test("packet, in more fragments than are kept of one, is given up", () => {
  const fixture = new Fixture();
  const packet = datagram(4, 8 * (MAX_FRAGMENTS + 2), 1);
  const results = fixture.giveAll(cutIntoFragments(packet, 1, 8));
  assert.equal(results.slice(0, MAX_FRAGMENTS), new Array(MAX_FRAGMENTS).fill("fragment-kept"));
  assert.equal(results.slice(MAX_FRAGMENTS), ["fragment-excess", "fragment-abandoned"]);
});

test("packet, not whole after thirty seconds, is given up, and its slot is free; one that is younger is not", () => {
  const fixture = new Fixture();
  const [first, second] = [1, 2].map((id) => cutIntoFragments(datagram(4, 64, id), id, 32));
  fixture.give(first![0]!);
  fixture.tick += 1000;
  fixture.give(second![0]!);
  fixture.tick += REASSEMBLY_TIMEOUT_MS - 1001;
  fixture.fragments.expire(fixture.tick);
  assert.is(fixture.fragments.pending, 2);
  // Looked at once a second: a millisecond later nobody looks.
  fixture.tick += 1;
  fixture.fragments.expire(fixture.tick);
  assert.is(fixture.fragments.pending, 2);
  fixture.tick += 999;
  fixture.fragments.expire(fixture.tick);
  assert.equal([fixture.fragments.pending, fixture.fragments.counters.get("packets_expired")], [1, 1]);
  assert.is(fixture.missing, 0);
  assert.is(fixture.give(first![1]!), "fragment-kept");
});

test("packets, more of one source than its share, cost the source its oldest; others keep theirs", () => {
  for (const [source, other] of [
    ["198.18.0.2", "198.18.0.3"],
    // Of IPv6 all of a /64 is one source.
    ["fd00::2", "fd00:0:0:1::2"],
  ] as const) {
    const fixture = new Fixture(64);
    const destination = source.includes(":") ? V6.destination : "198.18.0.1";
    const first = (from: string, id: number) => {
      const packet = udpPacket({ source: from, destination }, new Array<number>(64).fill(id & 255));
      return cutIntoFragments(packet, id, 32);
    };
    fixture.give(first(other, 1)[0]!);
    for (let id = 0; id < 5; id++) {
      fixture.tick += 1;
      const from = source.includes(":") ? `fd00::${id + 2}` : source;
      assert.is(fixture.give(first(from, id)[0]!), "fragment-kept");
    }
    assert.equal([fixture.fragments.pending, fixture.fragments.counters.get("packets_evicted")], [5, 1]);
    assert.is(typeof fixture.giveAll(first(other, 1).slice(1)).at(-1), "object");
    // The oldest is the one that has gone; its rest begins it anew.
    const oldest = source.includes(":") ? "fd00::2" : source;
    assert.is(fixture.give(first(oldest, 0)[1]!), "fragment-kept");
  }
});

test("packets, of more sources than there is room for, cost the oldest of all its place", () => {
  const fixture = new Fixture(8);
  const first = (n: number) =>
    cutIntoFragments(udpPacket({ source: `198.19.0.${n}` }, new Array<number>(64).fill(n)), 1, 32);
  for (let n = 1; n <= 1000; n++) {
    fixture.tick += 1;
    assert.is(fixture.give(first(n % 200)[0]!), "fragment-kept");
    assert.ok(fixture.fragments.pending <= 8);
    assert.is(fixture.missing, 0);
  }
  assert.is(fixture.fragments.counters.get("packets_evicted"), 992);
  // A flood of beginnings keeps nobody out whose fragments come one after the other.
  const packet = udpPacket({ source: "198.19.9.9" }, new Array<number>(64).fill(1));
  assert.equal(
    essence(fixture.giveAll(cutIntoFragments(packet, 1, 32)).at(-1) as Uint8Array),
    essence(packet),
  );
});

test("packets, while workers hold all large slots, find none, and find one when it comes back", () => {
  const fixture = new Fixture(4);
  for (let id = 0; id < 4; id++)
    for (const fragment of cutIntoFragments(datagram(4, 64, id), id, 32)) fixture.give(fragment, true);
  assert.equal([fixture.free.largeCount, fixture.fragments.pending], [0, 0]);
  const fragments = cutIntoFragments(datagram(4, 64, 9), 9, 32);
  assert.is(fixture.give(fragments[0]!), "fragment-no-slot");
  assert.is(fixture.fragments.pending, 0);
  fixture.free.release(fixture.fragments.slot);
  assert.equal(essence(fixture.giveAll(fragments).at(-1) as Uint8Array), essence(datagram(4, 64, 9)));
});

test("FRAGMENT_FATES, has distinct names, each in kebab case", () => {
  assert.is(new Set(FRAGMENT_FATES).size, FRAGMENT_FATES.length);
  for (const name of FRAGMENT_FATES) assert.match(name, /^fragment-[a-z]+(-[a-z]+)*$/);
});

test.run();
