// What can be said of network interfaces without calling the system's own functions: their addresses, and why one could not be
// had. Apart from tun-device.ts because it is needed where no device can be opened, too.

import { existsSync } from "node:fs";

/** An address on an interface. */
export interface InterfaceAddress {
  readonly address: Uint8Array;
  readonly prefixLength: number;
}

/** Why a device could not be had. */
export type TunErrorCode = "no_permission" | "no_tun" | "busy" | "bad_name" | "address_refused" | "failed";

/** The device could not be opened or configured; the message is one sentence for the person who started limpet. */
export class TunError extends Error {
  override readonly name = "TunError";
  readonly code: TunErrorCode;

  constructor(code: TunErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** True if this system's kernel has IPv6 switched on. */
export function hasIpv6(): boolean {
  return existsSync("/proc/net/if_inet6");
}
