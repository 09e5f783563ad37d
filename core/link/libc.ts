// The few C functions that a TUN device needs, through FFI. Memory is named by its address, a plain number: an address
// passed as a number costs no allocation, and a range of shared memory needs no view of its own for each call.

import koffi from "koffi";

const libc = koffi.load(null);

/** `readv(2)` into the ranges that `count` iovecs at `address` name; the bytes read, or -1 and `errno()`. */
export const readv: (fileDescriptor: number, address: number, count: number) => number = libc.func(
  "int64_t readv(int fd, uintptr_t iovecs, int count)",
);

/** `write(2)` from memory at `address`; the bytes written, or -1 and `errno()`. */
export const write: (fileDescriptor: number, address: number, bytes: number) => number = libc.func(
  "int64_t write(int fd, uintptr_t buffer, size_t bytes)",
);

/** `ioctl(2)` with a structure as its argument; 0, or -1 and `errno()`. */
export const ioctl: (fileDescriptor: number, request: number, argument: Uint8Array) => number = libc.func(
  "int ioctl(int fd, unsigned long request, void *argument)",
);

/** `ioctl(2)` with a number as its argument. */
export const ioctlNumber: (fileDescriptor: number, request: number, argument: number) => number = libc.func(
  "int ioctl(int fd, unsigned long request, unsigned long argument)",
);

/** `socket(2)`; a file descriptor, or -1 and `errno()`. */
export const socket: (domain: number, type: number, protocol: number) => number = libc.func(
  "int socket(int domain, int type, int protocol)",
);

/** The error number of this thread's last call. */
export const errno: () => number = koffi.errno;

/** The address of a view's first byte. The memory behind `bytes` must not be garbage while the address is in use. */
export function addressOf(bytes: Uint8Array): number {
  return Number(koffi.address(bytes));
}

/** Waits for a file descriptor to become readable, through the event loop. */
export function createPoll(fileDescriptor: number, readable: () => void) {
  const handle = koffi.node.poll(fileDescriptor, { readable: true }, readable);
  handle.stop();
  return {
    start: () => handle.start({ readable: true }, readable),
    stop: () => handle.stop(),
    close: () => handle.close(),
  };
}
