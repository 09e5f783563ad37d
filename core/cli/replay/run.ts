// One capture through the director, and what became of it: the packet path of a farm with these settings, without its threads.
// Counts in three places that know nothing of each other (the link, the director, the workers), and says whether they agree.

import { ThreadlessFarm } from "../../director/threadless-farm.js";
import { isForwarded, VERDICTS, type Verdict } from "../../director/verdict.js";
import {
  allocatePool,
  createFlowTable,
  placementOf,
  RING_PACKETS,
  reassemblyPlacesOf,
} from "../../farm-packet-path.js";
import type { FlowCounterName } from "../../flow/flow-counters.js";
import type { ReassemblyCounterName } from "../../flow/fragment-fates.js";
import { PcapLink, type ReplayClock } from "../../link/pcap.js";
import type { FarmSettings } from "../../options.js";
import { fullSpeed, type Pace, recordedPace } from "./pace.js";
import { type Spread, spreadOf } from "./spread.js";

/** Verdicts of packets that workers were given. */
const FORWARDED = VERDICTS.filter((_, verdict) => isForwarded(verdict));

export type PaceName = "full" | "recorded";

/** Turns in a row before the event loop gets its own: Ctrl-C. */
const TURNS_PER_EVENT_LOOP = 1024;

export interface ReplayOptions {
  readonly path: string;
  readonly pace: PaceName;
  readonly settings: FarmSettings;
  /** Addresses that are the farm's, 4 or 16 bytes each; none: all are. */
  readonly ownAddresses: readonly Uint8Array[];
  /** Ends the replay early. */
  readonly signal: AbortSignal;
  /** Of the recorded pace. */
  readonly clock: ReplayClock;
}

/** What one worker was given. Its flows are those that began, its sources those that were pinned to it. */
export interface WorkerShare {
  readonly worker: number;
  readonly packets: number;
  readonly bytes: number;
  readonly flows: number;
  readonly sources: number;
}

/** What became of a capture. Equal for equal captures and settings with a seed at full speed, `busyMs` aside. */
export interface ReplayRun {
  /** False: it was ended before the capture's end. */
  readonly isWhole: boolean;
  /** Records of the file that were looked at, and time between the first and the latest, in seconds. */
  readonly records: number;
  readonly recordedSeconds: number;
  /** IP packets that the link delivered, and their bytes. */
  readonly packets: number;
  readonly bytes: number;
  /** Records that were not delivered, by reason. */
  readonly drops: Readonly<Record<keyof PcapLink["drops"], number>>;
  /** Packets that were, by what the director did with them. */
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** Packets that the director handed to workers, by the workers' own count. */
  readonly handedOver: number;
  /** Records that have no one reason or verdict, too many or too few: 0. */
  readonly unaccounted: number;
  readonly table: {
    readonly entries: number;
    /** Flows and sources together: the most at once, and at the end. */
    readonly most: number;
    readonly flowsAtEnd: number;
    readonly sourcesAtEnd: number;
    readonly counts: Readonly<Record<FlowCounterName, number>>;
  };
  readonly reassembly: Readonly<Record<ReassemblyCounterName, number>>;
  readonly workers: readonly WorkerShare[];
  readonly spread: Readonly<Record<"packets" | "flows" | "sources", Spread>>;
  /** Time in which packets were on their way, in ms: reading the file, link, director, stand-ins. Without waits and housekeeping. */
  readonly busyMs: number;
}

/** A capture that has been opened. */
export class Replay {
  readonly #options: ReplayOptions;
  readonly #pace: Pace;
  readonly #link: PcapLink;

  /** Throws `CaptureError` for what is no capture, and what `fs` throws. */
  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#pace = options.pace === "recorded" ? recordedPace(options.clock) : fullSpeed();
    // The pace decides what the recorded time is; the link keeps to it.
    this.#link = new PcapLink({ path: options.path, pace: "recorded", clock: this.#pace.clock });
  }

  /** Plays it, once. Rejects with what `fs` throws. */
  async run(): Promise<ReplayRun> {
    const { settings, ownAddresses } = this.#options;
    const pool = allocatePool(settings);
    const farm = new ThreadlessFarm({
      ...placementOf(settings),
      links: [this.#link],
      pool,
      workers: settings.workers,
      ringPackets: RING_PACKETS,
      createFlowTable: (observer) => createFlowTable(settings, observer),
      addresses: ownAddresses,
      reassemblyPlaces: reassemblyPlacesOf(settings, pool),
      // Any port has a service.
      datagramPort: 0,
      now: this.#pace.nowMs,
    });
    try {
      const { most, busyMs } = await this.#play(farm);
      return this.#resultOf(farm, most, busyMs);
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#link.close();
  }

  async #play(farm: ThreadlessFarm): Promise<{ most: number; busyMs: number }> {
    const { signal } = this.#options;
    const link = this.#link;
    let most = 0;
    let busyMs = 0;
    let turns = 0;
    while (!link.ended && !signal.aborted) {
      let packets: number;
      const started = performance.now();
      do {
        packets = farm.turn();
        turns++;
        most = Math.max(most, farm.flowTable.flows + farm.flowTable.sources);
      } while (packets > 0 && turns < TURNS_PER_EVENT_LOOP);
      busyMs += performance.now() - started;
      if (packets === 0 && !link.ended) await this.#pace.pass(link, farm, signal);
      if (turns < TURNS_PER_EVENT_LOOP) continue;
      turns = 0;
      await new Promise(setImmediate);
    }
    return { most, busyMs };
  }

  #resultOf(farm: ThreadlessFarm, most: number, busyMs: number): ReplayRun {
    const link = this.#link;
    const isWhole = link.ended;
    // Counts what the file has left cut off.
    link.close();
    const { director, flowTable } = farm;
    const workers = farm.given.map((counters, worker) => ({ worker, ...counters.snapshot() }));
    const column = (name: keyof WorkerShare) => workers.map((share) => share[name]);
    const verdicts = director.counters.snapshot();
    const handedOver = sum(column("packets"));
    const forwarded = sum(FORWARDED.map((verdict) => verdicts[verdict]));
    const accounted = sum(Object.values(link.drops)) + sum(Object.values(verdicts));
    return {
      isWhole,
      records: link.records,
      recordedSeconds: link.recordedMs / 1000,
      packets: link.received,
      bytes: link.receivedBytes,
      drops: { ...link.drops },
      verdicts,
      handedOver,
      unaccounted: Math.abs(link.records - accounted) + Math.abs(handedOver - forwarded),
      table: {
        entries: flowTable.capacity,
        most,
        flowsAtEnd: flowTable.flows,
        sourcesAtEnd: flowTable.sources,
        counts: flowTable.counters.snapshot(),
      },
      reassembly: director.reassemblyCounters.snapshot(),
      workers,
      spread: {
        packets: spreadOf(column("packets")),
        flows: spreadOf(column("flows")),
        sources: spreadOf(column("sources")),
      },
      busyMs,
    };
  }
}

export function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0);
}
