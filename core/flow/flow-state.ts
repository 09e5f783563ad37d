// The state of a TCP flow as the director sees it: half of the connection, since the answers go past it. It only has to
// tell half-open, open and closing flows apart, for their timeouts and their place in the order of eviction; what TCP
// really does is the worker's to know, who reports the flow's end. Must know no table.
//
//   packet of the client          opening        established    closing
//   without ACK, or SYN-ACK       opening        by the other rows
//   FIN or RST                    closing        closing        closing
//   others                        established    established    closing
//
// A closing flow stays one whatever comes: a client that has closed its half still acknowledges ours, and as long as it
// does the flow is seen and does not age. Only a new SYN is another matter: see FlowTable.followTcp.

import { PROTOCOL_TCP } from "../wire/protocols.js";
import { ACK, FIN, RST, SYN } from "../wire/tcp.js";
import { STATE_CLOSING, STATE_DATAGRAM, STATE_ESTABLISHED, STATE_OPENING } from "./flow-entry.js";

/**
 * State of a new flow. A TCP flow that begins in the middle of a connection (the farm was restarted, the entry evicted)
 * is opening as well: a lone packet proves nothing, the next one does.
 */
export function firstState(protocol: number): number {
  return protocol === PROTOCOL_TCP ? STATE_OPENING : STATE_DATAGRAM;
}

/** State of a TCP flow after a packet with these flags. */
export function nextTcpState(state: number, tcpFlags: number): number {
  if (state === STATE_OPENING && (tcpFlags & (SYN | ACK)) !== ACK) return STATE_OPENING;
  if ((tcpFlags & (FIN | RST)) !== 0) return STATE_CLOSING;
  return state === STATE_OPENING ? STATE_ESTABLISHED : state;
}

/** Whether the packet asks for a new connection. */
export function isOpeningSyn(tcpFlags: number): boolean {
  return (tcpFlags & (FIN | SYN | RST | ACK)) === SYN;
}

/** Whether the packet can leave an established flow in no other state, and begins no other flow. */
export function isPlain(tcpFlags: number): boolean {
  return (tcpFlags & (FIN | SYN | RST)) === 0;
}
