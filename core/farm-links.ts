// The links of a farm: which ones its settings ask for, and why one that they would like is not there.

import { FaultyLink } from "./link/faulty.js";
import { hasIpv6, TunError } from "./link/interface-address.js";
import type { Link, PacketLink } from "./link/link.js";
import { SocketLink } from "./link/socket.js";
import { type FarmSettings, hostAddressOf, httpUrlOf, OptionError, urlOf } from "./options.js";

export interface FarmLinks {
  /** Those that carry packets first: a worker counts on it. */
  readonly links: readonly Link[];
  /** Where to reach the farm, a URL each. */
  readonly urls: readonly string[];
  /** Why there is no TUN device, and how to get one, where one was wanted if possible. */
  readonly absentTun: string | undefined;
}

/** Codes of what keeps a TUN device from those who may do without: no right to it, or no such thing here. */
const UNAVAILABLE = new Set(["no_permission", "no_tun"]);

/**
 * Opens the links; `given` ones are in a TUN device's place. Rejects with a `TunError` or a
 * `SocketError`, and nothing is open.
 */
export async function openLinks(settings: FarmSettings, given?: readonly PacketLink[]): Promise<FarmLinks> {
  const faulty = (link: PacketLink): PacketLink =>
    settings.fault === undefined ? link : new FaultyLink(link, settings.fault, () => performance.now());
  const links: Link[] = [];
  const urls: string[] = [];
  let absentTun: string | undefined;
  try {
    if (given !== undefined) {
      links.push(...given.map(faulty));
    } else if (settings.tun !== "off") {
      absentTun = await openTun(settings, links, urls, faulty);
    }
    if (settings.socket !== undefined) {
      const link = await SocketLink.listen(settings.socket);
      links.push(link);
      urls.push(httpUrlOf(link));
    }
  } catch (error) {
    for (const link of links) link.close();
    throw error;
  }
  if (links.length === 0)
    throw new OptionError(absentTun ?? "there is no link: tun is off, and socket is none");
  return { links, urls, absentTun };
}

/** Returns why there is no device, if there may be none. */
async function openTun(
  settings: FarmSettings,
  links: Link[],
  urls: string[],
  faulty: (link: PacketLink) => PacketLink,
): Promise<string | undefined> {
  const { device, mtuBytes, tun, port, fault } = settings;
  const addresses = farmAddresses(settings);
  // Who wants faults has them or hears why not.
  const mayBeAbsent = tun === "auto" && fault === undefined;
  try {
    requireTun();
    // Loaded where it can work only: it calls functions that other systems do not have.
    const { TunLink } = await import("./link/tun.js");
    const hostAddresses = addresses.map(hostAddressOf);
    links.push(faulty(new TunLink({ device, mtuBytes, hostAddresses, offload: fault === undefined })));
  } catch (error) {
    if (mayBeAbsent && error instanceof TunError && UNAVAILABLE.has(error.code)) return error.message;
    throw error;
  }
  urls.push(...addresses.map((address) => urlOf(address, port)));
  return undefined;
}

function requireTun(): void {
  if (process.platform === "linux") return;
  throw new TunError(
    "no_tun",
    `TUN devices of limpet's kind exist on Linux only, and this is ${process.platform}`,
  );
}

/** Addresses that the farm has on its device: those of the settings, IPv6 only where the system has it. */
export function farmAddresses(settings: FarmSettings): FarmSettings["addresses"] {
  return settings.addresses.filter(({ address }) => address.length === 4 || hasIpv6());
}
