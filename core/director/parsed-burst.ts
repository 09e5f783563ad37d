// A burst of packets as the director sees it: of each packet its view, the key of the flow that it belongs to, and that key's
// hash. Made once and filled anew for each burst. Knows neither tables nor workers. Allocates nothing.

import { type HashSeed, hashKey } from "../flow/flow-hash.js";
import { KEY_WORDS, writeAnsweredFlowKey, writeFlowKey } from "../flow/flow-key.js";
import { BURST_PACKETS, type Burst } from "../link/link.js";
import { PARSE_OK } from "../wire/faults.js";
import { parsePacket } from "../wire/packet.js";
import { PacketView } from "../wire/packet-view.js";

export class ParsedBurst {
  readonly views = Array.from({ length: BURST_PACKETS }, () => new PacketView());
  /** The key of packet `i` begins at `i * KEY_WORDS`. */
  readonly keys = new Int32Array(BURST_PACKETS * KEY_WORDS);
  readonly hashes = new Int32Array(BURST_PACKETS);
  /** PARSE_OK or a fault at first; then what has become of the packet. */
  readonly verdicts = new Int32Array(BURST_PACKETS);
  readonly #burst: Burst;
  readonly #seed: HashSeed;

  constructor(burst: Burst, seed: HashSeed) {
    this.#burst = burst;
    this.#seed = seed;
  }

  /** Parses and hashes the whole burst. */
  parse(): void {
    const { count } = this.#burst;
    for (let i = 0; i < count; i++) this.verdicts[i] = this.parsePacket(i);
  }

  /** Parses and hashes packet `i`. Returns PARSE_OK or a fault, and then there is no key. */
  parsePacket(i: number): number {
    const { pool, slots, lengths, checksumTrusted } = this.#burst;
    const view = this.views[i]!;
    const offset = pool.packetOffset(slots[i]!);
    const fault = parsePacket(pool.bytes, pool.halves, offset, lengths[i]!, checksumTrusted[i]!, view);
    if (fault !== PARSE_OK) return fault;
    const at = i * KEY_WORDS;
    writeFlowKey(
      pool.words,
      pool.bytes,
      view.sourceOffset,
      view.destinationOffset,
      view.l4Offset,
      view.ipVersion,
      view.protocol,
      this.keys,
      at,
    );
    this.hashes[i] = hashKey(this.#seed, this.keys, at);
    return PARSE_OK;
  }

  /** Makes packet `i`, an ICMP error about a packet with ports, one of the flow that this packet answered. */
  takeAnsweredFlow(i: number): void {
    const { pool } = this.#burst;
    const view = this.views[i]!;
    const at = i * KEY_WORDS;
    writeAnsweredFlowKey(
      pool.words,
      pool.bytes,
      view.innerSourceOffset,
      view.innerDestinationOffset,
      view.innerL4Offset,
      view.innerIpVersion,
      view.innerProtocol,
      this.keys,
      at,
    );
    this.hashes[i] = hashKey(this.#seed, this.keys, at);
  }
}
