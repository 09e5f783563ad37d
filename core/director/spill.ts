// Spill: when a new flow of a source may go to another worker than the source's own. One address can be a proxy with a
// million users; pinned, they would all be one worker's. The source stays pinned and its flows stay where they are; only
// where the new one goes is asked of the policy. A pure function of the load board and of the source's flows.

import { BOARD_FLOWS, BOARD_STATE, type LoadBoard, WORKER_SERVING } from "../memory/load-board.js";

/** Flows above twice the others' mean that a worker may have all the same, so that an idle farm is not "uneven". */
export const SPILL_ALLOWANCE_FLOWS = 16;

/**
 * Whether a new flow of a source that is pinned to `worker` and has `sourceFlows` live flows may go elsewhere: the source is
 * hot (it has at least `spillFlows`; 0: no source ever is), and its worker holds more than twice the mean of the flows of the
 * *other* serving workers among 0 … `workerCount`-1, and the allowance. Of the others, because in a small farm the hot
 * worker itself lifts the mean: of two workers none can have more than twice the mean of both.
 */
export function isSpillDue(
  board: LoadBoard,
  workerCount: number,
  worker: number,
  sourceFlows: number,
  spillFlows: number,
): boolean {
  if (spillFlows <= 0 || sourceFlows < spillFlows) return false;
  let others = 0;
  let flows = 0;
  for (let other = 0; other < workerCount; other++) {
    if (other === worker || board.getOwn(other, BOARD_STATE) !== WORKER_SERVING) continue;
    others++;
    flows += board.getOwn(other, BOARD_FLOWS);
  }
  if (others === 0) return false;
  return (board.getOwn(worker, BOARD_FLOWS) - SPILL_ALLOWANCE_FLOWS) * others > 2 * flows;
}
