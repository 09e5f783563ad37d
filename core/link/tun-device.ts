// Opens and configures a Linux TUN device: the virtual cable whose other end is the kernel's own IP stack.
// Everything goes through ioctl, so that no `ip` program is needed. It knows nothing of packets.
// The kernel's side: linux/if_tun.h, linux/if.h, linux/sockios.h, linux/ipv6.h.

import { closeSync, constants, openSync } from "node:fs";
import { getSystemErrorMap } from "node:util";
import { type InterfaceAddress, TunError } from "./interface-address.js";
import { errno, ioctl, ioctlNumber, socket } from "./libc.js";

// linux/if_tun.h
const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
/** We take packets whose checksum is only begun, and TCP segments that are not cut to the MTU, up to 64 KiB. */
const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;

// linux/sockios.h
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCSIFADDR = 0x8916;
const SIOCSIFNETMASK = 0x891c;
const SIOCSIFMTU = 0x8922;
const SIOCGIFINDEX = 0x8933;
const SIOCSIFTXQLEN = 0x8943;
const IFF_UP = 0x1;

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;

/** `struct ifreq`: a name of 16 bytes and a union of 24. */
const IFREQ_BYTES = 40;
const IFREQ_UNION = 16;
const INTERFACE_NAME_BYTES = 15;

/** Packets that the kernel queues for us; its default of 500 is less than one burst of a thousand connections. */
const TRANSMIT_QUEUE_PACKETS = 8192;

export interface TunDeviceOptions {
  /** Interface name, at most 15 characters. */
  readonly device: string;
  readonly mtuBytes: number;
  /** Addresses of the kernel's side, each with the prefix that is routed to the device. */
  readonly hostAddresses: readonly InterfaceAddress[];
  /**
   * Take packets of local senders whose checksums are only begun, and TCP segments that are not cut yet. False: packets come as on a
   * cable, complete and no longer than the MTU.
   */
  readonly offload: boolean;
}

const NEED_RIGHT =
  "opening a TUN device needs the CAP_NET_ADMIN capability: start limpet as root, or give node the capability " +
  'once with: sudo setcap cap_net_admin+ep "$(readlink -f "$(which node)")"';

function errorName(code: number): string {
  return getSystemErrorMap().get(-code)?.[0] ?? `error ${code}`;
}

/** Opens the device, gives it its addresses and brings it up. Returns its file descriptor. Throws `TunError`. */
export function openTunDevice(options: TunDeviceOptions): number {
  const fileDescriptor = openTunFile();
  try {
    attach(fileDescriptor, options);
    configure(options);
    return fileDescriptor;
  } catch (error) {
    closeSync(fileDescriptor);
    throw error;
  }
}

function openTunFile(): number {
  try {
    return openSync("/dev/net/tun", constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EACCES" || code === "EPERM") throw new TunError("no_permission", NEED_RIGHT);
    throw new TunError(
      "no_tun",
      `this system has no usable /dev/net/tun (${code}): load the kernel's module with "modprobe tun", or pass the ` +
        "device into the container with --device /dev/net/tun",
    );
  }
}

function attach(fileDescriptor: number, { device, offload }: TunDeviceOptions): void {
  const request = interfaceRequest(device);
  request.writeUInt16LE(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, IFREQ_UNION);
  if (ioctl(fileDescriptor, TUNSETIFF, request) < 0) {
    const code = errorName(errno());
    if (code === "EPERM") throw new TunError("no_permission", NEED_RIGHT);
    if (code === "EBUSY") {
      throw new TunError(
        "busy",
        `the device ${device} is in use by another process: stop it or choose another with --device`,
      );
    }
    if (code === "EINVAL") {
      throw new TunError(
        "bad_name",
        `${device} cannot be a TUN device (an interface of another kind has that name?): choose another with --device`,
      );
    }
    throw new TunError("failed", `the kernel refused the TUN device ${device} (${code})`);
  }
  const features = offload ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0;
  if (ioctlNumber(fileDescriptor, TUNSETOFFLOAD, features) < 0) {
    throw new TunError(
      "failed",
      `the kernel refused the offload features of ${device} (${errorName(errno())})`,
    );
  }
}

function interfaceRequest(device: string): Buffer {
  if (!/^[\w.-]+$/.test(device) || device.length > INTERFACE_NAME_BYTES) {
    throw new TunError(
      "bad_name",
      `"${device}" is not an interface name: at most ${INTERFACE_NAME_BYTES} letters, digits, dots, dashes or underscores`,
    );
  }
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write(device, "latin1");
  return request;
}

function configure(options: TunDeviceOptions): void {
  const control = socket(AF_INET, SOCK_DGRAM, 0);
  if (control < 0) throw new TunError("failed", `no socket to configure ${options.device} with`);
  try {
    const request = (number: number, fill: (argument: Buffer) => void, what: string): Buffer => {
      const argument = interfaceRequest(options.device);
      fill(argument);
      if (ioctl(control, number, argument) < 0) {
        throw new TunError(
          "failed",
          `the kernel refused the ${what} of ${options.device} (${errorName(errno())})`,
        );
      }
      return argument;
    };
    request(SIOCSIFMTU, (argument) => argument.writeInt32LE(options.mtuBytes, IFREQ_UNION), "MTU");
    request(
      SIOCSIFTXQLEN,
      (argument) => argument.writeInt32LE(TRANSMIT_QUEUE_PACKETS, IFREQ_UNION),
      "queue length",
    );
    for (const host of options.hostAddresses) {
      if (host.address.length !== 4) continue;
      request(SIOCSIFADDR, (argument) => writeSocketAddress(argument, host.address), "IPv4 address");
      request(
        SIOCSIFNETMASK,
        (argument) => writeSocketAddress(argument, netmask(host.prefixLength)),
        "netmask",
      );
    }
    const flags = request(SIOCGIFFLAGS, () => {}, "flags").readUInt16LE(IFREQ_UNION);
    request(SIOCSIFFLAGS, (argument) => argument.writeUInt16LE(flags | IFF_UP, IFREQ_UNION), "state");
    const index = request(SIOCGIFINDEX, () => {}, "index").readInt32LE(IFREQ_UNION);
    for (const host of options.hostAddresses) {
      if (host.address.length === 16) addIpv6Address(options.device, index, host);
    }
  } finally {
    closeSync(control);
  }
}

/** `struct in6_ifreq`: the address (16 bytes), the prefix length and the interface's index. */
function addIpv6Address(device: string, index: number, host: InterfaceAddress): void {
  const control = socket(AF_INET6, SOCK_DGRAM, 0);
  if (control < 0) throw new TunError("address_refused", `no IPv6 socket to configure ${device} with`);
  try {
    const argument = Buffer.alloc(24);
    argument.set(host.address, 0);
    argument.writeUInt32LE(host.prefixLength, 16);
    argument.writeInt32LE(index, 20);
    if (ioctl(control, SIOCSIFADDR, argument) < 0) {
      const code = errorName(errno());
      if (code === "EEXIST") return;
      throw new TunError(
        "address_refused",
        `the kernel refused the IPv6 address of ${device} (${code}): leave IPv6 out with --address6 none`,
      );
    }
  } finally {
    closeSync(control);
  }
}

/** `struct sockaddr_in` in the union of an ifreq. */
function writeSocketAddress(request: Buffer, address: Uint8Array): void {
  request.writeUInt16LE(AF_INET, IFREQ_UNION);
  request.set(address, IFREQ_UNION + 4);
}

function netmask(prefixLength: number): Uint8Array {
  const mask = Buffer.alloc(4);
  mask.writeUInt32BE(prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0);
  return mask;
}
