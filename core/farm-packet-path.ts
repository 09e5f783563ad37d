// What a farm's settings mean for the way of its packets: packet pool, flow table, and how sources are placed. The farm and
// a replay of a capture (cli/replay/run.ts) make theirs here, so that one decides as the other would.

import type { PlacementOptions } from "./director/placement.js";
import { POLICIES } from "./director/policies.js";
import { allocateFlowTable, type FlowTableMemory } from "./flow/flow-entry.js";
import { createSeed, seedFrom } from "./flow/flow-hash.js";
import { type FlowObserver, FlowTable } from "./flow/flow-table.js";
import { DEFAULT_FLOW_TIMEOUTS } from "./flow/flow-timeouts.js";
import { allocatePacketPool, type PacketPoolMemory } from "./memory/packet-pool.js";
import type { FarmSettings } from "./options.js";

/** Packets that may wait for one worker. */
export const RING_PACKETS = 4096;
/** Bytes of a packet slot: an MTU of 1500 and the headroom, rounded up to a power of two. */
const SLOT_BYTES = 2048;
/**
 * Large slots, 64 KiB each, for TCP segments that the device has not cut and packets that come in fragments: so many, but no more
 * than a part of the slots. What is never used of them takes no memory.
 */
const LARGE_SLOTS = 512;
const SLOTS_FOR_A_LARGE_ONE = 16;
/** Packets in the making take no more than one large slot in so many: the link is to have some whatever fragments come. */
const LARGE_SLOTS_FOR_A_FRAGMENTED_PACKET = 2;
/** Half-open flows from which on sources have to prove themselves: no more than each worker bears, should all be its own. */
const MAX_OPENING_FLOWS = 1024;

export function allocatePool({ poolSlots }: FarmSettings): PacketPoolMemory {
  const largeSlots = Math.min(LARGE_SLOTS, Math.floor(poolSlots / SLOTS_FOR_A_LARGE_ONE));
  return allocatePacketPool(poolSlots, SLOT_BYTES, largeSlots);
}

/** Packets that may be put together from fragments at once. */
export function reassemblyPlacesOf({ fragments }: FarmSettings, pool: PacketPoolMemory): number {
  return fragments === "reassemble"
    ? Math.floor(pool.largeSlotCount / LARGE_SLOTS_FOR_A_FRAGMENTED_PACKET)
    : 0;
}

/** `memory` is to be new; the farm looks at it as well. */
export function createFlowTable(
  { affinityTimeMs, flowEntries, tableFull }: FarmSettings,
  observer: FlowObserver,
  memory: FlowTableMemory = allocateFlowTable(flowEntries),
): FlowTable {
  return new FlowTable(memory, { ...DEFAULT_FLOW_TIMEOUTS, affinityTimeMs }, tableFull, observer);
}

/** How sources are placed. */
export function placementOf(settings: FarmSettings): Omit<PlacementOptions, "flowTable" | "loadBoard"> {
  return {
    policy: POLICIES[settings.policy],
    seed: settings.seed === undefined ? createSeed() : seedFrom(BigInt(settings.seed)),
    affinity: settings.affinity,
    affinityPrefix4: settings.affinityPrefix,
    affinityPrefix6: settings.affinityPrefix6,
    spillFlows: settings.spillFlows,
    maxOpeningFlows: Math.min(MAX_OPENING_FLOWS, settings.flowEntries >>> 2),
  };
}
