// Keeps the load board's counts of flows and sources: what the flow table tells, written where the policies read it. Main's alone.

import { BOARD_FLOWS, BOARD_SOURCES, type LoadBoard } from "../memory/load-board.js";
import type { FlowObserver } from "./flow-table.js";

export function countOnBoard(board: LoadBoard): FlowObserver {
  return {
    flowStarted: (worker) => board.add(worker, BOARD_FLOWS, 1),
    flowEnded: (worker) => board.add(worker, BOARD_FLOWS, -1),
    sourceStarted: (worker) => board.add(worker, BOARD_SOURCES, 1),
    sourceEnded: (worker) => board.add(worker, BOARD_SOURCES, -1),
  };
}
