// Which worker a new flow goes to: the one of its source, or the one that the policy chooses; and the entries that
// remember it. Knows neither packets nor connections, only keys. Allocates nothing.

import { NO_ENTRY } from "../flow/flow-entry.js";
import { type HashSeed, hashKey } from "../flow/flow-hash.js";
import { createAffinityMasks, KEY_WORDS, writeSourceKey } from "../flow/flow-key.js";
import type { FlowTable } from "../flow/flow-table.js";
import { BOARD_STATE, BOARD_TURN, type LoadBoard, WORKER_SERVING } from "../memory/load-board.js";
import { type Policy, rendezvous } from "./policies.js";
import { isSpillDue } from "./spill.js";
import { VERDICT_NEW_FLOW, VERDICT_NEW_SOURCE, VERDICT_NO_WORKER, VERDICT_TABLE_FULL } from "./verdict.js";

export interface PlacementOptions {
  readonly flowTable: FlowTable;
  readonly loadBoard: LoadBoard;
  readonly policy: Policy;
  readonly seed: HashSeed;
  /** "source": new flows of a source go to its worker. "connection": each flow is placed anew. */
  readonly affinity: "source" | "connection";
  /** Which of a source's address bits count, for IPv4 and IPv6. */
  readonly affinityPrefix4: number;
  readonly affinityPrefix6: number;
  /** Live flows of a source from which on new ones may go to other workers than its own; 0: never. */
  readonly spillFlows: number;
  /**
   * Half-open flows from which on a SYN begins none until its source has proven itself, with a SYN cookie. Sources that had a
   * connection may begin as many again.
   */
  readonly maxOpeningFlows: number;
}

export class Placement {
  /** May be changed at any time: flows and sources stay where they are. */
  policy: Policy;
  /** Workers are looked for among the numbers below this one. */
  workerCount = 0;
  /** What the last `begin` did, or why it did nothing. */
  verdict = VERDICT_NEW_FLOW;
  readonly #table: FlowTable;
  readonly #board: LoadBoard;
  readonly #seed: HashSeed;
  readonly #isBySource: boolean;
  readonly #spillFlows: number;
  readonly #maxOpeningFlows: number;
  readonly #masks: Int32Array;
  /** Of the source that was looked for last. */
  readonly #sourceKey = new Int32Array(KEY_WORDS);
  #sourceHash = 0;
  #turn = 0;

  constructor(options: PlacementOptions) {
    this.policy = options.policy;
    this.#table = options.flowTable;
    this.#board = options.loadBoard;
    this.#seed = options.seed;
    this.#isBySource = options.affinity === "source";
    this.#spillFlows = options.spillFlows;
    this.#maxOpeningFlows = options.maxOpeningFlows;
    this.#masks = createAffinityMasks(options.affinityPrefix4, options.affinityPrefix6);
  }

  /** The hash of the key at `keys[at …]`. */
  hashOf(keys: Int32Array, at: number): number {
    return hashKey(this.#seed, keys, at);
  }

  /**
   * Begins the flow with the key at `keys[at …]`, which must not be in the table, in state `state` at tick `tick`. Returns its
   * entry, or NO_ENTRY.
   */
  begin(keys: Int32Array, at: number, hash: number, state: number, tick: number): number {
    this.verdict = VERDICT_NEW_FLOW;
    return this.#isBySource
      ? this.#beginOfSource(keys, at, hash, state, tick)
      : this.#insert(keys, at, hash, this.#choose(hash), NO_ENTRY, state, tick);
  }

  /**
   * Whether a SYN with the key at `keys[at …]` has to prove that its source is no forged one before anything is kept of it: too many
   * flows are half open, and no connection was had with that source within its affinity time, or far too many are.
   */
  isToProve(keys: Int32Array, at: number, tick: number): boolean {
    const table = this.#table;
    const { openingFlows } = table;
    if (openingFlows < this.#maxOpeningFlows) return false;
    if (openingFlows >= 2 * this.#maxOpeningFlows) return true;
    const source = this.#findSource(keys, at, tick);
    return source === NO_ENTRY || !table.isProven(source);
  }

  /**
   * The worker for a packet that leaves nothing behind, here or on the board: by its hash alone, or all of them would go to one;
   * -1 if none serves.
   */
  chooseWithoutFlow(hash: number): number {
    // Signed or not, the lots are the same; but an unsigned number would be allocated, and this is once a packet.
    return rendezvous(this.#board, this.workerCount, hash);
  }

  #beginOfSource(keys: Int32Array, at: number, hash: number, state: number, tick: number): number {
    const table = this.#table;
    let source = this.#findSource(keys, at, tick);
    const sourceHash = this.#sourceHash;
    let worker = source === NO_ENTRY ? -1 : table.workerOf(source);
    if (worker < 0 || this.#board.getOwn(worker, BOARD_STATE) !== WORKER_SERVING) {
      worker = this.#choose(sourceHash);
      if (worker >= 0) {
        this.verdict = VERDICT_NEW_SOURCE;
        if (source !== NO_ENTRY) table.repinSource(source, worker);
        else source = table.insertSource(this.#sourceKey, 0, sourceHash, worker, tick);
      }
    } else if (this.#isSpillDue(worker, source)) {
      worker = this.#choose(hash);
    }
    return this.#insert(keys, at, hash, worker, source, state, tick);
  }

  /** The entry of the source of the flow with the key at `keys[at …]`, or NO_ENTRY. */
  #findSource(keys: Int32Array, at: number, tick: number): number {
    writeSourceKey(keys, at, this.#masks, this.#sourceKey, 0);
    this.#sourceHash = this.hashOf(this.#sourceKey, 0);
    return this.#table.lookupSource(this.#sourceKey, 0, this.#sourceHash, tick);
  }

  #isSpillDue(worker: number, source: number): boolean {
    const flows = this.#table.liveFlowsOf(source);
    return isSpillDue(this.#board, this.workerCount, worker, flows, this.#spillFlows);
  }

  #choose(hash: number): number {
    const worker = this.policy(this.#board, this.workerCount, hash >>> 0);
    if (worker >= 0) {
      this.#turn = (this.#turn + 1) | 0;
      this.#board.set(worker, BOARD_TURN, this.#turn);
    }
    return worker;
  }

  #insert(
    keys: Int32Array,
    at: number,
    hash: number,
    worker: number,
    source: number,
    state: number,
    tick: number,
  ): number {
    if (worker < 0) {
      this.verdict = VERDICT_NO_WORKER;
      return NO_ENTRY;
    }
    const flow = this.#table.insertFlow(keys, at, hash, worker, source, state, tick);
    if (flow === NO_ENTRY) this.verdict = VERDICT_TABLE_FULL;
    return flow;
  }
}
